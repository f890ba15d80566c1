"""What each rule reads on a node, and what is said of it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collector.alerts.rules import SensorPattern
from collector.measures import Measures
from collector.sample import Filesystem
from collector.sentences import alerts
from contract.messages import Coded, NodeRole, NodeStatus

#: A detail (a mount point, a sensor; empty for a condition of the whole node) and its measure in the rule's unit;
#: ``None`` where it could not be told just now.
Reading = tuple[str, float | None]
#: The measure of a file system that is read-only and was never seen writable.
NEVER_WRITABLE: Final = 0.5


@dataclass(frozen=True, slots=True)
class ObservedNode:
    """A node as the rules see it. ``status`` is ``unknown`` until this collector has scraped it itself."""

    node: str
    status: NodeStatus
    #: Why it is offline.
    error: Coded | None
    #: ``None`` unless the node is online.
    measures: Measures | None
    role: NodeRole = "worker"


def readings(
    rule: str, seen: ObservedNode, known: Collection[str] = (), *, ignored_sensors: Sequence[SensorPattern] = ()
) -> Iterable[Reading] | None:
    """Return what ``rule`` reads on a node, or ``None`` where nothing can be said of it just now.

    ``known`` are the details that have an alert already: of alarms only those are read, and the ones that are raised.
    ``ignored_sensors`` are those that the rule on temperature leaves out.
    """
    if seen.status == "unknown":
        return None
    if rule == "node_down":
        return (("", 1.0 if seen.status == "offline" else 0.0),)
    if seen.measures is None or seen.measures.hung_collector in _COLLECTORS.get(rule, ()):
        return None
    if ignored_sensors:
        return (("", _temperature(seen.measures, ignored_sensors)),)
    match rule:
        case "under_voltage":
            return _alarms(seen.measures.under_voltage, known)
        case "hardware_alarm":
            return _alarms(seen.measures.hardware_alarms, known)
    return _READ[rule](seen.measures)


def alert_value(rule: str, measure: float | None) -> float | None:
    """The measure as an alert states it; ``None`` for a condition without one."""
    return round(measure, 1) + 0.0 if measure is not None and rule not in _WITHOUT_MEASURE else None


def begun(rule: str, seen: ObservedNode, detail: str, value: float | None) -> Coded:
    """Say that the condition holds; ``value`` is ``None`` for one without a measure alone."""
    node, measure = seen.node, value or 0.0
    match rule:
        case "node_down":
            return alerts.node_offline(node, seen.error)
        case "filesystem_full":
            return alerts.filesystem_full(node, detail, measure)
        case "filesystem_readonly":
            return alerts.filesystem_readonly(node, detail)
        case "clock_offset":
            offset = seen.measures.clock_offset_seconds if seen.measures else None
            return (alerts.clock_behind if (offset or 0) < 0 else alerts.clock_ahead)(node, measure)
        case "under_voltage":
            return alerts.voltage_low(node, detail)
        case "hardware_alarm":
            return alerts.sensor_alarm(node, detail)
    return alerts.OF_NODE[rule, detail][0](node, measure)


def ended(rule: str, node: str, detail: str, value: float | None) -> Coded:
    """Say that the condition holds no longer; ``value`` as in ``begun``."""
    measure = value or 0.0
    match rule:
        case "node_down":
            return alerts.node_online(node)
        case "filesystem_full":
            return alerts.filesystem_down(node, detail, measure)
        case "filesystem_readonly":
            return alerts.filesystem_writable(node, detail)
        case "clock_offset":
            return alerts.clock_right(node, measure)
        case "under_voltage":
            return alerts.voltage_enough(node, detail)
        case "hardware_alarm":
            return alerts.sensor_alarm_over(node, detail)
    return alerts.OF_NODE[rule, detail][1](node, measure)


def gone(rule: str, seen: ObservedNode, detail: str) -> Coded:
    """Say why a rule does not read a detail any more."""
    there = seen.measures.filesystems if seen.measures else ()
    is_readonly = any(each.mountpoint == detail and not each.can_fill_up for each in there)
    return (alerts.filesystem_not_written if is_readonly else alerts.filesystem_unmounted)(seen.node, detail)


def _temperature(measures: Measures, ignored: Sequence[SensorPattern]) -> float | None:
    """Of the hottest sensor that is not ignored."""
    for sensor in measures.sensors:
        if not any(pattern.fits(sensor) for pattern in ignored):
            return sensor.celsius
    return None


def _readonly(filesystem: Filesystem) -> float | None:
    """1 where a file system became read-only, 0 where it can be written, between them where it never could.

    Between 0 and 1, an alert neither begins nor ends. So a file system that is made to be read makes no alert, and the
    alert of a collector before this one goes on.
    """
    if filesystem.readonly is None:
        return None
    return float(filesystem.readonly) if filesystem.was_writable else NEVER_WRITABLE


def _clock_offset(measures: Measures) -> tuple[Reading, ...]:
    offset = measures.clock_offset_seconds
    return (("", None if offset is None else abs(offset)),)


#: The collectors of node_exporter that tell what a rule reads.
_COLLECTORS: Final[Mapping[str, tuple[str, ...]]] = {
    "memory": ("meminfo",),
    "filesystem_full": ("filesystem",),
    "filesystem_readonly": ("filesystem",),
    "temperature": ("hwmon", "thermal_zone"),
    "clock_offset": ("time",),
    "cpu": ("cpu",),
}


def _alarms(raised: tuple[str, ...] | None, known: Collection[str]) -> list[Reading]:
    if raised is None:
        return [(sensor, None) for sensor in known]
    return [(sensor, float(sensor in raised)) for sensor in sorted({*raised, *known})]


_WITHOUT_MEASURE: Final = ("node_down", "filesystem_readonly", "under_voltage", "hardware_alarm")
_READ: Final[Mapping[str, Callable[[Measures], Iterable[Reading]]]] = {
    "memory": lambda measures: (("", measures.memory_usage),),
    "filesystem_full": lambda measures: [
        (each.mountpoint, each.usage) for each in measures.filesystems if each.can_fill_up
    ],
    "filesystem_readonly": lambda measures: [(each.mountpoint, _readonly(each)) for each in measures.filesystems],
    "temperature": lambda measures: (("", measures.temperature),),
    "clock_offset": _clock_offset,
    "cpu": lambda measures: (("", measures.cpu_usage),),
    "swap": lambda measures: (("", measures.swap_usage),),
    "pressure": lambda measures: (("io", measures.pressure_io), ("memory", measures.pressure_memory)),
}
