"""A smooth value over time whose integral is known, so that counters follow it exactly however rarely one looks."""

import math
from collections.abc import Sequence
from random import Random
from typing import Final, Self

#: Periods, in seconds, of the three sines that a wave is the sum of: flicker, work and tide.
_PERIODS: Final = ((9.0, 16.0), (45.0, 120.0), (400.0, 1500.0))
#: How much of the wave's swing each of them has.
_SHARES: Final = (0.15, 0.4, 0.45)


class Wave:
    """``base`` plus sines. Each sine is (amplitude, angular speed in 1/s, phase in radians)."""

    def __init__(self, base: float, sines: Sequence[tuple[float, float, float]]) -> None:
        self._base = base
        self._sines = tuple(sines)

    @classmethod
    def between(cls, low: float, high: float, random: Random) -> Self:
        """Draw a wave that never leaves ``low`` to ``high``."""
        swing = (high - low) / 2
        sines = [
            (swing * share, math.tau / random.uniform(*periods), random.uniform(0, math.tau))
            for share, periods in zip(_SHARES, _PERIODS, strict=True)
        ]
        return cls((low + high) / 2, sines)

    def at(self, seconds: float) -> float:
        """Value at that time."""
        return self._base + sum(swing * math.sin(speed * seconds + phase) for swing, speed, phase in self._sines)

    def integral(self, seconds: float) -> float:
        """Antiderivative at that time: differences of it are what a counter grows by."""
        sines = sum(swing / speed * math.cos(speed * seconds + phase) for swing, speed, phase in self._sines)
        return self._base * seconds - sines
