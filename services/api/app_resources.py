"""What an application is made of, for the server that runs it.

Cheap to import: the master process, which makes no application, imports it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flask import Flask

    from api.counters import Counters
    from api.redis_connection import RedisConnection, RedisHealthCheck
    from api.republish import Republisher
    from api.request_queue import RequestQueue
    from runtime.readiness import Readiness

#: Where an application keeps its ``AppResources``, among its extensions.
_NAME: Final = "resources"


@dataclass(frozen=True)
class AppResources:
    """The resources of one application."""

    counters: Counters
    readiness: Readiness
    connection: RedisConnection
    republisher: Republisher
    redis_check: RedisHealthCheck
    #: Of the worker's connections.
    request_queue: RequestQueue[Any]
    #: Seconds for which the service answers on once it was told to end.
    drain_seconds: float

    def attach(self, app: Flask) -> None:
        """Give the resources to their application."""
        app.extensions[_NAME] = self


def resources_of(app: Flask) -> AppResources:
    """The resources of ``app``."""
    resources: AppResources = app.extensions[_NAME]
    return resources
