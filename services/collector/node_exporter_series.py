"""Collect node_exporter's series by subject: each class has the series of its families."""

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

#: Above the largest value of a 64-bit counter or size.
COUNTER_END: Final = 2.0**64
#: Longest address of an interface, in characters: InfiniBand's.
_ADDRESS_LIMIT: Final = 64
#: Needed series of memory, without ``node_memory_`` and ``_bytes``.
MEMORY_SERIES: Final = (
    *("MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached", "Slab", "SReclaimable"),
    *("size", "free", "inactive", "cache"),
    *("total", "available", "internal", "purgeable", "wired", "compressed", "active"),
)
#: Needed series of swap, without ``node_memory_`` and ``_bytes``.
SWAP_SERIES: Final = ("SwapTotal", "SwapFree", "swap_size", "swap_total", "swap_used")
#: From this value on, a number is a negative one that was written as unsigned.
_WRAPPED_BYTES: Final = 2.0**63

_Labels = dict[str, str]


class MemoryUse:
    """Approximate memory of the values read so far."""

    __slots__ = ("bytes",)

    def __init__(self) -> None:
        self.bytes = 0

    def add(self, *names: str, limit: int) -> bool:
        """Count a value with these names. Return ``False``, and count nothing, if a name is longer than ``limit``."""
        length = sum(map(len, names))
        if length > limit and max(map(len, names)) > limit:
            return False
        self.bytes += NAMED_BYTES + length
        return True


def _json_bytes(text: str) -> int:
    return len(text) if text.isascii() and text.isprintable() else len(encode(text)) - 2


class NetworkSeries:
    """Network interfaces: counters and descriptions."""

    _RECEIVED, _TRANSMITTED = b"network_receive_bytes_total", b"network_transmit_bytes_total"
    #: Families of the numeric fields of ``Interface``, in the order of the fields.
    _NUMBERS: Final = (
        *(b"network_iface_id", b"network_iface_link", b"network_flags", b"network_protocol_type"),
        *(b"network_address_assign_type", b"network_name_assign_type"),
    )
    #: Families that describe interfaces.
    DESCRIPTION_FAMILIES: Final = (*_NUMBERS, b"network_info", b"bonding_slaves")
    FAMILIES: Final = (_RECEIVED, _TRANSMITTED, *DESCRIPTION_FAMILIES)

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        self._values: defaultdict[bytes, dict[str, float]] = defaultdict(dict)
        self._addresses: dict[str, str] = {}
        self._bonds: set[str] = set()
        self._has_description = False

    def add(self, name: bytes, labels: _Labels, value: float) -> None:
        """Add a series of one of ``FAMILIES``."""
        if name == b"bonding_slaves":
            bond = labels.get("master", "")
            if self._memory_use.add(bond, limit=interfaces.NAME_LIMIT):
                self._bonds.add(bond)
            return
        device, address = labels.get("device", ""), labels.get("address", "")
        if not interfaces.can_count(device) or not self._memory_use.add(device, address, limit=_ADDRESS_LIMIT):
            return
        if name == b"network_info":
            self._addresses[device] = address
        else:
            self._values[name][device] = value
        self._has_description = self._has_description or name not in (self._RECEIVED, self._TRANSMITTED)

    def choose(self, known: KnownInterfaces) -> CountedInterfaces:
        """Return which interfaces with a counter count; ``known`` are those of the earlier expositions."""
        names = sorted(self._values[self._RECEIVED].keys() | self._values[self._TRANSMITTED].keys())
        if len(names) > interfaces.INTERFACES_LIMIT:
            names = sorted(names, key=len)[: interfaces.INTERFACES_LIMIT]
        is_described = self._has_description or bool(self._bonds)
        return known.choose(names, [self._interface(name) for name in names] if is_described else ())

    def bytes_of(self, names: frozenset[str]) -> dict[str, InOut]:
        """Return the counters of the interfaces with ``names``: received and transmitted bytes."""
        return _in_out(self._values[self._RECEIVED], self._values[self._TRANSMITTED], names)

    def _interface(self, name: str) -> Interface:
        number, link, flags, kind, address_kind, name_kind = (self._number(family, name) for family in self._NUMBERS)
        address, is_bond = self._addresses.get(name, ""), name in self._bonds
        return Interface(name, number, link, flags, kind, address, address_kind, is_bond, name_kind)

    def _number(self, family: bytes, name: str) -> int | None:
        value = self._values[family].get(name, math.nan)
        return int(value) if 0 <= value < COUNTER_END else None


