"""One simulated node: counters that grow with the load, and values that show the fault."""

import math
from collections.abc import Sequence
from typing import Final

from simulator.exposition import (
    EXPORTER_SECTION,
    KNOWN_COLLECTORS,
    cpu_seconds,
    disk_free_bytes,
    full_sections,
    scrape_families,
    sections,
)
from simulator.faults import FULL_SHARE, HOT_CELSIUS, SKEW_SECONDS, Fault
from simulator.profile import CPU_COUNT, Profile

#: Growth of the disk's usage in a day, as a share of the disk.
_DISK_GROWTH_PER_DAY: Final = 0.002
#: Seconds by which the board's temperature lags behind the load.
_THERMAL_LAG_SECONDS: Final = 15.0
_CELSIUS_OF_FULL_LOAD: Final = 28.0
#: Traffic of the loopback interface, as a share of the network's traffic.
_LOOPBACK_SHARE: Final = 0.1
#: Most cached templates, one for each set of requested collectors.
_TEMPLATES_LIMIT: Final = 16


class SimulatedNode:
    """A node that booted before the simulation started; times are Unix seconds and must not go back."""

    def __init__(self, profile: Profile, started: float, *, has_full_exposition: bool = False) -> None:
        """``has_full_exposition``: include all default families of node_exporter, about 31 KB."""
        self.profile = profile
        self.fault = Fault.NONE
        self._boot_time = math.floor(started - profile.uptime_seconds)
        self._elapsed = 0.0
        self._busy = [0.0] * CPU_COUNT
        self._traffic = [0.0] * 4
        self._has_full_exposition = has_full_exposition
        self._sections = sections(
            name=profile.name,
            memory_bytes=profile.memory_bytes,
            disk_bytes=profile.disk_bytes,
            boot_time=self._boot_time,
        )
        if has_full_exposition:
            self._sections += full_sections(started)
        self._templates: dict[frozenset[str] | None, str] = {}
        self._advance(started)

    def set_fault(self, fault: Fault, now: float) -> None:
        """Set the node's fault from ``now`` on."""
        self._advance(now)
        self.fault = fault

    def exposition(self, now: float, collectors: frozenset[str] | None = None) -> bytes:
        """Return the node's exposition at ``now``, without faults of the transfer.

        ``collectors``: the requested collectors; ``None`` for all.
        """
        self._advance(now)
        values = [
            value
            for collector, moving in self._moving_values(now)
            if collectors is None or collector in collectors
            for value in moving
        ]
        return (self._template(collectors) % tuple(values)).encode()

    def _moving_values(self, now: float) -> tuple[tuple[str, Sequence[float]], ...]:
        """Return the changing values by collector, in the order of the sections."""
        profile, t = self.profile, self._elapsed
        available = (1 - profile.memory.at(t)) * profile.memory_bytes
        received, transmitted, read, written = self._traffic
        temperature = self._temperature(t)
        return (
            ("cpu", cpu_seconds(t, self._busy)),
            ("loadavg", (CPU_COUNT * self._load(t),)),
            ("time", (now + (SKEW_SECONDS if self.fault is Fault.SKEWED else 0.0),)),
            ("meminfo", (0.6 * available, available)),
            (
                "filesystem",
                (*disk_free_bytes(profile.disk_bytes, self._disk_share(t)), self.fault is Fault.READONLY),
            ),
            ("netdev", (received, _LOOPBACK_SHARE * received, transmitted, _LOOPBACK_SHARE * received)),
            ("diskstats", (read, read, written, written)),
            ("hwmon", (temperature,)),
            ("thermal_zone", (temperature,)),
        )

    def _template(self, collectors: frozenset[str] | None) -> str:
        template = self._templates.get(collectors)
        if template is None:
            if len(self._templates) >= _TEMPLATES_LIMIT:
                self._templates.clear()
            requested = KNOWN_COLLECTORS if collectors is None else collectors
            template = "".join(text for name, text in self._sections if name == EXPORTER_SECTION or name in requested)
            if self._has_full_exposition:
                template += scrape_families({name for name, _ in self._sections} & requested)
            self._templates[collectors] = template
        return template

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
