"""A queue that one key cannot block for others: each key has its own queue, and the queues are served in turn."""

from collections import Counter, deque
from typing import Final, Generic, TypeVar

Job = TypeVar("Job")


class FairQueue(Generic[Job]):
    """Jobs of many keys, for instance client addresses, that share a number of slots. Not thread-safe."""

    def __init__(self, places: int, at_once: int, waiting: int) -> None:
        """Allow ``places`` running jobs, ``at_once`` running jobs of a key, and ``waiting`` queued jobs of a key."""
        #: A change of these limits applies to the jobs that start later.
        self.places = places
        self.at_once = at_once
        self._waiting: Final = waiting
        self._queues: dict[str, deque[Job]] = {}
        #: Keys that may start a job, in the order in which they are served. The dict serves as an ordered set.
        self._ready: dict[str, None] = {}
        self._running: Counter[str] = Counter()
        self._running_total = 0

    def offer(self, key: str, job: Job) -> bool:
        """Add a job to the queue of its key; return whether there was room."""
        queue = self._queues.setdefault(key, deque())
        if len(queue) >= self._waiting:
            return False
        queue.append(job)
        self._update_ready(key)
        return True

    def has_waiting(self, key: str) -> bool:
        """Whether a job of the key is queued."""
        return key in self._queues

    def take(self) -> tuple[str, Job] | None:
        """Return the next job to start and its key; the caller calls ``done`` at the end of the job."""
        if self._running_total >= self.places or not self._ready:
            return None
        key = next(iter(self._ready))
        del self._ready[key]
        job = self._queues[key].popleft()
        self._running_total += 1
        self._running[key] += 1
        self._update_ready(key)
        return key, job

    def done(self, key: str) -> None:
        """Free the slot of a finished job."""
        self._running_total -= 1
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        self._update_ready(key)

    def withdraw(self, key: str, job: Job) -> bool:
        """Remove a queued job; return ``False`` if it is no longer queued."""
        queue = self._queues.get(key)
        if queue is None or job not in queue:
            return False
        queue.remove(job)
        self._update_ready(key)
        return True

    def _update_ready(self, key: str) -> None:
        queue = self._queues.get(key)
        if not queue:
            self._queues.pop(key, None)
            self._ready.pop(key, None)
        elif self._running[key] < self.at_once:
            self._ready.setdefault(key)
