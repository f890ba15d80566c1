"""Counts the rounds that a leading collector owes and has not published in time."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

#: Gaps between rounds that make a collector slow, and within which time: the longer of the two.
GAPS: Final = 5
WINDOW_SECONDS: Final = 60.0
WINDOW_ROUNDS: Final = 10
#: Seconds by which a round has to be late, at least, for a gap that anybody notices.
LATE_SECONDS: Final = 1.0


class MissedRounds:
    """A round is missed once it is more than half an interval late; who stands by owes none."""

    def __init__(self, interval_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._interval_seconds = interval_seconds
        self._monotonic = monotonic
        self._missed = 0
        #: Monotonic time of the last round; ``None`` where none is owed.
        self._last: float | None = None
        #: When a round came late.
        self._gaps: deque[float] = deque(maxlen=GAPS)

    @property
    def is_slow(self) -> bool:
        """Whether rounds are missed again and again; one gap is what a restart of Redis leaves, however long."""
        since = self._monotonic() - max(WINDOW_SECONDS, WINDOW_ROUNDS * self._interval_seconds)
        return len(self._gaps) == GAPS and self._gaps[0] >= since

    @property
    def missed(self) -> int:
        """Rounds missed since the start, those that are missing now among them."""
        if self._last is None:
            return self._missed
        intervals = math.floor((self._monotonic() - self._last) / self._interval_seconds + 0.5)
        return self._missed + max(0, intervals - 1)

    def published(self) -> None:
        """A round is out; the next one is due an interval later."""
        now, missed = self._monotonic(), self.missed
        if (
            self._last is not None
            and missed > self._missed
            and now - self._last > self._interval_seconds + LATE_SECONDS
        ):
            self._gaps.append(now)
        self._missed, self._last = missed, now

    def stand_by(self) -> None:
        """Another collector publishes."""
        self._missed, self._last = self.missed, None
        self._gaps.clear()
