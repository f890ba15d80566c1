"""A queue that one key cannot fill for the others: each has a line of its own, and the lines take turns."""

from collections import Counter, deque
from typing import Final, Generic, TypeVar

Job = TypeVar("Job")


class FairQueue(Generic[Job]):
    """Jobs of many keys, for instance addresses, that share some places. Not safe to use from several threads."""

    def __init__(self, places: int, at_once: int, waiting: int) -> None:
        """Bound the jobs under way by ``places``, those of one key by ``at_once``, and its line by ``waiting``."""
        #: Both may be changed at any time, for the jobs that begin from then on.
        self.places = places
        self.at_once = at_once
        self._waiting: Final = waiting
        self._lines: dict[str, deque[Job]] = {}
        #: Keys that may begin a job, in the order of their turns; the values mean nothing.
        self._turns: dict[str, None] = {}
        self._under_way: Counter[str] = Counter()
        self._taken = 0

    def offer(self, key: str, job: Job) -> bool:
        """Put a job into its key's line; return whether there was room."""
        line = self._lines.setdefault(key, deque())
        if len(line) >= self._waiting:
            return False
        line.append(job)
        self._find_turn(key)
        return True

    def has_waiting(self, key: str) -> bool:
        """Whether any job waits in the key's line."""
        return key in self._lines

    def take(self) -> tuple[str, Job] | None:
        """Return the next job that may begin, and its key; the caller says when it is ``done``."""
        if self._taken >= self.places or not self._turns:
            return None
        key = next(iter(self._turns))
        del self._turns[key]
        job = self._lines[key].popleft()
        self._taken += 1
        self._under_way[key] += 1
        self._find_turn(key)
        return key, job

    def done(self, key: str) -> None:
        """Give back the place of a job that was taken."""
        self._taken -= 1
        self._under_way[key] -= 1
        if not self._under_way[key]:
            del self._under_way[key]
        self._find_turn(key)

    def withdraw(self, key: str, job: Job) -> bool:
        """Take a waiting job out of its line; return ``False`` where it does not wait any more."""
        line = self._lines.get(key)
        if line is None or job not in line:
            return False
        line.remove(job)
        self._find_turn(key)
        return True

    def _find_turn(self, key: str) -> None:
        line = self._lines.get(key)
        if not line:
            self._lines.pop(key, None)
            self._turns.pop(key, None)
        elif self._under_way[key] < self.at_once:
            self._turns.setdefault(key)
