"""Make a ``Sample`` of a node_exporter page, piece by piece as the page comes."""

import codecs
import math
import re
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from collector import filesystems, interfaces, temperatures
from collector.cpu_seconds import COUNTER_BYTES, MODE_BITS, CpuSeconds, code_of
from collector.devices import NAME_LIMIT as DEVICE_NAME_LIMIT
from collector.devices import whole_disks
from collector.exposition import LINE_BYTES, Families, parse_labels
from collector.filesystems import Filesystems, Mount
from collector.interfaces import Choice, Interface, KnownInterfaces
from collector.memory import SERIES as MEMORY_SERIES
from collector.memory import memory
from collector.sample import LARGEST, NAMED_BYTES, InOut, Sample
from collector.temperatures import Place

#: The collectors of node_exporter that give all that changes.
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
#: Above the largest that a counter or a size of 64 bits can say.
_COUNTER_END: Final = 2.0**64
#: Longest address of an interface, in characters: InfiniBand's.
_ADDRESS_LIMIT: Final = 64
#: Versions of node_exporter below this one have other names for nearly all series.
_FIRST_VERSION: Final = (0, 16)
#: The last second that a timestamp can say (year 9999).
_LATEST_UNIX_SECONDS: Final = 253_402_300_799.0

#: Device, type and mount point.
_Mount = tuple[str, str, str]
#: Codes of the processors' counters by their labels, in the one way in which node_exporter writes them.
_code_of_labels: dict[bytes, int] = {}


#: Bytes of labels that are remembered once they are parsed: most of them are the same in every page.
_SHORT_LABELS_BYTES: Final = 128
_short_labels = lru_cache(4096)(parse_labels)


class NotNodeExporter(ValueError):
    """A page without anything that node_exporter tells."""


class TooManySeries(ValueError):
    """A page with more series than any machine has."""


