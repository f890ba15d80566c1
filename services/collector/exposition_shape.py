"""What the series of node_exporter in an exposition mean, without their values.

Two expositions of the same series have the same shape, and most expositions of a node do. Values change a sample only
through the methods that take them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from collector.exposition import Families, parse_labels, split_series
from collector.memory import MEMORY_SERIES, SWAP_SERIES
from collector.node_exporter_series import (
    COUNTER_END,
    CpuSeries,
    DiskSeries,
    MemoryUse,
    MountSeries,
    NetworkSeries,
    Values,
)
from collector.sensor_series import AlarmSeries, SensorSeries
from collector.sentences.issues import exporter_of_other_figures, exporter_too_old
from contract.messages import Coded

#: First version of node_exporter with the present names of series.
_FIRST_VERSION: Final = (0, 16)
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?")
#: Longest series, in bytes, that are cached after parsing: most series are the same in every exposition. The series
#: with the host name is longer.
_SHORT_SERIES_BYTES: Final = 144

_Labels = dict[str, str]


def parse_series(series: bytes) -> tuple[bytes, _Labels | None]:
    """Return the name of a series and its labels, which are ``None`` if they are malformed."""
    name, labels = split_series(series)
    return name, parse_labels(labels)


_parse_short_series = lru_cache(4096)(parse_series)


class ExpositionShape:
    """The needed series of one exposition; add all of them, then call ``finish``.

    Series have numbers, from 0 in the order of the exposition, and so have the texts that ``add`` returns.
    """

    def __init__(self) -> None:
        self.memory_use = MemoryUse()
        #: Whether any series is one of node_exporter.
        self.is_node_exporter = False
        self.cpu = CpuSeries(self.memory_use)
        self.network = NetworkSeries(self.memory_use)
        self.disks = DiskSeries(self.memory_use)
        self.mounts = MountSeries(self.memory_use)
        self.sensors = SensorSeries(self.memory_use)
        self.alarms = AlarmSeries(self.memory_use)
        self._numbers: dict[bytes, int] = {}
        self._memory: dict[str, int] = {}
        self._swap: dict[str, int] = {}
        self._host_name: int | None = None
        self._version = ""
        self._series_count = 0
        self._text_count = 0

    def add(self, series: bytes) -> str | None:
        """Add a series as ``Families.series`` returns it.

        Return the label by which the series of one node differ from those of another: the host name or an address.
        """
        number = self._series_count
        self._series_count += 1
        code = CpuSeries.known_codes.get(series)
        if code is not None:
            self.is_node_exporter = True
            self.cpu.add_code(code, number)
            return None
        name, labels = (_parse_short_series if len(series) <= _SHORT_SERIES_BYTES else parse_series)(series)
        if labels is None:
            return None
        self.is_node_exporter = True
        text = _ADDERS[name](self, name, labels, number)
        if text is not None:
            self._text_count += 1
        return text

    def finish(self) -> None:
        """Choose what counts, as far as that does not depend on values."""
        for subject in (self.cpu, self.network, self.disks, self.mounts, self.sensors):
            subject.finish()
        self._memory = {_MEMORY_NAMES[name]: n for name, n in self._numbers.items() if name in _MEMORY_NAMES}
        self._swap = {_SWAP_NAMES[name]: n for name, n in self._numbers.items() if name in _SWAP_NAMES}

    def number(self, name: bytes, values: Values) -> float | None:
        """Return the plausible value of a series without labels."""
        number = self._numbers.get(name)
        value = -1.0 if number is None else values[number]
        return value if 0 <= value < COUNTER_END else None

    def memory(self, values: Values) -> dict[str, float]:
        """Return the values of memory by the names of ``MEMORY_SERIES``."""
        return _without_wrong(self._memory, values)

    def swap(self, values: Values) -> dict[str, float]:
        """Return the values of swap by the names of ``SWAP_SERIES``."""
        return _without_wrong(self._swap, values)

    def host_name(self, texts: Sequence[str]) -> str | None:
        """Return the node's own host name."""
        return None if self._host_name is None else texts[self._host_name]

    def why_no_figures(self) -> Coded:
        """Return why the exposition has no figures."""
        version = _VERSION.match(self._version)
        if version is not None and (int(version[1]), int(version[2])) < _FIRST_VERSION:
            return exporter_too_old(version[0])
        if b"memory_MemTotal" in self._numbers:
            return exporter_too_old(None)
        return exporter_of_other_figures()

    def _add_cpu(self, _: bytes, labels: _Labels, number: int) -> None:
        self.cpu.add(labels, number)

    def _add_number(self, name: bytes, _: _Labels, number: int) -> None:
        self._numbers[name] = number

    def _add_network(self, name: bytes, labels: _Labels, number: int) -> str | None:
        return self.network.add(name, labels, number, self._text_count)

    def _add_disk(self, name: bytes, labels: _Labels, number: int) -> None:
        self.disks.add(name, labels, number)

    def _add_mount(self, name: bytes, labels: _Labels, number: int) -> None:
        self.mounts.add(name, labels, number)

    def _add_sensor(self, name: bytes, labels: _Labels, number: int) -> None:
        self.sensors.add(name, labels, number)

    def _add_alarm(self, name: bytes, labels: _Labels, number: int) -> None:
        self.alarms.add(name, labels, number)

    def _add_host_name(self, _name: bytes, labels: _Labels, _number: int) -> str | None:
        if self._host_name is not None or "nodename" not in labels:
            return None
        self._host_name = self._text_count
        return labels["nodename"]

    def _add_version(self, _name: bytes, labels: _Labels, _number: int) -> None:
        self._version = labels.get("version", "")[:64]