class DiskSeries:
    """Block devices and their counters."""

    _READ, _WRITTEN = b"disk_read_bytes_total", b"disk_written_bytes_total"
    #: FreeBSD has both directions in one family.
    _BY_TYPE: Final = {"read": _READ, "write": _WRITTEN}
    FAMILIES: Final = (_READ, _WRITTEN, b"devstat_bytes_total")

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        self._values: defaultdict[bytes, dict[str, float]] = defaultdict(dict)

    def add(self, name: bytes, labels: _Labels, value: float) -> None:
        """Add a series of one of ``FAMILIES``."""
        device = labels.get("device", "")
        if name == b"devstat_bytes_total":
            name = self._BY_TYPE.get(labels.get("type", ""), b"")
        if name and self._memory_use.add(device, limit=DEVICE_NAME_LIMIT):
            self._values[name][device] = value

    def disks(self) -> dict[str, InOut]:
        """Return the counters of each whole disk: read and written bytes."""
        read, written = self._values[self._READ], self._values[self._WRITTEN]
        return _in_out(read, written, whole_disks(read.keys() | written.keys()))


class MountSeries:
    """Mounted file systems."""

    _SIZE, _FREE, _AVAILABLE = b"filesystem_size_bytes", b"filesystem_free_bytes", b"filesystem_avail_bytes"
    _READONLY, _FAILED = b"filesystem_readonly", b"filesystem_device_error"
    FAMILIES: Final = (_SIZE, _FREE, _AVAILABLE, _READONLY, _FAILED)

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        #: By family, then by device, type and mount point.
        self._values: defaultdict[bytes, dict[tuple[str, str, str], float]] = defaultdict(dict)

    def add(self, name: bytes, labels: _Labels, value: float) -> None:
        """Add a series of one of ``FAMILIES``."""
        device, kind, mountpoint = labels.get("device", ""), labels.get("fstype", ""), labels.get("mountpoint", "")
        is_needed = mountpoint == "/" or (mountpoint != "" and disks.is_local(kind, device))
        # Limited because alerts contain the mount point twice.
        is_needed = is_needed and _json_bytes(mountpoint) <= disks.NAME_LIMIT
        if is_needed and self._memory_use.add(device, kind, mountpoint, limit=disks.NAME_LIMIT):
            self._values[name][device, kind, mountpoint] = value

    def filesystems(self) -> Filesystems:
        """Return the file systems that count."""
        sizes, free, available = self._values[self._SIZE], self._values[self._FREE], self._values[self._AVAILABLE]
        readonly = self._values[self._READONLY]
        # If the exporter could not read the size of a file system, only the family of failures has an entry.
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
    """Temperature sensors: readings, labels and faults."""

    FAMILIES: Final = (
        *(b"hwmon_temp_celsius", b"hwmon_temp_fault", b"hwmon_sensor_label", b"hwmon_chip_names"),
        *(b"thermal_zone_temp", b"cpu_temperature_celsius"),
    )

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        self._readings: dict[SensorId, float] = {}
        self._labels: dict[SensorId, str] = {}
        self._chip_names: dict[str, str] = {}
        #: Sensors that their chips report as faulty, for example because they are not connected.
        self.faulty: set[SensorId] = set()

    def add(self, name: bytes, labels: _Labels, value: float) -> None:
        """Add a series of one of ``FAMILIES``."""
        sensor = labels.get("chip", ""), labels.get("sensor", "")
        text = labels.get("label", "") or labels.get("chip_name", "")
        if name == b"thermal_zone_temp":
            sensor = labels.get("type", ""), f"zone{labels.get('zone', '')}"
        elif name == b"cpu_temperature_celsius":
            sensor = "cpu", labels.get("cpu", "")
        elif name == b"hwmon_sensor_label" and not sensor[1].startswith("temp"):
            return
        if len(self._readings) >= READINGS_LIMIT:
            return
        if not self._memory_use.add(*sensor, text, limit=SENSOR_NAME_LIMIT):
            return
        match name:
            case b"hwmon_sensor_label":
                self._labels[sensor] = text or sensor[1]
            case b"hwmon_chip_names":
                self._chip_names[sensor[0]] = text
            case b"hwmon_temp_fault":
                if value != 0:
                    self.faulty.add(sensor)
            case _:
                self._readings[sensor] = value

    def sensors(self) -> tuple[Sensor, ...]:
        """Return the sensors that count, the hottest first."""
        return temperature_sensors(self._readings, labels=self._labels, chip_names=self._chip_names, faulty=self.faulty)


