"""Sentences of alerts of the operator's own rules. Each sentence begins with the node or the group.

``node`` is the name of the group in an alert without a node.
"""

from typing import Final, Literal

from collector.sentences.sentence import number, plural, sentence
from contract.messages import Coded

Unit = Literal["percent", "celsius", "bytes", "bytes_per_second", "number"]
#: The measured fields of a node: name in sentences, and unit.
METRICS: Final[dict[str, tuple[str, Unit]]] = {
    "cpu_usage": ("CPU usage", "percent"),
    "cpu_count": ("number of processors", "number"),
    "load1": ("load", "number"),
    "memory_usage": ("memory usage", "percent"),
    "memory_total_bytes": ("memory", "bytes"),
    "disk_usage": ("disk usage", "percent"),
    "disk_total_bytes": ("disk size", "bytes"),
    "temperature": ("temperature", "celsius"),
    "network_receive_bytes_per_second": ("network traffic in", "bytes_per_second"),
    "network_transmit_bytes_per_second": ("network traffic out", "bytes_per_second"),
    "disk_read_bytes_per_second": ("disk read rate", "bytes_per_second"),
    "disk_written_bytes_per_second": ("disk write rate", "bytes_per_second"),
    "iowait": ("wait for disks", "percent"),
    "swap_usage": ("swap usage", "percent"),
    "pressure_io": ("pressure on disks", "percent"),
    "pressure_memory": ("pressure on memory", "percent"),
}
_BINARY: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL: Final = ("B/s", "kB/s", "MB/s", "GB/s", "TB/s")


@sentence
def measure_high(node: str, rule: str, metric: str, value: float, threshold: float) -> str:
    return f"{node}: {_name(metric)} is {figure(metric, value)} (rule {rule}: from {figure(metric, threshold)})"


@sentence
def measure_down(node: str, rule: str, metric: str, value: float) -> str:
    return f"{node}: {_name(metric)} is down to {figure(metric, value)} (rule {rule})"


@sentence
def metric_untold(node: str, rule: str, metric: str) -> str:
    return f"{node} no longer reports its {_name(metric)} (rule {rule})"


@sentence
def offline_share_high(node: str, rule: str, offline: int, total: int, percent: float, threshold: float) -> str:
    return f"{node}: {_offline(offline, total, percent)} (rule {rule}: from {number(threshold)} %)"


@sentence
def offline_share_down(node: str, rule: str, offline: int, total: int, percent: float) -> str:
    return f"{node}: only {_offline(offline, total, percent)} (rule {rule})"


@sentence
def group_gone(node: str, rule: str) -> str:
    return f"{node} no longer has nodes (rule {rule})"


@sentence
def rule_removed(node: str, rule: str) -> str:
    return f"{node}: the rule {rule} is no longer in the rules file"


@sentence
def rule_no_longer_applies(node: str, rule: str) -> str:
    return f"{node}: the rule {rule} no longer applies"


def figure(metric: str, value: float) -> str:
    """Return ``value`` with the unit of ``metric``, as the pages show it."""
    match METRICS[metric][1]:
        case "percent":
            return f"{number(value)} %"
        case "celsius":
            return f"{number(value)} °C"
        case "bytes":
            return _scaled(value, 1024, _BINARY)
        case "bytes_per_second":
            return _scaled(value, 1000, _DECIMAL)
        case "number":
            return number(value)


def is_of_own_rule(text: Coded) -> bool:
    """Whether ``text`` says that the condition of one of the operator's own rules holds."""
    return text.code in (measure_high.code, offline_share_high.code)


def _name(metric: str) -> str:
    return METRICS[metric][0]


def _scaled(value: float, step: int, units: tuple[str, ...]) -> str:
    exponent = 0
    while value >= step and exponent < len(units) - 1:
        value /= step
        exponent += 1
    return f"{number(round(value, 1))} {units[exponent]}"


def _offline(offline: int, total: int, percent: float) -> str:
    verb = "is" if offline == 1 else "are"
    return f"{number(offline)} of {plural(total, 'node')} {verb} offline, {number(percent)} %"
