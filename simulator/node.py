"""One simulated node: its counters grow with its load, and a fault shows in its values."""

import math
from typing import Final

from simulator.faults import FULL_SHARE, HOT_CELSIUS, SKEW_SECONDS, Fault
from simulator.page import cpu_seconds, disk_free_bytes, template
from simulator.profile import CPU_COUNT, Profile

#: Share of the disk that fills up in a day.
_DISK_GROWTH_PER_DAY: Final = 0.002
#: Seconds by which a board's temperature follows its load.
_THERMAL_LAG_SECONDS: Final = 15.0
_CELSIUS_OF_FULL_LOAD: Final = 28.0
#: Loopback carries this share of what the network does.
_LOOPBACK_SHARE: Final = 0.1


class SimulatedNode:
    """A node that booted before the simulation started; times are Unix seconds and must not go back."""

    def __init__(self, profile: Profile, started: float) -> None:
        self.profile = profile
        self.fault = Fault.NONE
        self._boot_time = math.floor(started - profile.uptime_seconds)
        self._elapsed = 0.0
        self._busy = [0.0] * CPU_COUNT
        self._traffic = [0.0] * 4
        self._template = template(
            name=profile.name,
            memory_bytes=profile.memory_bytes,
            disk_bytes=profile.disk_bytes,
            boot_time=self._boot_time,
        )
        self._advance(started)

    def set_fault(self, fault: Fault, now: float) -> None:
        """Let the node have that fault from ``now`` on."""
        self._advance(now)
        self.fault = fault

    def page(self, now: float) -> bytes:
        """The node's ``/metrics`` at ``now``, apart from what a fault does to the transfer."""
        self._advance(now)
        profile, t = self.profile, self._elapsed
        load = self._load(t)
        available = (1 - profile.memory.at(t)) * profile.memory_bytes
        disk_free, disk_available = disk_free_bytes(profile.disk_bytes, self._disk_share(t))
        received, transmitted, read, written = self._traffic
        temperature = self._temperature(t)
        values = (
            *cpu_seconds(t, self._busy),
            CPU_COUNT * load,
            now + (SKEW_SECONDS if self.fault is Fault.SKEWED else 0.0),
            0.6 * available,
            available,
            disk_free,
            disk_available,
            self.fault is Fault.READONLY,
            received,
            _LOOPBACK_SHARE * received,
            transmitted,
            _LOOPBACK_SHARE * received,
            read,
            read,
            written,
            written,
            temperature,
            temperature,
        )
        return (self._template % values).encode()

    def _advance(self, now: float) -> None:
        before, after = self._elapsed, now - self._boot_time
        if after <= before:
            return
        for n, cpu in enumerate(self.profile.cpus):
            worked = after - before if self.fault is Fault.BUSY else cpu.integral(after) - cpu.integral(before)
            self._busy[n] += worked
        profile = self.profile
        waves = (profile.received, profile.transmitted, profile.disk_read, profile.disk_written)
        for n, wave in enumerate(waves):
            self._traffic[n] += wave.integral(after) - wave.integral(before)
        self._elapsed = after

    def _load(self, t: float) -> float:
        if self.fault is Fault.BUSY:
            return 1.0
        return sum(cpu.at(t) for cpu in self.profile.cpus) / CPU_COUNT

    def _disk_share(self, t: float) -> float:
        if self.fault is Fault.FULL:
            return FULL_SHARE
        return min(0.8, self.profile.disk_share + _DISK_GROWTH_PER_DAY * t / 86400)

    def _temperature(self, t: float) -> float:
        if self.fault is Fault.HOT:
            return HOT_CELSIUS + 0.5 * math.sin(t / 20)
        return self.profile.ambient_celsius + _CELSIUS_OF_FULL_LOAD * self._load(t - _THERMAL_LAG_SECONDS)
