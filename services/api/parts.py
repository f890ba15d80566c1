"""What runs beside the requests. Cheap to import: the master process, which runs none of it, imports it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flask import Flask

    from api.counters import Counters
    from api.link import RedisLink
    from api.republish import Republisher
    from api.turns import Turns
    from api.watch import Watch
    from runtime.readiness import Readiness

#: Where an application keeps its ``Parts``, among its extensions.
_NAME: Final = "parts"


@dataclass(frozen=True)
class Parts:
    """The parts of one application, for whoever runs it."""

    counters: Counters
    readiness: Readiness
    link: RedisLink
    republisher: Republisher
    watch: Watch
    #: Of the worker's connections.
    turns: Turns[Any]

    def attach(self, app: Flask) -> None:
        """Give the parts to their application."""
        app.extensions[_NAME] = self


def parts_of(app: Flask) -> Parts:
    """The parts of ``app``."""
    parts: Parts = app.extensions[_NAME]
    return parts