def _in_out(ins: dict[str, float], outs: dict[str, float], devices: frozenset[str]) -> dict[str, InOut]:
    # A counter that is missing or not a number makes the sum unknown, not smaller.
    return {device: (_counter(ins.get(device)), _counter(outs.get(device))) for device in sorted(devices)}


def _counter(value: float | None) -> float | None:
    return value if value is not None and 0 <= value < COUNTER_END else None


def memory(values: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and available bytes; ``values`` are the known series by name, without NaN."""
    for name, available_of in (
        ("MemTotal", _available_on_linux),
        ("size", _available_on_bsd),
        ("total", _available_elsewhere),
    ):
        total = values.get(name)
        if total is not None and 0 <= total < _WRAPPED_BYTES:
            available = available_of(values)
            if available is None:
                return total, None
            # A negative value counts as 0.
            return total, min(available, total) if 0 <= available < _WRAPPED_BYTES else 0.0
    return None, None


def swap(values: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and free bytes of swap; ``values`` are the known series by name, without NaN."""
    total, free = values.get("SwapTotal"), values.get("SwapFree")
    if total is None:
        total, used = values.get("swap_size", values.get("swap_total")), values.get("swap_used")
        free = None if total is None or used is None else total - used
    if total is None or not 0 <= total < _WRAPPED_BYTES:
        return None, None
    # A negative value counts as 0.
    return total, free if free is None or 0 <= free < _WRAPPED_BYTES else 0.0


def _available_on_linux(values: Mapping[str, float]) -> float | None:
    """Return the kernel's value; without one, as before Linux 3.14 and in some containers, compute it like ``free``."""
    if "MemAvailable" in values:
        return values["MemAvailable"]
    if "MemFree" not in values:
        return None
    slab = values["Slab"] if "Slab" in values else values.get("SReclaimable", 0.0)
    return values["MemFree"] + values.get("Buffers", 0.0) + values.get("Cached", 0.0) + slab


def _available_on_bsd(values: Mapping[str, float]) -> float | None:
    """Return free, inactive and cached memory: all memory that ``top`` shows neither as active, wired nor laundry."""
    return values["free"] + values.get("inactive", 0.0) + values.get("cache", 0.0) if "free" in values else None


def _available_elsewhere(values: Mapping[str, float]) -> float | None:
    """Return AIX's value; for macOS, all memory except applications, wired and compressed, as in Activity Monitor."""
    if "available" in values or "wired" not in values:
        return values.get("available", values.get("free"))
    applications = (
        values["internal"] - values.get("purgeable", 0.0) if "internal" in values else values.get("active", 0.0)
    )
    return values["total"] - applications - values["wired"] - values.get("compressed", 0.0)
