"""Derive the figures of a node from its newest sample and the previous one."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from collector.cpu_seconds import IDLE_MODES, CpuSeconds
from collector.sample import LARGEST, Filesystem, InOut, Sample
from collector.sensors import Sensor

#: Modes in which a processor is idle while a task waits for a disk: Linux's and AIX's.
_WAITING_MODES: Final = frozenset(("iowait", "wait"))
#: Seconds by which the boot time may change without a boot, when a clock is corrected.
BOOT_STEP_SECONDS: Final = 5.0

#: Bytes per second in and out.
_Rates = tuple[int | None, int | None]
_UNKNOWN_RATES: Final[_Rates] = (None, None)


class Measures(Struct, frozen=True, kw_only=True):
    """The measured fields of the contract's ``Node``, rounded as there, and further fields for alert rules."""

    boot_unix_seconds: float | None = None
    cpu_usage: float | None = None
    cpu_count: int | None = None
    load1: float | None = None
    memory_usage: float | None = None
    memory_total_bytes: int | None = None
    disk_usage: float | None = None
    disk_total_bytes: int | None = None
    temperature: float | None = None
    network_receive_bytes_per_second: int | None = None
    network_transmit_bytes_per_second: int | None = None
    disk_read_bytes_per_second: int | None = None
    disk_written_bytes_per_second: int | None = None
    iowait: float | None = None
    swap_usage: float | None = None
    pressure_io: int | None = None
    pressure_memory: int | None = None
    #: Sensors that raise an alarm, as ``chip/sensor``; ``None``: the node has no such alarm.
    under_voltage: tuple[str, ...] | None = None
    hardware_alarms: tuple[str, ...] | None = None
    #: Seconds by which the node's clock is ahead of this machine's.
    clock_offset_seconds: float | None = None
    #: Local file systems, sorted by mount point.
    filesystems: tuple[Filesystem, ...] = ()
    #: The collector of node_exporter that hangs, so that its figures are unknown.
    hung_collector: str | None = None
    #: Temperature sensors that count, the hottest first.
    sensors: tuple[Sensor, ...] = ()


#: Measures of a node that is not online.
NO_MEASURES: Final = Measures()


def derive(
    sample: Sample, previous: Sample | None, previous_measures: Measures | None, *, longest_gap_seconds: float
) -> Measures:
    """Return the figures of ``sample``.

    Rates need ``previous``, at most ``longest_gap_seconds`` older; without it, or if a counter went back, rates are
    ``None``. ``previous_measures`` have the previous boot time, so that small steps of a clock do not look like a boot.
    """
    elapsed = 0.0 if previous is None else sample.monotonic_seconds - previous.monotonic_seconds
    cpu: float | None = None
    iowait: float | None = None
    pressure_io: int | None = None
    pressure_memory: int | None = None
    network = disk = _UNKNOWN_RATES
    if previous is not None and 0 < elapsed <= longest_gap_seconds:
        cpu, iowait = cpu_usage_and_iowait(previous.cpu_seconds, sample.cpu_seconds)
        elapsed_seconds = _elapsed_seconds(previous, sample)
        pressure_io = _pressure(previous.io_waiting_seconds, sample.io_waiting_seconds, elapsed_seconds)
        pressure_memory = _pressure(previous.memory_waiting_seconds, sample.memory_waiting_seconds, elapsed_seconds)
        network = _rates(previous.network_bytes, sample.network_bytes, elapsed_seconds)
        disk = _rates(previous.disk_bytes, sample.disk_bytes, elapsed_seconds)
    total, available = sample.memory_total_bytes, sample.memory_available_bytes
    memory = 100 * (1 - available / total) if total and available is not None else None
    swap_total, swap_free = sample.swap_total_bytes, sample.swap_free_bytes
    swap = 100 * (1 - swap_free / swap_total) if swap_total and swap_free is not None else None
    return Measures(
        boot_unix_seconds=_boot_time(
            sample.boot_unix_seconds, None if previous_measures is None else previous_measures.boot_unix_seconds
        ),
        cpu_usage=cpu,
        cpu_count=sample.cpu_seconds.cpu_count or None,
        load1=_rounded(sample.load1, 2),
        memory_usage=_percent(memory),
        memory_total_bytes=None if total is None else _whole(total),
        disk_usage=_percent(None if sample.root is None else sample.root.usage),
        disk_total_bytes=(
            None if sample.root is None or sample.root.size_bytes is None else _whole(sample.root.size_bytes)
        ),
        temperature=_rounded(sample.temperature, 1),
        network_receive_bytes_per_second=network[0],
        network_transmit_bytes_per_second=network[1],
        disk_read_bytes_per_second=disk[0],
        disk_written_bytes_per_second=disk[1],
        iowait=iowait,
        swap_usage=_percent(swap),
        pressure_io=pressure_io,
        pressure_memory=pressure_memory,
        under_voltage=sample.under_voltage,
        hardware_alarms=sample.hardware_alarms,
        clock_offset_seconds=sample.clock_offset_seconds,
        filesystems=sample.filesystems,
        hung_collector=sample.hung_collector,
        sensors=sample.sensors,
    )