def _without_wrong(numbers: Mapping[str, int], values: Values) -> dict[str, float]:
    # Some exporters write negative values as nearly 2**64.
    return {name: values[number] for name, number in numbers.items() if abs(values[number]) <= COUNTER_END}


_MEMORY_NAMES: Final = {f"memory_{name}_bytes".encode(): name for name in MEMORY_SERIES}
_SWAP_NAMES: Final = {f"memory_{name}_bytes".encode(): name for name in SWAP_SERIES}
#: The families of the collectors that describe interfaces.
INTERFACE_FAMILIES: Final = frozenset(NetworkSeries.DESCRIPTION_FAMILIES)
#: Series that are one number without labels.
_NUMBERS: Final = (
    b"boot_time_seconds",
    b"load1",
    b"pressure_io_waiting_seconds_total",
    b"pressure_memory_waiting_seconds_total",
    b"time_seconds",
    # The name in node_exporter before 0.16.
    b"memory_MemTotal",
    *_MEMORY_NAMES,
    *_SWAP_NAMES,
)
_ADDERS: Final[dict[bytes, Callable[[ExpositionShape, bytes, _Labels, int], str | None]]] = {
    b"exporter_build_info": ExpositionShape._add_version,
    b"uname_info": ExpositionShape._add_host_name,
    **dict.fromkeys(AlarmSeries.FAMILIES, ExpositionShape._add_alarm),
    **dict.fromkeys(CpuSeries.FAMILIES, ExpositionShape._add_cpu),
    **dict.fromkeys(DiskSeries.FAMILIES, ExpositionShape._add_disk),
    **dict.fromkeys(MountSeries.FAMILIES, ExpositionShape._add_mount),
    **dict.fromkeys(NetworkSeries.FAMILIES, ExpositionShape._add_network),
    **dict.fromkeys(SensorSeries.FAMILIES, ExpositionShape._add_sensor),
    **dict.fromkeys(_NUMBERS, ExpositionShape._add_number),
}
FAMILIES: Final = Families(f"node_{name.decode()}" for name in _ADDERS)