class PageReader:
    """Reads one page; keeps the values that a sample needs, and the beginning of an unfinished line."""

    def __init__(self, known_interfaces: KnownInterfaces | None = None) -> None:
        """``known_interfaces`` are those of the node's pages before, if there were any."""
        #: About how much memory the values take that were read so far.
        self.held_bytes = 0
        self._known_interfaces = known_interfaces or KnownInterfaces()
        self._rest = b"\n"  # begins with the line feed before the unfinished line
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True
        self._series_count = 0
        self._is_node_exporter = False
        self._cpu = CpuSeconds()
        self._numbers: dict[bytes, float] = {}
        self._of_devices: defaultdict[bytes, dict[str, float]] = defaultdict(dict)
        self._of_mounts: defaultdict[bytes, dict[_Mount, float]] = defaultdict(dict)
        self._addresses: dict[str, str] = {}
        self._bonds: set[str] = set()
        self._readings: dict[Place, float] = {}
        self._sensor_labels: dict[Place, str] = {}
        self._chip_names: dict[str, str] = {}
        self._faulty: set[Place] = set()
        self._host_name: str | None = None
        self._version: str | None = None

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

    @property
    def is_whole(self) -> bool:
        """Whether the page is text that ends with its last line, as the exposition format has it.

        Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
        """
        return self._is_text and self._rest == b"\n" and not self._decoder.getstate()[0]

    def sample(self, *, monotonic_seconds: float, unix_seconds: float) -> Sample:
        """Return what the page tells, which was written at about those times of this machine's clocks.

        Raises:
            NotNodeExporter: there is none of node_exporter's series on it.
            TooManySeries: as ``feed``.
        """
        self._read(self._rest)
        if not self._is_node_exporter:
            raise NotNodeExporter("no series of node_exporter")
        self._cpu.deduplicate()
        network, disk = self._interfaces(), self._filesystems()
        told_memory = {
            _OF_MEMORY[name]: value
            for name, value in self._numbers.items()
            if name in _OF_MEMORY and abs(value) <= _COUNTER_END
        }
        memory_total, memory_available = memory(told_memory)
        sensors = temperatures.sensors(
            self._readings, labels=self._sensor_labels, chip_names=self._chip_names, faulty=self._faulty
        )
        boot = self._number(b"boot_time_seconds")
        time = self._number(b"time_seconds")
        return Sample(
            monotonic_seconds=monotonic_seconds,
            cpu_seconds=self._cpu,
            load1=self._number(b"load1"),
            memory_total_bytes=memory_total,
            memory_available_bytes=memory_available,
            root=disk.root,
            filesystems=disk.local,
            temperature=sensors[0].celsius if sensors else None,
            sensors=sensors,
            network_bytes=self._in_out(_RECEIVED, _TRANSMITTED, network.names),
            disk_bytes=self._disks(),
            boot_unix_seconds=boot if boot is not None and 0 < boot <= _LATEST_UNIX_SECONDS else None,
            clock_offset_seconds=None if time is None else time - unix_seconds,
            host_name=self._host_name,
            remarks=tuple(remark for remark in (network.remark, disk.remark) if remark is not None),
            lack=None if len(self._cpu) or told_memory or disk.local or disk.root else self._lack(),
        )

    def _read(self, text: bytes) -> None:
        for name, raw_labels, value in _FAMILIES.series(text):
            self._series_count += 1
            if self._series_count > SERIES_LIMIT:
                raise TooManySeries(f"more than {SERIES_LIMIT} series")
            code = _code_of_labels.get(raw_labels) if name == b"cpu_seconds_total" else None
            if code is not None:
                self._take_counter(code, value)
                continue
            labels = (_short_labels if len(raw_labels) <= _SHORT_LABELS_BYTES else parse_labels)(raw_labels)
            if labels is not None:
                self._is_node_exporter = True
                _TAKE[name](self, name, labels, value)

    def _take_cpu(self, _: bytes, labels: dict[str, str], value: float) -> None:
        cpu, mode = labels.get("cpu", ""), labels.get("mode", "")
        code = code_of(cpu, mode)
        if code is not None:
            prefix = "cpu" if cpu.startswith("cpu") else ""
            _code_of_labels[f'cpu="{prefix}{code >> MODE_BITS}",mode="{mode}"'.encode()] = code
            self._take_counter(code, value)

    def _take_counter(self, code: int, value: float) -> None:
        self._is_node_exporter = True
        self._cpu.append(code, value if 0 <= value < LARGEST else math.nan)
        self.held_bytes += COUNTER_BYTES

    def _take_number(self, name: bytes, _: dict[str, str], value: float) -> None:
        self._numbers[name] = value

    def _take_reading(self, name: bytes, labels: dict[str, str], value: float) -> None:
        if name == b"thermal_zone_temp":
            place = labels.get("type", ""), f"zone{labels.get('zone', '')}"
        elif name == b"cpu_temperature_celsius":
            place = "cpu", labels.get("cpu", "")
        else:
            place = _place(labels)
        if len(self._readings) < temperatures.READINGS_LIMIT and self._holds(*place, limit=temperatures.NAME_LIMIT):
            self._readings[place] = value

    def _take_fault(self, _: bytes, labels: dict[str, str], value: float) -> None:
        place = _place(labels)
        if value != 0 and self._holds(*place, limit=temperatures.NAME_LIMIT):
            self._faulty.add(place)

    def _take_sensor_label(self, _: bytes, labels: dict[str, str], _value: float) -> None:
        place, label = _place(labels), labels.get("label", "")
        if label and place[1].startswith("temp") and self._holds(*place, label, limit=temperatures.NAME_LIMIT):
            self._sensor_labels[place] = label

    def _take_chip_name(self, _: bytes, labels: dict[str, str], _value: float) -> None:
        chip, name = labels.get("chip", ""), labels.get("chip_name", "")
        if name and self._holds(chip, name, limit=temperatures.NAME_LIMIT):
            self._chip_names[chip] = name

    def _take_host_name(self, _name: bytes, labels: dict[str, str], _value: float) -> None:
        if self._host_name is None:
            self._host_name = labels.get("nodename")

    def _take_version(self, _name: bytes, labels: dict[str, str], _value: float) -> None:
        self._version = labels.get("version", "")[:64]

    def _take_interface(self, name: bytes, labels: dict[str, str], value: float) -> None:
        if interfaces.can_count(labels.get("device", "")):
            self._take_device(name, labels, value)

    def _take_address(self, _: bytes, labels: dict[str, str], _value: float) -> None:
        device, address = labels.get("device", ""), labels.get("address", "")
        if interfaces.can_count(device) and self._holds(device, address, limit=_ADDRESS_LIMIT):
            self._addresses[device] = address

    def _take_bond(self, _: bytes, labels: dict[str, str], _value: float) -> None:
        bond = labels.get("master", "")
        if self._holds(bond, limit=interfaces.NAME_LIMIT):
            self._bonds.add(bond)

    def _take_transfer(self, _: bytes, labels: dict[str, str], value: float) -> None:
        name = _OF_TRANSFER.get(labels.get("type", ""))
        if name is not None:
            self._take_device(name, labels, value)

    def _take_device(self, name: bytes, labels: dict[str, str], value: float) -> None:
        device = labels.get("device", "")
        if self._holds(device, limit=DEVICE_NAME_LIMIT):
            self._of_devices[name][device] = value

    def _take_mount(self, name: bytes, labels: dict[str, str], value: float) -> None:
        device, kind, mountpoint = labels.get("device", ""), labels.get("fstype", ""), labels.get("mountpoint", "")
        is_read = (filesystems.is_local(kind, device) or mountpoint == "/") and mountpoint != ""
        if is_read and self._holds(device, kind, mountpoint, limit=filesystems.NAME_LIMIT):
            self._of_mounts[name][device, kind, mountpoint] = value

    def _holds(self, *names: str, limit: int) -> bool:
        """Count a value that is kept by those names, unless one is longer than any machine has."""
        if max(map(len, names)) > limit:
            return False
        self.held_bytes += NAMED_BYTES + sum(map(len, names))
        return True

    def _number(self, name: bytes) -> float | None:
        value = self._numbers.get(name, -1.0)
        return value if 0 <= value < _COUNTER_END else None

    def _interfaces(self) -> Choice:
        """Return the interfaces that count of those that have counters."""
        names = self._of_devices[_RECEIVED].keys() & self._of_devices[_TRANSMITTED].keys()
        if len(names) > interfaces.INTERFACES_LIMIT:
            names = set(sorted(names, key=lambda name: (len(name), name))[: interfaces.INTERFACES_LIMIT])
        return interfaces.choose(self._known_interfaces.complete([self._interface(name) for name in names]))

    def _interface(self, name: str) -> Interface:
        number, link, flags, kind, address_kind = (self._fact(fact, name) for fact in _FACTS)
        return Interface(
            name, number, link, flags, kind, self._addresses.get(name, ""), address_kind, name in self._bonds
        )

    def _fact(self, fact: bytes, name: str) -> int | None:
        value = self._of_devices[fact].get(name, math.nan)
        return int(value) if 0 <= value < _COUNTER_END else None

    def _in_out(self, name_in: bytes, name_out: bytes, devices: frozenset[str]) -> dict[str, InOut]:
        ins, outs = self._of_devices[name_in], self._of_devices[name_out]
        return {device: (_counter(ins[device]), _counter(outs[device])) for device in sorted(devices)}

    def _disks(self) -> dict[str, InOut]:
        return self._in_out(_READ, _WRITTEN, whole_disks(self._of_devices[_READ].keys() & self._of_devices[_WRITTEN]))

    def _filesystems(self) -> Filesystems:
        sizes = self._of_mounts[b"filesystem_size_bytes"]
        free = self._of_mounts[b"filesystem_free_bytes"]
        available = self._of_mounts[b"filesystem_avail_bytes"]
        readonly = self._of_mounts[b"filesystem_readonly"]
        # A file system that could not be asked just now has this series alone.
        failed = self._of_mounts[b"filesystem_device_error"]
        return filesystems.look(
            Mount(
                *mount,
                sizes.get(mount),
                free.get(mount),
                available.get(mount),
                readonly[mount] != 0 if mount in readonly else None,
            )
            for mount in {**failed, **sizes}
        )

    def _lack(self) -> str:
        """Say why the page has no figures."""
        version = _VERSION.match(self._version or "")
        if version is not None and (int(version[1]), int(version[2])) < _FIRST_VERSION:
            return f"it is node_exporter before 0.16 ({self._version}), update it"
        if b"memory_MemTotal" in self._numbers:
            return "it is node_exporter before 0.16, update it"
        return "its exporter gives no figures of this system"


