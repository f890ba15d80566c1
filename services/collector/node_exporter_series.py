"""The series of node_exporter that belong together: each class takes those of its families."""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from collector import disks, interfaces
from collector.disks import DEVICE_NAME_LIMIT, Filesystems, Mount, whole_disks
from collector.interfaces import CountedInterfaces, Interface, KnownInterfaces
from collector.sample import NAMED_BYTES, InOut
from collector.sensors import NAME_LIMIT as SENSOR_NAME_LIMIT
from collector.sensors import READINGS_LIMIT, Sensor, SensorId, temperature_sensors
from contract.codec import encode

#: Above the largest that a counter or a size of 64 bits can say.
COUNTER_END: Final = 2.0**64
#: Longest address of an interface, in characters: InfiniBand's.
_ADDRESS_LIMIT: Final = 64
#: The series of memory that are read, without ``node_memory_`` and ``_bytes``.
MEMORY_SERIES: Final = (
    *("MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached", "Slab", "SReclaimable"),
    *("size", "free", "inactive", "cache"),
    *("total", "available", "internal", "purgeable", "wired", "compressed", "active"),
)
#: The series that tell of swap, likewise.
SWAP_SERIES: Final = ("SwapTotal", "SwapFree", "swap_size", "swap_total", "swap_used")
#: From here on, a number is one below zero that was written without its sign.
_WRAPPED_BYTES: Final = 2.0**63

_Labels = dict[str, str]


class MemoryUse:
    """About how much memory the values take that were read so far."""

    __slots__ = ("bytes",)

    def __init__(self) -> None:
        self.bytes = 0

    def hold(self, *names: str, limit: int) -> bool:
        """Count a value that is kept by those names, unless one is longer than ``limit``: no machine has that."""
        length = sum(map(len, names))
        if length > limit and max(map(len, names)) > limit:
            return False
        self.bytes += NAMED_BYTES + length
        return True


def _json_bytes(text: str) -> int:
    return len(text) if text.isascii() and text.isprintable() else len(encode(text)) - 2


class NetworkSeries:
    """Network interfaces: their counters, and what they are."""

    _RECEIVED, _TRANSMITTED = b"network_receive_bytes_total", b"network_transmit_bytes_total"
    #: What ``Interface`` has of an interface, in its order.
    _FACTS: Final = (
        *(b"network_iface_id", b"network_iface_link", b"network_flags", b"network_protocol_type"),
        *(b"network_address_assign_type", b"network_name_assign_type"),
    )
    #: Those that say what each interface is.
    FAMILIES_OF_FACTS: Final = (*_FACTS, b"network_info", b"bonding_slaves")
    FAMILIES: Final = (_RECEIVED, _TRANSMITTED, *FAMILIES_OF_FACTS)

    def __init__(self, held: MemoryUse) -> None:
        self._held = held
        self._values: defaultdict[bytes, dict[str, float]] = defaultdict(dict)
        self._addresses: dict[str, str] = {}
        self._bonds: set[str] = set()
        self._has_facts = False

    def take(self, name: bytes, labels: _Labels, value: float) -> None:
        """Take a series of one of the families."""
        if name == b"bonding_slaves":
            bond = labels.get("master", "")
            if self._held.hold(bond, limit=interfaces.NAME_LIMIT):
                self._bonds.add(bond)
            return
        device, address = labels.get("device", ""), labels.get("address", "")
        if not interfaces.can_count(device) or not self._held.hold(device, address, limit=_ADDRESS_LIMIT):
            return
        if name == b"network_info":
            self._addresses[device] = address
        else:
            self._values[name][device] = value
        self._has_facts = self._has_facts or name not in (self._RECEIVED, self._TRANSMITTED)

    def choose(self, known: KnownInterfaces) -> CountedInterfaces:
        """Return the interfaces that count, of those with a counter; ``known`` are those of the pages before."""
        names = sorted(self._values[self._RECEIVED].keys() | self._values[self._TRANSMITTED].keys())
        if len(names) > interfaces.INTERFACES_LIMIT:
            names = sorted(names, key=len)[: interfaces.INTERFACES_LIMIT]
        is_told = self._has_facts or bool(self._bonds)
        return known.choose(names, [self._interface(name) for name in names] if is_told else ())

    def bytes_of(self, names: frozenset[str]) -> dict[str, InOut]:
        """Return what each of those interfaces received and transmitted."""
        return _in_out(self._values[self._RECEIVED], self._values[self._TRANSMITTED], names)

    def _interface(self, name: str) -> Interface:
        number, link, flags, kind, address_kind, name_kind = (self._fact(fact, name) for fact in self._FACTS)
        address, is_bond = self._addresses.get(name, ""), name in self._bonds
        return Interface(name, number, link, flags, kind, address, address_kind, is_bond, name_kind)

    def _fact(self, fact: bytes, name: str) -> int | None:
        value = self._values[fact].get(name, math.nan)
        return int(value) if 0 <= value < COUNTER_END else None


