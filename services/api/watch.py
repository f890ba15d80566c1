"""Looks after Redis while nobody asks for anything, so that readiness and recovery need no traffic.

It calls a function: where Redis has none, log and readiness say so from the start, and the readiness soon when it has.
"""

import random
import threading
import time
from typing import Final

from access.scripts import ATTEMPT_SIGN_IN, NO_ATTEMPT
from api.link import RedisLink
from runtime.redis_failures import RedisFailure

#: Seconds between two looks while Redis answers; any other answer in between saves one.
UP_SECONDS: Final = 5.0
#: Seconds between two looks while it does not, or has no functions.
DOWN_SECONDS: Final = 1.0
#: Part of a pause by which it is stretched at random, so that many processes do not look together.
JITTER: Final = 0.2


class Watch:
    """One background thread; to be started after a fork."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis-watch", daemon=True)

    def start(self) -> None:
        """Look for the first time, and from then on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            pause = self._look() * (1 + JITTER * random.random())  # noqa: S311 (spreads load, guards nothing)

    def _look(self) -> float:
        """Return the seconds until the next look."""
        last = self._link.last_answer
        if self._link.up and self._link.has_functions and last is not None and time.monotonic() - last < UP_SECONDS:
            return UP_SECONDS
        try:
            self._link.call(ATTEMPT_SIGN_IN, NO_ATTEMPT)
        except RedisFailure:
            return DOWN_SECONDS
        return UP_SECONDS
