"""Token buckets: how often something may happen, with a reserve for bursts.

They count in this process alone: with several processes or replicas, each gives out the whole rate.
"""

from collections import OrderedDict
from typing import Final


class Bucket:
    """Fills at a constant rate up to its size; what happens takes from it.

    ``rate`` is in units a second, ``burst`` in units; times are seconds of any clock that does not go back. Not safe
    to use from several threads.
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
            0.0 if they were taken, else the seconds until they could be; nothing is taken then. More than ``burst``
            at once is never granted: the answer is infinite.
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
        """Take ``count`` units that cannot be refused any more, on credit of at most ``burst``.

        Returns:
            The seconds until the debt is paid; 0.0 without one.
        """
        if now > self._at:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
            self._at = now
        self._level = max(self._level - count, -self.burst)
        return max(0.0, -self._level / self.rate)


class Buckets:
    """One bucket a key, for instance an address. The keys longest unused are forgotten.

    Not safe to use from several threads.
    """

    def __init__(self, rate: float, burst: float, limit: int = 10_000) -> None:
        self._rate = rate
        self._burst = burst
        self._limit = limit
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float, count: float = 1.0) -> float:
        """Take from a key's bucket.

        Returns:
            0.0 if it was granted, else the seconds until it would be; nothing is taken then.
        """
        return self._bucket(key, now).take(now, count)

    def spend(self, key: str, now: float, count: float = 1.0) -> float:
        """Take from a key's bucket what cannot be refused any more, as ``Bucket.spend`` does."""
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
