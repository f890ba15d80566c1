"""Count the rounds that the leading collector does not publish in time."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

#: A collector is slow after this many late rounds within the longer of the two windows.
LATE_ROUNDS: Final = 5
WINDOW_SECONDS: Final = 60.0
WINDOW_ROUNDS: Final = 10
#: Seconds by which a round must be late to count as late.
LATE_SECONDS: Final = 1.0


class MissedRounds:
    """Counts missed rounds: rounds that are more than half an interval late. A standby collector misses no rounds."""

    def __init__(self, interval_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._interval_seconds = interval_seconds
        self._monotonic = monotonic
        self._missed = 0
        #: Monotonic time of the last round; ``None`` while this collector is standby.
        self._last: float | None = None
        #: Monotonic times of late rounds.
        self._late_rounds: deque[float] = deque(maxlen=LATE_ROUNDS)

    @property
    def is_slow(self) -> bool:
        """Whether several rounds were late recently. A restart of Redis, however long, delays only one round."""
        since = self._monotonic() - max(WINDOW_SECONDS, WINDOW_ROUNDS * self._interval_seconds)
        return len(self._late_rounds) == LATE_ROUNDS and self._late_rounds[0] >= since

    @property
    def missed(self) -> int:
        """Rounds missed since the start, including rounds that are overdue now."""
        if self._last is None:
            return self._missed
        intervals = math.floor((self._monotonic() - self._last) / self._interval_seconds + 0.5)
        return self._missed + max(0, intervals - 1)

    def note_published(self) -> None:
        """Note that a round is published; the next one is due an interval later."""
        now, missed = self._monotonic(), self.missed
        if (
            self._last is not None
            and missed > self._missed
            and now - self._last > self._interval_seconds + LATE_SECONDS
        ):
            self._late_rounds.append(now)
        self._missed, self._last = missed, now

    def note_standby(self) -> None:
        """Note that another collector leads."""
        self._missed, self._last = self.missed, None
        self._late_rounds.clear()
