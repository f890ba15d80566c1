"""Make a ``Sample`` of a node_exporter page, piece by piece as the page comes."""

import codecs
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from collector.alarms import ALARM_FAMILIES, Alarms
from collector.cpu_seconds import COUNTER_BYTES, CpuSeconds, code_of
from collector.devices import LOCAL_FILESYSTEMS, is_physical_interface, whole_disks
from collector.exposition import LINE_BYTES, Families, parse_labels
from collector.sample import FILESYSTEMS_LIMIT, LARGEST, NAMED_BYTES, Filesystem, InOut, Sample, hottest

#: Collectors of node_exporter that some exporters do not have, or have switched off.
OPTIONAL_COLLECTORS: Final = ("pressure",)
#: The collectors of node_exporter that give all the rest.
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
#: Series that a page may have of those that are read. A machine with 1024 CPUs has about 9000.
SERIES_LIMIT: Final = 20_000
#: Longest mount point that is looked at, in characters.
_MOUNTPOINT_LIMIT: Final = 256
#: The last second that a timestamp can say (year 9999).
_LATEST_UNIX_SECONDS: Final = 253_402_300_799.0

#: Device, type and mount point.
_Mount = tuple[str, str, str]
#: Codes of the processors' counters by their labels, in the one way in which node_exporter writes them.
_code_of_labels: dict[bytes, int] = {}


class NotNodeExporter(ValueError):
    """A page without anything that node_exporter tells."""


class TooManySeries(ValueError):
    """A page with more series than any machine has."""


