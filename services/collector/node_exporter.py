"""Make a ``Sample`` of a node_exporter page, piece by piece as the page comes."""

import codecs
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from collector.cpu_seconds import COUNTER_BYTES, MODE_BITS, CpuSeconds, code_of
from collector.exposition import LINE_BYTES, Families, is_line, parse_labels
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
from collector.texts.issues import exporter_of_other_figures, exporter_too_old
from contract.messages import Coded

#: Collectors of node_exporter that some exporters do not have, or have switched off.
OPTIONAL_COLLECTORS: Final = ("pressure",)
#: The collectors of node_exporter that give all the rest that changes.
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
#: Those that tell what each interface is. They are asked now and then only: of a node with 200 containers they are half
#: of the page, and the exporter reads 25 files an interface for them.
INTERFACE_COLLECTORS: Final = ("bonding", "netclass")
#: Series that a page may have of those that are read. A machine with 1024 CPUs has about 9000.
SERIES_LIMIT: Final = 20_000
#: Versions of node_exporter below this one have other names for nearly all series.
_FIRST_VERSION: Final = (0, 16)
#: The last second that a timestamp can say (year 9999).
_LATEST_UNIX_SECONDS: Final = 253_402_300_799.0

#: Codes of the processors' counters by their labels, in the one way in which node_exporter writes them.
_code_of_labels: dict[bytes, int] = {}


#: Bytes of labels that are remembered once they are parsed: most of them are the same in every page.
_SHORT_LABELS_BYTES: Final = 128
_short_labels = lru_cache(4096)(parse_labels)


class NotNodeExporter(ValueError):
    """A page without anything that node_exporter tells."""


class TooManySeries(ValueError):
    """A page with more series than any machine has."""


