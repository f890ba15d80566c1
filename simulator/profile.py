"""Individual properties of a simulated node, drawn from the fleet's seed and the node's name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Self

CPU_COUNT: Final = 4

#: Bytes that Linux reports on Raspberry Pi boards of 2, 4 and 8 GB.
_MEMORY_BYTES: Final = (1_968_152_576, 3_981_230_080, 8_201_310_208)
#: Bytes of an ext4 file system on SD cards of 32, 64 and 128 GB.
_DISK_BYTES: Final = (31_106_400_256, 62_218_231_808, 124_554_051_584)
_DAY_SECONDS: Final = 24 * 3600.0

#: Ranges of the periods, in seconds, of a wave's three sines: fast, medium and slow.
_PERIODS: Final = ((9.0, 16.0), (45.0, 120.0), (400.0, 1500.0))
#: Share of each sine in the wave's amplitude.
_SHARES: Final = (0.15, 0.4, 0.45)


class Wave:
    """A smooth value over time: ``base`` plus sines, each (amplitude, angular speed in 1/s, phase in radians).

    The integral is exact, so that counters do not depend on the frequency of scrapes.
    """

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
        """Return the value at that time."""
        return self._base + sum(swing * math.sin(speed * seconds + phase) for swing, speed, phase in self._sines)

    def integral(self, seconds: float) -> float:
        """Return the antiderivative at that time. A counter grows by the difference of two results."""
        sines = sum(swing / speed * math.cos(speed * seconds + phase) for swing, speed, phase in self._sines)
        return self._base * seconds - sines


@dataclass(frozen=True)
class Profile:
    """A node's fixed properties. The waves of CPU and memory are shares of 1, the other waves bytes per second."""

    name: str
    memory_bytes: int
    disk_bytes: int
    #: Uptime of the node at the start of the simulation, in seconds.
    uptime_seconds: float
    #: Temperature without load, °C.
    ambient_celsius: float
    #: Share of the disk in use at boot; the share grows slowly.
    disk_share: float
    cpus: tuple[Wave, ...]
    memory: Wave
    received: Wave
    transmitted: Wave
    disk_read: Wave
    disk_written: Wave

    @classmethod
    def draw(cls, seed: int, name: str) -> Self:
        """Draw the profile of a node. The same seed and name always give the same profile."""
        random = Random(f"{seed}/{name}")  # noqa: S311 - a simulation, not a secret
        low = random.choice((0.03, 0.05, 0.1, 0.25, 0.5))
        high = low + random.uniform(0.15, 0.4)
        memory = random.uniform(0.2, 0.55)
        traffic = random.choice((20_000.0, 200_000.0, 3_000_000.0))
        written = random.choice((4_000.0, 40_000.0, 600_000.0))
        return cls(
            name=name,
            memory_bytes=random.choice(_MEMORY_BYTES),
            disk_bytes=random.choice(_DISK_BYTES),
            uptime_seconds=random.uniform(0.2, 40.0) * _DAY_SECONDS,
            ambient_celsius=random.uniform(33.0, 42.0),
            disk_share=random.uniform(0.15, 0.6),
            cpus=tuple(Wave.between(low, high, random) for _ in range(CPU_COUNT)),
            memory=Wave.between(memory, memory + 0.2, random),
            received=Wave.between(0.1 * traffic, traffic, random),
            transmitted=Wave.between(0.05 * traffic, 0.6 * traffic, random),
            disk_read=Wave.between(0.0, 0.3 * written, random),
            disk_written=Wave.between(0.05 * written, written, random),
        )