class PageReader:
    """Reads one page; keeps the values that a sample needs, and the beginning of an unfinished line."""

    def __init__(self) -> None:
        #: About how much memory the values take that were read so far.
        self.held_bytes = 0
        self._rest = b"\n"  # begins with the line feed before the unfinished line
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True
        self._series_count = 0
        self._is_node_exporter = False
        self._cpu = CpuSeconds()
        self._numbers: dict[bytes, float] = {}
        self._of_devices: defaultdict[bytes, dict[str, float]] = defaultdict(dict)
        self._of_mounts: defaultdict[bytes, dict[_Mount, float]] = defaultdict(dict)
        self._temperature: float | None = None
        self._alarms = Alarms()
        self._host_name: str | None = None

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
        root, filesystems = self._filesystems()
        boot = self._number(b"boot_time_seconds")
        time = self._number(b"time_seconds")
        return Sample(
            monotonic_seconds=monotonic_seconds,
            cpu_seconds=self._cpu,
            load1=self._number(b"load1"),
            memory_total_bytes=self._number(b"memory_MemTotal_bytes"),
            memory_available_bytes=self._number(b"memory_MemAvailable_bytes"),
            swap_total_bytes=self._number(b"memory_SwapTotal_bytes"),
            swap_free_bytes=self._number(b"memory_SwapFree_bytes"),
            io_waiting_seconds=self._number(b"pressure_io_waiting_seconds_total"),
            memory_waiting_seconds=self._number(b"pressure_memory_waiting_seconds_total"),
            root=root,
            filesystems=filesystems,
            temperature=self._temperature,
            under_voltage=self._alarms.raised("under_voltage"),
            hardware_alarms=self._alarms.raised("hardware_alarm"),
            network_bytes=self._in_out(b"network_receive_bytes_total", b"network_transmit_bytes_total"),
            disk_bytes=self._disks(),
            boot_unix_seconds=boot if boot is not None and 0 < boot <= _LATEST_UNIX_SECONDS else None,
            clock_offset_seconds=None if time is None else time - unix_seconds,
            host_name=self._host_name,
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
            labels = parse_labels(raw_labels)
            if labels is not None:
                self._is_node_exporter = True
                _TAKE[name](self, name, labels, value)

    def _take_cpu(self, _: bytes, labels: dict[str, str], value: float) -> None:
        cpu, mode = labels.get("cpu", ""), labels.get("mode", "")
        code = code_of(cpu, mode)
        if code is not None:
            _code_of_labels[f'cpu="{int(cpu)}",mode="{mode}"'.encode()] = code
            self._take_counter(code, value)

    def _take_counter(self, code: int, value: float) -> None:
        self._is_node_exporter = True
        if 0 <= value < LARGEST:
            self._cpu.append(code, value)
            self.held_bytes += COUNTER_BYTES

    def _take_number(self, name: bytes, _: dict[str, str], value: float) -> None:
        self._numbers[name] = value

    def _take_temperature(self, _name: bytes, _labels: dict[str, str], value: float) -> None:
        self._temperature = hottest([value] if self._temperature is None else [value, self._temperature])

    def _take_alarm(self, name: bytes, labels: dict[str, str], value: float) -> None:
        self._alarms.note(ALARM_FAMILIES[name], labels.get("chip", ""), labels.get("sensor", ""), raised=value > 0)

    def _take_host_name(self, _name: bytes, labels: dict[str, str], _value: float) -> None:
        if self._host_name is None:
            self._host_name = labels.get("nodename")

    def _take_interface(self, name: bytes, labels: dict[str, str], value: float) -> None:
        if is_physical_interface(labels.get("device", "")):
            self._take_device(name, labels, value)

    def _take_device(self, name: bytes, labels: dict[str, str], value: float) -> None:
        device = labels.get("device", "")
        if 0 <= value < LARGEST:
            self._of_devices[name][device] = value
            self.held_bytes += NAMED_BYTES + len(device)

    def _take_mount(self, name: bytes, labels: dict[str, str], value: float) -> None:
        device, kind, mountpoint = labels.get("device", ""), labels.get("fstype", ""), labels.get("mountpoint", "")
        is_read = (kind in LOCAL_FILESYSTEMS or mountpoint == "/") and 0 < len(mountpoint) <= _MOUNTPOINT_LIMIT
        if is_read and 0 <= value < LARGEST:
            self._of_mounts[name][device, kind, mountpoint] = value
            self.held_bytes += NAMED_BYTES + len(device) + len(mountpoint)

    def _number(self, name: bytes) -> float | None:
        value = self._numbers.get(name, -1.0)
        return value if 0 <= value < LARGEST else None

    def _in_out(self, name_in: bytes, name_out: bytes) -> dict[str, InOut]:
        outs = self._of_devices[name_out]
        return {device: (value, outs[device]) for device, value in self._of_devices[name_in].items() if device in outs}

    def _disks(self) -> dict[str, InOut]:
        by_device = self._in_out(b"disk_read_bytes_total", b"disk_written_bytes_total")
        disks = whole_disks(by_device)
        return {device: in_out for device, in_out in by_device.items() if device in disks}

    def _filesystems(self) -> tuple[Filesystem | None, tuple[Filesystem, ...]]:
        """Return the root file system and the local ones."""
        sizes = self._of_mounts[b"filesystem_size_bytes"]
        free = self._of_mounts[b"filesystem_free_bytes"]
        available = self._of_mounts[b"filesystem_avail_bytes"]
        readonly = self._of_mounts[b"filesystem_readonly"]
        # A file system that could not be asked just now has this series alone.
        failed = self._of_mounts[b"filesystem_device_error"]
        root: Filesystem | None = None
        by_device: dict[str, Filesystem] = {}
        for mount in sorted({*sizes, *failed}, key=lambda mount: (len(mount[2]), mount[2])):
            device, kind, mountpoint = mount
            is_readonly = readonly[mount] == 1 if mount in readonly else None
            filesystem = Filesystem(mountpoint, sizes.get(mount), free.get(mount), available.get(mount), is_readonly)
            if mountpoint == "/" and kind != "rootfs" and root is None:
                root = filesystem
            if kind in LOCAL_FILESYSTEMS:
                by_device.setdefault(device, filesystem)
        local = list(by_device.values())[:FILESYSTEMS_LIMIT]
        return root, tuple(sorted(local, key=lambda filesystem: filesystem.mountpoint))


_TAKE: Final[dict[bytes, Callable[[PageReader, bytes, dict[str, str], float], None]]] = {
    **dict.fromkeys(ALARM_FAMILIES, PageReader._take_alarm),
    b"boot_time_seconds": PageReader._take_number,
    b"cpu_seconds_total": PageReader._take_cpu,
    b"disk_read_bytes_total": PageReader._take_device,
    b"disk_written_bytes_total": PageReader._take_device,
    b"filesystem_avail_bytes": PageReader._take_mount,
    b"filesystem_device_error": PageReader._take_mount,
    b"filesystem_free_bytes": PageReader._take_mount,
    b"filesystem_readonly": PageReader._take_mount,
    b"filesystem_size_bytes": PageReader._take_mount,
    b"hwmon_temp_celsius": PageReader._take_temperature,
    b"load1": PageReader._take_number,
    b"memory_MemAvailable_bytes": PageReader._take_number,
    b"memory_MemTotal_bytes": PageReader._take_number,
    b"memory_SwapFree_bytes": PageReader._take_number,
    b"memory_SwapTotal_bytes": PageReader._take_number,
    b"network_receive_bytes_total": PageReader._take_interface,
    b"network_transmit_bytes_total": PageReader._take_interface,
    b"pressure_io_waiting_seconds_total": PageReader._take_number,
    b"pressure_memory_waiting_seconds_total": PageReader._take_number,
    b"thermal_zone_temp": PageReader._take_temperature,
    b"time_seconds": PageReader._take_number,
    b"uname_info": PageReader._take_host_name,
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
