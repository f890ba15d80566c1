"""The measured fields of a node over which an operator's own rule can be, and the share of offline nodes of a group."""

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from collector.measures import Measures
from collector.sample import LARGEST
from collector.sentences.own_rules import METRICS

#: Metric of rules on groups: percent of a group's nodes that are offline.
OFFLINE_SHARE: Final = "offline_share"
#: Lowest and highest threshold by unit. With a threshold of 0, a condition would never end.
_BOUNDS_OF_UNIT: Final[dict[str, tuple[float, float]]] = {
    "percent": (0.1, 100),
    "celsius": (-40, 150),
    "bytes": (1, LARGEST),
    "bytes_per_second": (1, LARGEST),
    "number": (0.01, 1_000_000),
}
#: Lowest and highest threshold and ``clear`` by metric, in the unit of the metric.
BOUNDS: Final[dict[str, tuple[float, float]]] = {
    OFFLINE_SHARE: _BOUNDS_OF_UNIT["percent"],
    **{metric: _BOUNDS_OF_UNIT[unit] for metric, (_, unit) in METRICS.items()},
}
#: Reads a metric from the measures of a node; ``None`` while the value is unknown.
READERS: Final[dict[str, Callable[[Measures], float | None]]] = {metric: attrgetter(metric) for metric in METRICS}
#: The collectors of node_exporter that a metric depends on. While one of them hangs, the metric is unknown.
COLLECTORS: Final[dict[str, tuple[str, ...]]] = {
    "cpu_usage": ("cpu",),
    "cpu_count": ("cpu",),
    "load1": ("loadavg",),
    "memory_usage": ("meminfo",),
    "memory_total_bytes": ("meminfo",),
    "disk_usage": ("filesystem",),
    "disk_total_bytes": ("filesystem",),
    "temperature": ("hwmon", "thermal_zone"),
    "network_receive_bytes_per_second": ("netdev",),
    "network_transmit_bytes_per_second": ("netdev",),
    "disk_read_bytes_per_second": ("diskstats",),
    "disk_written_bytes_per_second": ("diskstats",),
    "iowait": ("cpu",),
    "swap_usage": ("meminfo",),
    "pressure_io": ("pressure",),
    "pressure_memory": ("pressure",),
}