class ExpositionReader:
    """Reads one page; keeps the values that a sample needs, and the beginning of an unfinished line."""

    def __init__(
        self, known_interfaces: KnownInterfaces | None = None, take_note: Callable[[bytes], None] | None = None
    ) -> None:
        """``known_interfaces`` are those of the node's pages before, if there were any.

        ``take_note`` is called with the lines that are read, a few at a time, the line feed before them included.
        """
        self._known_interfaces = known_interfaces or KnownInterfaces()
        self._take_note = take_note
        self._rest = b"\n"  # begins with the line feed before the unfinished line
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True
        self._series_count = 0
        self._is_node_exporter = False
        self._held = MemoryUse()
        self._cpu = CpuSeconds()
        self._numbers: dict[bytes, float] = {}
        self._network = NetworkSeries(self._held)
        self._disks = DiskSeries(self._held)
        self._mounts = MountSeries(self._held)
        self._sensors = SensorSeries(self._held)
        self._alarms = Alarms()
        self._host_name: str | None = None
        self._version: str | None = None

    @property
    def memory_bytes(self) -> int:
        """About how much memory the values take that were read so far."""
        return self._held.bytes

    def feed(self, piece: bytes) -> None:
        """Read on.

        Raises:
            TooManySeries: the page has more than ``SERIES_LIMIT`` of those that are read.
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
        """Take the unfinished line as the last one, where the answer says that the page ends there."""
        if is_line(self._rest[1:]):
            self.feed(b"\n")

    @property
    def is_complete(self) -> bool:
        """Whether the page is text that ends with its last line, as the exposition format has it.

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
        """Return what the page tells, which was written at those times of this machine's clocks, give or take.

        Raises:
            NotNodeExporter: there is none of node_exporter's series on it.
            TooManySeries: as ``feed``.
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
        told_memory = self._told(_OF_MEMORY)
        memory_total, memory_available = memory(told_memory)
        swap_total, swap_free = swap(self._told(_OF_SWAP))
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
            missing_reason=None if len(self._cpu) or told_memory or disk.local or disk.root else self._why_no_figures(),
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
                    _TAKE[name](self, name, labels, value)
        if counters or self._numbers:
            self._is_node_exporter = True
        self._held.bytes += counters * COUNTER_BYTES

    def _take_cpu(self, _: bytes, labels: dict[str, str], value: float) -> None:
        cpu, mode = labels.get("cpu", ""), labels.get("mode", "")
        code = code_of(cpu, mode)
        if code is not None:
            prefix = "cpu" if cpu.startswith("cpu") else ""
            _code_of_labels[f'cpu="{prefix}{code >> MODE_BITS}",mode="{mode}"'.encode()] = code
            self._cpu.append(code, value if 0 <= value < LARGEST else math.nan)
            self._held.bytes += COUNTER_BYTES

    def _take_number(self, name: bytes, _: dict[str, str], value: float) -> None:
        self._numbers[name] = value

    def _take_network(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._network.take(name, labels, value)

    def _take_disk(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._disks.take(name, labels, value)

    def _take_mount(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._mounts.take(name, labels, value)

    def _take_sensor(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._sensors.take(name, labels, value)

    def _take_alarm(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._alarms.note(ALARM_FAMILIES[name], labels.get("chip", ""), labels.get("sensor", ""), raised=value > 0)

    def _take_host_name(self, _name: bytes, labels: dict[str, str], _value: float) -> None:
        if self._host_name is None:
            self._host_name = labels.get("nodename")

    def _take_version(self, _name: bytes, labels: dict[str, str], _value: float) -> None:
        self._version = labels.get("version", "")[:64]

    def _told(self, names: Mapping[bytes, str]) -> dict[str, float]:
        """What is told of those series, by their short names; some write less than nothing as nearly 2**64."""
        return {
            names[name]: value for name, value in self._numbers.items() if name in names and abs(value) <= COUNTER_END
        }

    def _number(self, name: bytes) -> float | None:
        value = self._numbers.get(name, -1.0)
        return value if 0 <= value < COUNTER_END else None

    def _why_no_figures(self) -> Coded:
        """Say why the page has no figures."""
        version = _VERSION.match(self._version or "")
        if version is not None and (int(version[1]), int(version[2])) < _FIRST_VERSION:
            return exporter_too_old(version[0])
        if b"memory_MemTotal" in self._numbers:
            return exporter_too_old(None)
        return exporter_of_other_figures()


_OF_MEMORY: Final = {f"memory_{name}_bytes".encode(): name for name in MEMORY_SERIES}
_OF_SWAP: Final = {f"memory_{name}_bytes".encode(): name for name in SWAP_SERIES}
#: The families of the collectors that tell what each interface is.
INTERFACE_FAMILIES: Final = frozenset(NetworkSeries.FAMILIES_OF_FACTS)
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?")

#: Series of one number, which has no labels.
_NUMBERS: Final = frozenset(
    (
        b"boot_time_seconds",
        b"load1",
        b"pressure_io_waiting_seconds_total",
        b"pressure_memory_waiting_seconds_total",
        b"time_seconds",
        # What node_exporter before 0.16 calls it.
        b"memory_MemTotal",
        *_OF_MEMORY,
        *_OF_SWAP,
    )
)
_TAKE: Final[dict[bytes, Callable[[ExpositionReader, bytes, dict[str, str], float], None]]] = {
    **dict.fromkeys(ALARM_FAMILIES, ExpositionReader._take_alarm),
    b"cpu_seconds_total": ExpositionReader._take_cpu,
    b"exporter_build_info": ExpositionReader._take_version,
    b"uname_info": ExpositionReader._take_host_name,
    **dict.fromkeys(DiskSeries.FAMILIES, ExpositionReader._take_disk),
    **dict.fromkeys(MountSeries.FAMILIES, ExpositionReader._take_mount),
    **dict.fromkeys(NetworkSeries.FAMILIES, ExpositionReader._take_network),
    **dict.fromkeys(SensorSeries.FAMILIES, ExpositionReader._take_sensor),
    **dict.fromkeys(_NUMBERS, ExpositionReader._take_number),
}
FAMILIES: Final = Families(f"node_{name.decode()}" for name in _TAKE)


def parse_exposition(page: bytes, *, monotonic_seconds: float, unix_seconds: float) -> Sample:
    """Return what a whole page tells that was written at about those times of this machine's clocks.

    Raises:
        NotNodeExporter: there is none of node_exporter's series on it.
        TooManySeries: the page has more than ``SERIES_LIMIT`` of those that are read.
    """
    reader = ExpositionReader()
    reader.feed(page)
    return reader.sample(monotonic_seconds=monotonic_seconds, unix_seconds=unix_seconds)
