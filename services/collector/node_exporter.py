"""Read a ``Sample`` from an exposition of node_exporter, piece by piece; no input or output."""

import codecs
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from collector.cpu_seconds import COUNTER_BYTES, MODE_BITS, CpuSeconds, code_of
from collector.exposition import LINE_BYTES, Families, is_complete_line, parse_labels
from collector.interfaces import KnownInterfaces
from collector.node_exporter_series import (
    COUNTER_END,
    MEMORY_SERIES,
    SWAP_SERIES,
    DiskSeries,
    MemoryUse,
    MountSeries,
    NetworkSeries,
    SensorSeries,
    memory,
    swap,
)
from collector.sample import LARGEST, Sample, certain_part
from collector.sensors import ALARM_FAMILIES, Alarms
from collector.sentences.issues import exporter_of_other_figures, exporter_too_old
from contract.messages import Coded

#: Needed collectors of node_exporter that are missing or switched off in some exporters.
OPTIONAL_COLLECTORS: Final = ("pressure",)
#: The other needed collectors of node_exporter.
COLLECTORS: Final = (
    "cpu",
    "diskstats",
    "filesystem",
    "hwmon",
    "loadavg",
    "meminfo",
    "netdev",
    "stat",
    "thermal_zone",
    "time",
    "uname",
)
#: Collectors that describe interfaces. Few scrapes request them: for a node with 200 containers, they are half of the
#: exposition, and the exporter reads 25 files for each interface.
INTERFACE_COLLECTORS: Final = ("bonding", "netclass")
#: Most needed series of an exposition. A machine with 1024 CPUs has about 9000.
SERIES_LIMIT: Final = 20_000
#: First version of node_exporter with the present names of series.
_FIRST_VERSION: Final = (0, 16)
#: Latest time of a timestamp (year 9999).
_LATEST_UNIX_SECONDS: Final = 253_402_300_799.0

#: Codes of the processors' counters by their labels, in the form that node_exporter writes.
_code_of_labels: dict[bytes, int] = {}


#: Longest labels, in bytes, that are cached after parsing: most labels are the same in every exposition.
_SHORT_LABELS_BYTES: Final = 128
_short_labels = lru_cache(4096)(parse_labels)


class NotNodeExporter(ValueError):
    """An exposition without series of node_exporter."""


class TooManySeries(ValueError):
    """An exposition with more than ``SERIES_LIMIT`` needed series."""


