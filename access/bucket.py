"""Token buckets, which limit a rate and allow bursts.

A bucket counts in one process. Several processes or replicas each allow the whole rate.
"""

from collections import OrderedDict
from typing import Final


class Bucket:
    """A token bucket: it fills at a constant rate up to ``burst`` units.

    ``rate`` is in units per second. ``now`` is in seconds of any monotonic clock. Not thread-safe.
    """

    __slots__ = ("_at", "_level", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate: Final = rate
        self.burst: Final = burst
        self._level = burst
        self._at = now

    def take(self, now: float, count: float = 1.0) -> float:
        """Take ``count`` units.

        Returns:
            0.0 if the units were taken. Otherwise nothing is taken, and the result is the seconds until the bucket
            holds ``count`` units: infinite if ``count`` exceeds ``burst``.
        """
        if now > self._at:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
            self._at = now
        if count <= self._level:
            self._level -= count
            return 0.0
        if count > self.burst:
            return float("inf")
        return (count - self._level) / self.rate

    def spend(self, now: float, count: float = 1.0) -> float:
        """Take ``count`` units even if the bucket lacks them; the debt is at most ``burst``.

        Returns:
            The seconds until the debt is paid; 0.0 without a debt.
        """
        if now > self._at:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
            self._at = now
        self._level = max(self._level - count, -self.burst)
        return max(0.0, -self._level / self.rate)


class Buckets:
    """One bucket for each key, for instance an address. Beyond ``limit`` keys, the least recently used one is dropped.

    Not thread-safe.
    """

    def __init__(self, rate: float, burst: float, limit: int = 10_000) -> None:
        self._rate = rate
        self._burst = burst
        self._limit = limit
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float, count: float = 1.0) -> float:
        """Take ``count`` units from the bucket of ``key``, as ``Bucket.take`` does."""
        return self._bucket(key, now).take(now, count)

    def spend(self, key: str, now: float, count: float = 1.0) -> float:
        """Take ``count`` units from the bucket of ``key``, as ``Bucket.spend`` does."""
        return self._bucket(key, now).spend(now, count)

    def _bucket(self, key: str, now: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, now)
            if len(self._buckets) > self._limit:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket
