"""What ``/livez`` and ``/readyz`` say. Liveness never looks at Redis."""

import threading
import time
from collections.abc import Callable

from runtime.clock import timestamp

LIVE = "live\n"


class Readiness:
    """Whether Redis was reached yet, since when it is away, what it lacks, and whether the service is draining.

    Before the first contact a service is not ready: 503. While it drains the answer is 404, which tells a load balancer
    that nobody new shall come, and that whoever is here may stay (HAProxy's ``http-check disable-on-404``). Redis away
    later is no reason: taking every replica out of service would help nobody. Safe to use from several threads.
    """

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._contacted = False
        self._down_since: float | None = wall_clock()
        self._functions_missing: str | None = None
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

    def note_functions_missing(self, reason: str) -> None:
        """Note that Redis answers and cannot run our functions; ``reason`` is the sentence that says why.

        It is no first contact: a service that could use Redis for nothing yet is not ready.
        """
        with self._lock:
            self._functions_missing = reason
            if self._contacted:
                self._down_since = None

    def note_functions(self) -> bool:
        """Note that Redis ran one of our functions; return whether that is news."""
        with self._lock:
            news = self._functions_missing is not None
            self._functions_missing = None
            return news

    def drain(self) -> None:
        """Note that the service is about to stop."""
        with self._lock:
            self._draining = True

    @property
    def is_draining(self) -> bool:
        """Whether the service is about to stop."""
        return self._draining

    @property
    def redis_down_since(self) -> str | None:
        """When Redis was last seen to go away (or the service's start); ``None`` while it is up."""
        since = self._down_since
        return None if since is None else timestamp(since)

    @property
    def functions_missing(self) -> str | None:
        """Why Redis, when it was last asked, could not run our functions; ``None`` where it could."""
        return self._functions_missing

    def readyz(self) -> tuple[int, str]:
        """Return HTTP status and text of ``/readyz``."""
        down_since, missing = self.redis_down_since, self._functions_missing
        if self._draining:
            return 404, "draining\n"
        if not self._contacted:
            reason = missing or f"no contact with Redis yet, tried since {down_since}"
            return 503, f"not ready: {reason}\n"
        redis = "up" if down_since is None else f"down since {down_since}"
        return 200, f"ready\nredis: {redis}\n" + (f"functions: {missing}\n" if missing else "")
