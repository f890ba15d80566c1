"""What ``/livez`` and ``/readyz`` say. Liveness never looks at Redis."""

import threading
import time
from collections.abc import Callable

from contract.clock import timestamp
from contract.messages import Timestamp

LIVE = "live\n"


class Readiness:
    """Whether Redis was reached yet, since when it is away, and whether the service is draining.

    Before the first contact and while draining a service is not ready. Redis away later is no reason: taking every
    replica out of service would help nobody. Safe to use from several threads.
    """

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._contacted = False
        self._down_since: float | None = wall_clock()
        self._draining = False

    def redis_up(self) -> bool:
        """Note that Redis answered; return whether that is news."""
        with self._lock:
            news = self._down_since is not None
            self._contacted, self._down_since = True, None
            return news

    def redis_down(self) -> bool:
        """Note that Redis did not answer; return whether that is news."""
        with self._lock:
            if self._down_since is not None:
                return False
            self._down_since = self._wall_clock()
            return True

    def drain(self) -> None:
        """Note that the service is about to stop."""
        with self._lock:
            self._draining = True

    @property
    def is_draining(self) -> bool:
        """Whether the service is about to stop."""
        return self._draining

    @property
    def redis_down_since(self) -> Timestamp | None:
        """When Redis was last seen to go away (or the service's start); ``None`` while it is up."""
        since = self._down_since
        return None if since is None else timestamp(since)

    def readyz(self) -> tuple[int, str]:
        """Return HTTP status and text of ``/readyz``."""
        down_since = self.redis_down_since
        if self._draining:
            return 503, "draining\n"
        if not self._contacted:
            return 503, f"not ready: no contact with Redis yet, tried since {down_since}\n"
        if down_since is not None:
            return 200, f"ready\nredis: down since {down_since}\n"
        return 200, "ready\nredis: up\n"
