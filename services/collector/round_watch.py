"""Counts the rounds that a leading collector owes and has not published in time."""

import math
import time
from collections.abc import Callable


class RoundWatch:
    """A round is missed once it is more than half an interval late; who stands by owes none."""

    def __init__(self, interval_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._interval_seconds = interval_seconds
        self._monotonic = monotonic
        self._missed = 0
        #: Monotonic time of the last round; ``None`` where none is owed.
        self._last: float | None = None

    @property
    def missed(self) -> int:
        """Rounds missed since the start, those that are missing now among them."""
        if self._last is None:
            return self._missed
        intervals = math.floor((self._monotonic() - self._last) / self._interval_seconds + 0.5)
        return self._missed + max(0, intervals - 1)

    def published(self) -> None:
        """A round is out; the next one is due an interval later."""
        self._missed, self._last = self.missed, self._monotonic()

    def stand_by(self) -> None:
        """Another collector publishes."""
        self._missed, self._last = self.missed, None