def _place(labels: dict[str, str]) -> Place:
    return labels.get("chip", ""), labels.get("sensor", "")


def _counter(value: float) -> float | None:
    return value if 0 <= value < _COUNTER_END else None


_RECEIVED, _TRANSMITTED = b"network_receive_bytes_total", b"network_transmit_bytes_total"
_READ, _WRITTEN = b"disk_read_bytes_total", b"disk_written_bytes_total"
_OF_TRANSFER: Final = {"read": _READ, "write": _WRITTEN}
_OF_MEMORY: Final = {f"memory_{name}_bytes".encode(): name for name in MEMORY_SERIES}
#: What ``Interface`` has of an interface, in its order.
_FACTS: Final = (
    *(b"network_iface_id", b"network_iface_link", b"network_flags", b"network_protocol_type"),
    b"network_address_assign_type",
)
#: The families of the collectors that tell what each interface is.
INTERFACE_FAMILIES: Final = frozenset((*_FACTS, b"network_info", b"bonding_slaves"))
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})")

_TAKE: Final[dict[bytes, Callable[[PageReader, bytes, dict[str, str], float], None]]] = {
    b"bonding_slaves": PageReader._take_bond,
    b"boot_time_seconds": PageReader._take_number,
    b"cpu_seconds_total": PageReader._take_cpu,
    b"cpu_temperature_celsius": PageReader._take_reading,
    b"devstat_bytes_total": PageReader._take_transfer,
    b"disk_read_bytes_total": PageReader._take_device,
    b"disk_written_bytes_total": PageReader._take_device,
    b"exporter_build_info": PageReader._take_version,
    b"filesystem_avail_bytes": PageReader._take_mount,
    b"filesystem_device_error": PageReader._take_mount,
    b"filesystem_free_bytes": PageReader._take_mount,
    b"filesystem_readonly": PageReader._take_mount,
    b"filesystem_size_bytes": PageReader._take_mount,
    b"hwmon_chip_names": PageReader._take_chip_name,
    b"hwmon_sensor_label": PageReader._take_sensor_label,
    b"hwmon_temp_celsius": PageReader._take_reading,
    b"hwmon_temp_fault": PageReader._take_fault,
    b"load1": PageReader._take_number,
    # What node_exporter before 0.16 calls it.
    b"memory_MemTotal": PageReader._take_number,
    b"network_info": PageReader._take_address,
    b"network_receive_bytes_total": PageReader._take_interface,
    b"network_transmit_bytes_total": PageReader._take_interface,
    b"thermal_zone_temp": PageReader._take_reading,
    b"time_seconds": PageReader._take_number,
    b"uname_info": PageReader._take_host_name,
    **dict.fromkeys(_FACTS, PageReader._take_interface),
    **dict.fromkeys(_OF_MEMORY, PageReader._take_number),
}
_FAMILIES: Final = Families(f"node_{name.decode()}" for name in _TAKE)


def read_page(page: bytes, *, monotonic_seconds: float, unix_seconds: float) -> Sample:
    """Return what a whole page tells that was written at about those times of this machine's clocks.

    Raises:
        NotNodeExporter: there is none of node_exporter's series on it.
        TooManySeries: the page has more than ``SERIES_LIMIT`` of those that are read.
    """
    reader = PageReader()
    reader.feed(page)
    return reader.sample(monotonic_seconds=monotonic_seconds, unix_seconds=unix_seconds)