class DiskSeries:
    """Block devices and their counters."""

    _READ, _WRITTEN = b"disk_read_bytes_total", b"disk_written_bytes_total"
    #: FreeBSD's has both ways in one.
    _OF_TYPE: Final = {"read": _READ, "write": _WRITTEN}
    FAMILIES: Final = (_READ, _WRITTEN, b"devstat_bytes_total")

    def __init__(self, held: MemoryUse) -> None:
        self._held = held
        self._values: defaultdict[bytes, dict[str, float]] = defaultdict(dict)

    def take(self, name: bytes, labels: _Labels, value: float) -> None:
        """Take a series of one of the families."""
        device = labels.get("device", "")
        if name == b"devstat_bytes_total":
            name = self._OF_TYPE.get(labels.get("type", ""), b"")
        if name and self._held.hold(device, limit=DEVICE_NAME_LIMIT):
            self._values[name][device] = value

    def disks(self) -> dict[str, InOut]:
        """Return what each whole disk read and wrote."""
        read, written = self._values[self._READ], self._values[self._WRITTEN]
        return _in_out(read, written, whole_disks(read.keys() | written.keys()))


class MountSeries:
    """Mounted file systems."""

    _SIZE, _FREE, _AVAILABLE = b"filesystem_size_bytes", b"filesystem_free_bytes", b"filesystem_avail_bytes"
    _READONLY, _FAILED = b"filesystem_readonly", b"filesystem_device_error"
    FAMILIES: Final = (_SIZE, _FREE, _AVAILABLE, _READONLY, _FAILED)

    def __init__(self, held: MemoryUse) -> None:
        self._held = held
        #: By family; device, type and mount point.
        self._values: defaultdict[bytes, dict[tuple[str, str, str], float]] = defaultdict(dict)

    def take(self, name: bytes, labels: _Labels, value: float) -> None:
        """Take a series of one of the families."""
        device, kind, mountpoint = labels.get("device", ""), labels.get("fstype", ""), labels.get("mountpoint", "")
        is_read = mountpoint == "/" or (mountpoint != "" and disks.is_local(kind, device))
        # Alerts hold it twice.
        is_read = is_read and _json_bytes(mountpoint) <= disks.NAME_LIMIT
        if is_read and self._held.hold(device, kind, mountpoint, limit=disks.NAME_LIMIT):
            self._values[name][device, kind, mountpoint] = value

    def filesystems(self) -> Filesystems:
        """Return what counts of the mounts."""
        sizes, free, available = self._values[self._SIZE], self._values[self._FREE], self._values[self._AVAILABLE]
        readonly = self._values[self._READONLY]
        # A file system that could not be asked just now has no size.
        return disks.choose(
            Mount(
                *mount,
                sizes.get(mount),
                free.get(mount),
                available.get(mount),
                readonly[mount] == 1 if mount in readonly else None,
            )
            for mount in {**self._values[self._FAILED], **sizes}
        )


