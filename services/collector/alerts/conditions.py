"""What each rule reads from a node, and the sentences of its alerts."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from collector.alerts.rule import SensorPattern
from collector.measures import Measures
from collector.sample import Filesystem
from collector.sentences import alerts
from contract.messages import Coded, NodeRole, NodeStatus

#: A detail (a mount point, a sensor; empty for a condition of the whole node) and its measure in the rule's unit,
#: ``None`` while the measure is unknown.
Reading = tuple[str, float | None]
#: The measure of a read-only file system that has never been writable.
NEVER_WRITABLE: Final = 0.5


@dataclass(frozen=True, slots=True)
class ObservedNode:
    """A node as the rules read it. ``status`` is ``unknown`` until this collector has scraped the node."""

    node: str
    status: NodeStatus
    #: Why the node is offline.
    error: Coded | None
    #: ``None`` unless the node is online.
    measures: Measures | None
    role: NodeRole = "worker"
    address: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def condition_readings(
    rule: str, observed: ObservedNode, alerted: Collection[str] = (), *, ignored_sensors: Sequence[SensorPattern] = ()
) -> Iterable[Reading] | None:
    """Return the readings of ``rule`` on a node; ``None`` while the condition is unknown.

    ``alerted``: the details that already have an alert. Rules on alarms read only these details and the raised alarms.
    ``ignored_sensors``: the sensors that the temperature rule leaves out.
    """
    if observed.status == "unknown":
        return None
    if rule == "node_down":
        return (("", 1.0 if observed.status == "offline" else 0.0),)
    if observed.measures is None:
        return None
    hung = observed.measures.hung_collector
    if hung is not None and hung in _COLLECTORS_OF_RULE.get(rule, ()):
        return None
    if ignored_sensors:
        return (("", _temperature(observed.measures, ignored_sensors)),)
    match rule:
        case "under_voltage":
            return _alarm_readings(observed.measures.under_voltage, alerted)
        case "hardware_alarm":
            return _alarm_readings(observed.measures.hardware_alarms, alerted)
    return _READERS[rule](observed.measures)


def alert_value(rule: str, measure: float | None) -> float | None:
    """Return the measure as an alert has it; ``None`` for a condition without a measure."""
    return round(measure, 1) + 0.0 if measure is not None and rule not in _RULES_WITHOUT_MEASURE else None


def begin_sentence(rule: str, observed: ObservedNode, detail: str, value: float | None) -> Coded:
    """Return the sentence that the condition holds; ``value`` is ``None`` only for a condition without a measure."""
    node, measure = observed.node, value or 0.0
    match rule:
        case "node_down":
            return alerts.node_offline(node, observed.error)
        case "filesystem_full":
            return alerts.filesystem_full(node, detail, measure)
        case "filesystem_readonly":
            return alerts.filesystem_readonly(node, detail)
        case "clock_offset":
            offset = observed.measures.clock_offset_seconds if observed.measures else None
            return (alerts.clock_behind if (offset or 0) < 0 else alerts.clock_ahead)(node, measure)
        case "under_voltage":
            return alerts.voltage_low(node, detail)
        case "hardware_alarm":
            return alerts.sensor_alarm(node, detail)
    return alerts.OF_NODE[rule, detail][0](node, measure)


def end_sentence(rule: str, node: str, detail: str, value: float | None) -> Coded:
    """Return the sentence that the condition no longer holds; ``value`` as in ``begin_sentence``."""
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


def detail_gone_sentence(rule: str, observed: ObservedNode, detail: str) -> Coded:
    """Return the sentence why a rule no longer reads a detail."""
    filesystems = observed.measures.filesystems if observed.measures else ()
    is_readonly = any(each.mountpoint == detail and not each.can_fill_up for each in filesystems)
    return (alerts.filesystem_not_written if is_readonly else alerts.filesystem_unmounted)(observed.node, detail)


def _temperature(measures: Measures, ignored: Sequence[SensorPattern]) -> float | None:
    """Return the temperature of the hottest sensor that is not ignored."""
    for sensor in measures.sensors:
        if not any(pattern.matches(sensor) for pattern in ignored):
            return sensor.celsius
    return None


def _readonly(filesystem: Filesystem) -> float | None:
    """Return 1 if a file system became read-only, 0 if it is writable, ``NEVER_WRITABLE`` if it never was.

    Between 0 and 1, an alert neither begins nor ends: a file system that is always read-only makes no alert, and an
    alert of the previous collector goes on.
    """
    if filesystem.readonly is None:
        return None
    return float(filesystem.readonly) if filesystem.was_writable else NEVER_WRITABLE


def _clock_offset(measures: Measures) -> tuple[Reading, ...]:
    offset = measures.clock_offset_seconds
    return (("", None if offset is None else abs(offset)),)


#: The collectors of node_exporter that a rule depends on.
_COLLECTORS_OF_RULE: Final[Mapping[str, tuple[str, ...]]] = {
    "memory": ("meminfo",),
    "filesystem_full": ("filesystem",),
    "filesystem_readonly": ("filesystem",),
    "temperature": ("hwmon", "thermal_zone"),
    "clock_offset": ("time",),
    "cpu": ("cpu",),
}


def _alarm_readings(raised: tuple[str, ...] | None, alerted: Collection[str]) -> list[Reading]:
    if raised is None:
        return [(sensor, None) for sensor in alerted]
    return [(sensor, float(sensor in raised)) for sensor in sorted({*raised, *alerted})]


_RULES_WITHOUT_MEASURE: Final = ("node_down", "filesystem_readonly", "under_voltage", "hardware_alarm")
_READERS: Final[Mapping[str, Callable[[Measures], Iterable[Reading]]]] = {
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
