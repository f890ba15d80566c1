"""What an application is made of, for the server that runs it.

Cheap to import: the master process, which makes no application, imports it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flask import Flask

    from api.counters import Counters
    from api.redis_link import RedisLink, RedisWatch
    from api.republish import Republisher
    from api.turns import Turns
    from runtime.readiness import Readiness

#: Where an application keeps its ``Components``, among its extensions.
_NAME: Final = "components"


@dataclass(frozen=True)
class Components:
    """The components of one application."""

    counters: Counters
    readiness: Readiness
    link: RedisLink
    republisher: Republisher
    watch: RedisWatch
    #: Of the worker's connections.
    turns: Turns[Any]
    #: Seconds for which the service answers on once it was told to end.
    drain_seconds: float

    def attach(self, app: Flask) -> None:
        """Give the components to their application."""
        app.extensions[_NAME] = self


def components_of(app: Flask) -> Components:
    """The components of ``app``."""
    components: Components = app.extensions[_NAME]
    return components