class SensorSeries:
    """Temperature sensors: what they read, and what qualifies that."""

    FAMILIES: Final = (
        *(b"hwmon_temp_celsius", b"hwmon_temp_fault", b"hwmon_sensor_label", b"hwmon_chip_names"),
        *(b"thermal_zone_temp", b"cpu_temperature_celsius"),
    )

    def __init__(self, held: MemoryUse) -> None:
        self._held = held
        self._readings: dict[SensorId, float] = {}
        self._labels: dict[SensorId, str] = {}
        self._chip_names: dict[str, str] = {}
        #: Those that their chips call faulty: not connected, for instance.
        self.faulty: set[SensorId] = set()

    def take(self, name: bytes, labels: _Labels, value: float) -> None:
        """Take a series of one of the families."""
        place = labels.get("chip", ""), labels.get("sensor", "")
        text = labels.get("label", "") or labels.get("chip_name", "")
        if name == b"thermal_zone_temp":
            place = labels.get("type", ""), f"zone{labels.get('zone', '')}"
        elif name == b"cpu_temperature_celsius":
            place = "cpu", labels.get("cpu", "")
        elif name == b"hwmon_sensor_label" and not place[1].startswith("temp"):
            return
        if len(self._readings) >= READINGS_LIMIT:
            return
        if not self._held.hold(*place, text, limit=SENSOR_NAME_LIMIT):
            return
        match name:
            case b"hwmon_sensor_label":
                self._labels[place] = text or place[1]
            case b"hwmon_chip_names":
                self._chip_names[place[0]] = text
            case b"hwmon_temp_fault":
                if value != 0:
                    self.faulty.add(place)
            case _:
                self._readings[place] = value

    def sensors(self) -> tuple[Sensor, ...]:
        """Return the sensors whose readings count, the hottest first."""
        return temperature_sensors(self._readings, labels=self._labels, chip_names=self._chip_names, faulty=self.faulty)


def _in_out(ins: dict[str, float], outs: dict[str, float], devices: frozenset[str]) -> dict[str, InOut]:
    # A counter that is not told, or in no number, makes the sum unknown, not smaller.
    return {device: (_counter(ins.get(device)), _counter(outs.get(device))) for device in sorted(devices)}


def _counter(value: float | None) -> float | None:
    return value if value is not None and 0 <= value < COUNTER_END else None


def memory(told: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and available bytes; ``told`` has the series that are told, by name. None is NaN."""
    for name, available_of in (("MemTotal", _linux), ("size", _bsd), ("total", _others)):
        total = told.get(name)
        if total is not None and 0 <= total < _WRAPPED_BYTES:
            available = available_of(told)
            if available is None:
                return total, None
            # Less than nothing is nothing.
            return total, min(available, total) if 0 <= available < _WRAPPED_BYTES else 0.0
    return None, None


def swap(told: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and free bytes of swap; ``told`` has the series that are told, by name. None is NaN."""
    total, free = told.get("SwapTotal"), told.get("SwapFree")
    if total is None:
        total, used = told.get("swap_size", told.get("swap_total")), told.get("swap_used")
        free = None if total is None or used is None else total - used
    if total is None or not 0 <= total < _WRAPPED_BYTES:
        return None, None
    # Less than nothing is nothing.
    return total, free if free is None or 0 <= free < _WRAPPED_BYTES else 0.0


def _linux(told: Mapping[str, float]) -> float | None:
    """What the kernel says; before 3.14, and in containers that hide it, what ``free`` made of the rest."""
    if "MemAvailable" in told:
        return told["MemAvailable"]
    if "MemFree" not in told:
        return None
    slab = told["Slab"] if "Slab" in told else told.get("SReclaimable", 0.0)
    return told["MemFree"] + told.get("Buffers", 0.0) + told.get("Cached", 0.0) + slab


def _bsd(told: Mapping[str, float]) -> float | None:
    """Free, inactive and cached memory: all that ``top`` calls neither active nor wired, nor laundry."""
    return told["free"] + told.get("inactive", 0.0) + told.get("cache", 0.0) if "free" in told else None


def _others(told: Mapping[str, float]) -> float | None:
    """What AIX says; on macOS all but what Activity Monitor calls used: applications, wired and compressed memory."""
    if "available" in told or "wired" not in told:
        return told.get("available", told.get("free"))
    applications = told["internal"] - told.get("purgeable", 0.0) if "internal" in told else told.get("active", 0.0)
    return told["total"] - applications - told["wired"] - told.get("compressed", 0.0)
