"""The shared objects of an application, for the server that runs it.

The master process imports this module but creates no application, so the import is cheap.
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

#: Name of the ``AppResources`` among the application's extensions.
_NAME: Final = "resources"


@dataclass(frozen=True)
class AppResources:
    """The shared objects of one application."""

    counters: Counters
    readiness: Readiness
    connection: RedisConnection
    republisher: Republisher
    redis_check: RedisHealthCheck
    #: The requests of the worker's connections.
    request_queue: RequestQueue[Any]
    #: Seconds that the service keeps answering after a stop signal.
    drain_seconds: float

    def attach(self, app: Flask) -> None:
        """Attach these resources to ``app``."""
        app.extensions[_NAME] = self


def resources_of(app: Flask) -> AppResources:
    """Return the resources of ``app``."""
    resources: AppResources = app.extensions[_NAME]
    return resources