def _elapsed_seconds(previous: Sample, current: Sample) -> float:
    """Return the seconds between two scrapes, by the node's own clock if the exporter sends its time.

    This process's times have the uncertainty of the scrapes. The node's clock decides if the difference is within that
    uncertainty; otherwise the clock was set meanwhile. A clock in whole seconds is too coarse.
    """
    elapsed = current.monotonic_seconds - previous.monotonic_seconds
    before, now = previous.node_unix_seconds, current.node_unix_seconds
    if before is None or now is None or (before.is_integer() and now.is_integer()):
        return elapsed
    is_plausible = now > before and abs(now - before - elapsed) <= (
        previous.uncertainty_seconds + current.uncertainty_seconds
    )
    return now - before if is_plausible else elapsed


def cpu_usage_and_iowait(previous: CpuSeconds, current: CpuSeconds) -> tuple[float | None, float | None]:
    """Return the percent of time in which processors were busy, and idle while a task waited for a disk.

    Only processors of both samples count. Both values are ``None`` if a counter went back or no time passed. The second
    one is also ``None`` if the system does not count such time.
    """
    spent = current.since(previous)
    total = 0.0 if spent is None else sum(spent.values())
    if spent is None or not total > 0:
        return None, None
    busy = sum(seconds for mode, seconds in spent.items() if mode not in IDLE_MODES)
    waiting = [seconds for mode, seconds in spent.items() if mode in _WAITING_MODES]
    return _percent(100 * busy / total), _percent(100 * sum(waiting) / total) if waiting else None


def _pressure(before: float | None, now: float | None, elapsed_seconds: float) -> int | None:
    """Return the whole percent of time in which a task waited; ``None`` if the counter went back."""
    if before is None or now is None or now < before:
        return None
    return round(min(100.0, 100 * (now - before) / elapsed_seconds))


def _rates(previous: Mapping[str, InOut], current: Mapping[str, InOut], elapsed_seconds: float) -> _Rates:
    """Return bytes per second in and out, over the devices of both samples.

    Both are ``None`` if a counter went back. One of them is ``None`` if that counter of a device could not be read.
    """
    common = [name for name in current if name in previous]
    if not common:
        return _UNKNOWN_RATES
    ins = [_difference(previous[name][0], current[name][0]) for name in common]
    outs = [_difference(previous[name][1], current[name][1]) for name in common]
    if any(difference is not None and difference < 0 for difference in (*ins, *outs)):
        return _UNKNOWN_RATES
    return _rate(ins, elapsed_seconds), _rate(outs, elapsed_seconds)


def _difference(before: float | None, now: float | None) -> float | None:
    return None if before is None or now is None else now - before


def _rate(differences: Sequence[float | None], elapsed_seconds: float) -> int | None:
    known = [difference for difference in differences if difference is not None]
    return _whole(sum(known) / elapsed_seconds) if len(known) == len(differences) else None


def _boot_time(boot: float | None, previous: float | None) -> float | None:
    if boot is not None and previous is not None and abs(boot - previous) <= BOOT_STEP_SECONDS:
        return previous
    return boot


def _whole(value: float) -> int:
    return round(min(value, LARGEST))


def _percent(value: float | None) -> float | None:
    return None if value is None else round(min(100.0, max(0.0, value)), 1)


def _rounded(value: float | None, digits: int) -> float | None:
    # Adding 0.0 turns −0.0 into 0.0.
    return None if value is None else round(value, digits) + 0.0
