"""The state behind the probes ``/livez`` and ``/readyz``. Liveness never depends on Redis."""

import threading
import time
from collections.abc import Callable

from runtime.clock import timestamp

LIVE = "live\n"


class Readiness:
    """The readiness of a service: its contact with Redis, missing functions, and draining. Thread-safe.

    Before the first contact with Redis the service is not ready: 503. While it drains, the response is 404: a load
    balancer then sends no new clients and keeps the present ones (HAProxy's ``http-check disable-on-404``). A later
    outage of Redis does not change the readiness, because it would take all replicas out of service together.
    """

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._contacted = False
        self._down_since: float | None = wall_clock()
        self._functions_missing: str | None = None
        self._draining = False

    def redis_up(self) -> bool:
        """Note that Redis answered; return whether the state changed."""
        with self._lock:
            news = self._down_since is not None
            self._contacted, self._down_since = True, None
            return news

    def redis_down(self) -> bool:
        """Note that Redis did not answer; return whether the state changed."""
        with self._lock:
            if self._down_since is not None:
                return False
            self._down_since = self._wall_clock()
            return True

    def note_functions_missing(self, reason: str) -> None:
        """Note that Redis answers but cannot run the product's functions; ``reason`` is a sentence.

        This is not a first contact: a service that cannot use Redis is not ready.
        """
        with self._lock:
            self._functions_missing = reason
            if self._contacted:
                self._down_since = None

    def note_functions(self) -> bool:
        """Note that Redis ran one of the product's functions; return whether the state changed."""
        with self._lock:
            news = self._functions_missing is not None
            self._functions_missing = None
            return news

    def drain(self) -> None:
        """Note that the service is draining."""
        with self._lock:
            self._draining = True

    @property
    def is_draining(self) -> bool:
        """Whether the service is draining."""
        return self._draining

    @property
    def redis_down_since(self) -> str | None:
        """Start of the present outage of Redis, or of the service; ``None`` while Redis is up."""
        since = self._down_since
        return None if since is None else timestamp(since)

    @property
    def functions_missing(self) -> str | None:
        """The reason why Redis could not run the product's functions; ``None`` if it could."""
        return self._functions_missing

    def readyz(self) -> tuple[int, str]:
        """Return the HTTP status and text of ``/readyz``."""
        down_since, missing = self.redis_down_since, self._functions_missing
        if self._draining:
            return 404, "draining\n"
        if not self._contacted:
            reason = missing or f"no contact with Redis yet, tried since {down_since}"
            return 503, f"not ready: {reason}\n"
        redis = "up" if down_since is None else f"down since {down_since}"
        return 200, f"ready\nredis: {redis}\n" + (f"functions: {missing}\n" if missing else "")