class ExpositionReader:
    """Reads one exposition; keeps the values that a sample needs, and the start of an unfinished line."""

    def __init__(
        self, known_interfaces: KnownInterfaces | None = None, take_note: Callable[[bytes], None] | None = None
    ) -> None:
        """``known_interfaces`` are the interfaces of the node's earlier expositions.

        ``take_note`` is called with each group of lines, which begins with the line feed before the first line.
        """
        self._known_interfaces = known_interfaces or KnownInterfaces()
        self._take_note = take_note
        self._rest = b"\n"  # begins with the line feed before the unfinished line
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True
        self._series_count = 0
        self._is_node_exporter = False
        self._memory_use = MemoryUse()
        self._cpu = CpuSeconds()
        self._numbers: dict[bytes, float] = {}
        self._network = NetworkSeries(self._memory_use)
        self._disks = DiskSeries(self._memory_use)
        self._mounts = MountSeries(self._memory_use)
        self._sensors = SensorSeries(self._memory_use)
        self._alarms = Alarms()
        self._host_name: str | None = None
        self._version: str | None = None

    @property
    def memory_bytes(self) -> int:
        """Approximate memory of the values read so far, in bytes."""
        return self._memory_use.bytes

    def feed(self, piece: bytes) -> None:
        """Read the next piece.

        Raises:
            TooManySeries: the exposition has more than ``SERIES_LIMIT`` needed series.
        """
        if self._is_text:
            try:
                self._decoder.decode(piece)
            except UnicodeDecodeError:
                self._is_text = False
        text = self._rest + piece
        end = text.rfind(b"\n")
        self._rest = text[end : end + LINE_BYTES]
        if end > 0:
            self._read(text[: end + 1])

    def end(self) -> None:
        """Read the unfinished line as the last one. Call this if the response marks the end of the exposition."""
        if is_complete_line(self._rest[1:]):
            self.feed(b"\n")

    @property
    def is_complete(self) -> bool:
        """Whether the exposition is text that ends with a line feed, as the format requires.

        Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
        """
        return self._is_text and self._rest == b"\n" and not self._decoder.getstate()[0]

    def sample(
        self,
        *,
        monotonic_seconds: float,
        unix_seconds: float,
        uncertainty_seconds: float = 0.0,
        hung_collector: str | None = None,
    ) -> Sample:
        """Return the sample of an exposition that was written at those times of this machine's clocks.

        Raises:
            NotNodeExporter: the exposition has no series of node_exporter.
            TooManySeries: the exposition has more than ``SERIES_LIMIT`` needed series.
        """
        self._read(self._rest)
        if not self._is_node_exporter:
            raise NotNodeExporter("no series of node_exporter")
        self._cpu.deduplicate()
        network, disk, sensors = (
            self._network.choose(self._known_interfaces),
            self._mounts.filesystems(),
            self._sensors.sensors(),
        )
        memory_values = self._values_of(_MEMORY_NAMES)
        memory_total, memory_available = memory(memory_values)
        swap_total, swap_free = swap(self._values_of(_SWAP_NAMES))
        boot = self._number(b"boot_time_seconds")
        time = self._number(b"time_seconds")
        return Sample(
            monotonic_seconds=monotonic_seconds,
            cpu_seconds=self._cpu,
            load1=self._number(b"load1"),
            memory_total_bytes=memory_total,
            memory_available_bytes=memory_available,
            swap_total_bytes=swap_total,
            swap_free_bytes=swap_free,
            io_waiting_seconds=self._number(b"pressure_io_waiting_seconds_total"),
            memory_waiting_seconds=self._number(b"pressure_memory_waiting_seconds_total"),
            root=disk.root,
            filesystems=disk.local,
            temperature=sensors[0].celsius if sensors else None,
            sensors=sensors,
            under_voltage=self._alarms.raised("under_voltage", faulty=self._sensors.faulty),
            hardware_alarms=self._alarms.raised("hardware_alarm", faulty=self._sensors.faulty),
            network_bytes=self._network.bytes_of(network.names),
            disk_bytes=self._disks.disks(),
            boot_unix_seconds=boot if boot is not None and 0 < boot <= _LATEST_UNIX_SECONDS else None,
            uncertainty_seconds=uncertainty_seconds,
            node_unix_seconds=time,
            clock_offset_seconds=None if time is None else certain_part(time - unix_seconds, uncertainty_seconds),
            hung_collector=hung_collector,
            host_name=self._host_name,
            remarks=tuple(remark for remark in (network.remark, disk.remark) if remark is not None),
            missing_reason=None
            if len(self._cpu) or memory_values or disk.local or disk.root
            else self._why_no_figures(),
        )

    def _read(self, text: bytes) -> None:
        if self._take_note is not None:
            self._take_note(text)
        found = FAMILIES.series(text)
        self._series_count += len(found)
        if self._series_count > SERIES_LIMIT:
            raise TooManySeries(f"more than {SERIES_LIMIT} series")
        add_counter, counters = self._cpu.append, 0
        for name, raw_labels, number in found:
            try:
                value = float(number)
            except ValueError:
                continue
            code = _code_of_labels.get(raw_labels) if name == b"cpu_seconds_total" else None
            if code is not None:
                add_counter(code, value if 0 <= value < LARGEST else math.nan)
                counters += 1
            elif name in _NUMBERS and not raw_labels:
                self._numbers[name] = value
            else:
                labels = (_short_labels if len(raw_labels) <= _SHORT_LABELS_BYTES else parse_labels)(raw_labels)
                if labels is not None:
                    self._is_node_exporter = True
                    _ADDERS[name](self, name, labels, value)
        if counters or self._numbers:
            self._is_node_exporter = True
        self._memory_use.bytes += counters * COUNTER_BYTES

    def _add_cpu(self, _: bytes, labels: dict[str, str], value: float) -> None:
        cpu, mode = labels.get("cpu", ""), labels.get("mode", "")
        code = code_of(cpu, mode)
        if code is not None:
            prefix = "cpu" if cpu.startswith("cpu") else ""
            _code_of_labels[f'cpu="{prefix}{code >> MODE_BITS}",mode="{mode}"'.encode()] = code
            self._cpu.append(code, value if 0 <= value < LARGEST else math.nan)
            self._memory_use.bytes += COUNTER_BYTES

    def _add_number(self, name: bytes, _: dict[str, str], value: float) -> None:
        self._numbers[name] = value

    def _add_network(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._network.add(name, labels, value)

    def _add_disk(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._disks.add(name, labels, value)

    def _add_mount(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._mounts.add(name, labels, value)

    def _add_sensor(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._sensors.add(name, labels, value)

    def _add_alarm(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._alarms.note(ALARM_FAMILIES[name], labels.get("chip", ""), labels.get("sensor", ""), raised=value > 0)

    def _set_host_name(self, _name: bytes, labels: dict[str, str], _value: float) -> None:
        if self._host_name is None:
            self._host_name = labels.get("nodename")

    def _set_version(self, _name: bytes, labels: dict[str, str], _value: float) -> None:
        self._version = labels.get("version", "")[:64]

    def _values_of(self, names: Mapping[bytes, str]) -> dict[str, float]:
        """Return the values of series by their short names. Some exporters write negative values as nearly 2**64."""
        return {
            names[name]: value for name, value in self._numbers.items() if name in names and abs(value) <= COUNTER_END
        }

    def _number(self, name: bytes) -> float | None:
        value = self._numbers.get(name, -1.0)
        return value if 0 <= value < COUNTER_END else None

    def _why_no_figures(self) -> Coded:
        """Return why the exposition has no figures."""
        version = _VERSION.match(self._version or "")
        if version is not None and (int(version[1]), int(version[2])) < _FIRST_VERSION:
            return exporter_too_old(version[0])
        if b"memory_MemTotal" in self._numbers:
            return exporter_too_old(None)
        return exporter_of_other_figures()


_MEMORY_NAMES: Final = {f"memory_{name}_bytes".encode(): name for name in MEMORY_SERIES}
_SWAP_NAMES: Final = {f"memory_{name}_bytes".encode(): name for name in SWAP_SERIES}
#: The families of the collectors that describe interfaces.
INTERFACE_FAMILIES: Final = frozenset(NetworkSeries.DESCRIPTION_FAMILIES)
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?")

#: Series that are one number without labels.
_NUMBERS: Final = frozenset(
    (
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
)
_ADDERS: Final[dict[bytes, Callable[[ExpositionReader, bytes, dict[str, str], float], None]]] = {
    **dict.fromkeys(ALARM_FAMILIES, ExpositionReader._add_alarm),
    b"cpu_seconds_total": ExpositionReader._add_cpu,
    b"exporter_build_info": ExpositionReader._set_version,
    b"uname_info": ExpositionReader._set_host_name,
    **dict.fromkeys(DiskSeries.FAMILIES, ExpositionReader._add_disk),
    **dict.fromkeys(MountSeries.FAMILIES, ExpositionReader._add_mount),
    **dict.fromkeys(NetworkSeries.FAMILIES, ExpositionReader._add_network),
    **dict.fromkeys(SensorSeries.FAMILIES, ExpositionReader._add_sensor),
    **dict.fromkeys(_NUMBERS, ExpositionReader._add_number),
}
FAMILIES: Final = Families(f"node_{name.decode()}" for name in _ADDERS)


def parse_exposition(exposition: bytes, *, monotonic_seconds: float, unix_seconds: float) -> Sample:
    """Return the sample of a whole exposition that was written at about those times of this machine's clocks.

    Raises:
        NotNodeExporter: the exposition has no series of node_exporter.
        TooManySeries: the exposition has more than ``SERIES_LIMIT`` needed series.
    """
    reader = ExpositionReader()
    reader.feed(exposition)
    return reader.sample(monotonic_seconds=monotonic_seconds, unix_seconds=unix_seconds)
