"""Collect node_exporter's series by subject: each class has the series of its families.

An instance keeps the number of a series instead of its value, so that one instance serves all expositions with the same
series. Its methods take the values of an exposition, in the order of the series.
"""

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from collector import disks, interfaces
from collector.cpu_seconds import COUNTER_BYTES, MODE_BITS, CpuCounters, CpuSeconds, code_of
from collector.disks import DEVICE_NAME_LIMIT, Choice, Filesystems, Mount, whole_disks
from collector.interfaces import CountedInterfaces, Interface, KnownInterfaces
from collector.sample import LARGEST, NAMED_BYTES, InOut
from contract.codec import encode

#: Above the largest value of a 64-bit counter or size.
COUNTER_END: Final = 2.0**64
#: Memory of the value of each series while an exposition is read, in bytes.
VALUE_BYTES: Final = 8
#: Longest address of an interface, in characters: InfiniBand's.
_ADDRESS_LIMIT: Final = 64

_Labels = dict[str, str]
#: Values of all series of an exposition, in their order.
Values = Sequence[float]


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


class CpuSeries:
    """Processors' counters."""

    FAMILIES: Final = (b"cpu_seconds_total",)
    #: Codes of counters by their series, in the form that node_exporter writes.
    known_codes: Final[dict[bytes, int]] = {}

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        self._codes = array("I")
        self._numbers = array("I")
        self._counters = CpuCounters(self._codes)

    def add(self, labels: _Labels, number: int) -> None:
        """Add a series of ``FAMILIES``."""
        cpu, mode = labels.get("cpu", ""), labels.get("mode", "")
        code = code_of(cpu, mode)
        if code is not None:
            prefix = "cpu" if cpu.startswith("cpu") else ""
            self.known_codes[f'cpu_seconds_total{{cpu="{prefix}{code >> MODE_BITS}",mode="{mode}"}}'.encode()] = code
            self.add_code(code, number)

    def add_code(self, code: int, number: int) -> None:
        """Add the counter with that code."""
        self._codes.append(code)
        self._numbers.append(number)
        self._memory_use.bytes += COUNTER_BYTES - VALUE_BYTES

    def finish(self) -> None:
        """Keep only the last series of each counter."""
        if len(set(self._codes)) < len(self._codes):
            last = dict(zip(self._codes, self._numbers, strict=True))
            self._codes, self._numbers = array("I", last.keys()), array("I", last.values())
        self._counters = CpuCounters(self._codes)

    def seconds(self, values: Values) -> CpuSeconds:
        """Return the counters; implausible ones are NaN."""
        counters = map(values.__getitem__, self._numbers)
        return CpuSeconds(self._counters, array("d", [each if 0 <= each < LARGEST else math.nan for each in counters]))


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
        self._numbers: defaultdict[bytes, dict[str, int]] = defaultdict(dict)
        self._addresses: dict[str, int] = {}
        self._bonds: set[str] = set()
        self._has_description = False
        self._names: tuple[str, ...] = ()
        self._is_described = False
        #: Whether later expositions use this instance again.
        self.is_of_template = False

    def add(self, name: bytes, labels: _Labels, number: int, text_number: int) -> str | None:
        """Add a series of one of ``FAMILIES``. Return the address if the series has one."""
        if name == b"bonding_slaves":
            bond = labels.get("master", "")
            if self._memory_use.add(bond, limit=interfaces.NAME_LIMIT):
                self._bonds.add(bond)
            return None
        device, address = labels.get("device", ""), labels.get("address", "")
        if not interfaces.can_count(device) or not self._memory_use.add(device, address, limit=_ADDRESS_LIMIT):
            return None
        self._has_description = self._has_description or name not in (self._RECEIVED, self._TRANSMITTED)
        if name == b"network_info":
            self._addresses[device] = text_number
            return address
        self._numbers[name][device] = number
        return None

    def finish(self) -> None:
        """Choose the interfaces that are read."""
        names = sorted(self._numbers[self._RECEIVED].keys() | self._numbers[self._TRANSMITTED].keys())
        if len(names) > interfaces.INTERFACES_LIMIT:
            names = sorted(names, key=len)[: interfaces.INTERFACES_LIMIT]
        self._names = tuple(names)
        self._is_described = bool(names) and (self._has_description or bool(self._bonds))

    def choose(self, values: Values, texts: Sequence[str], known: KnownInterfaces) -> CountedInterfaces:
        """Return which interfaces with a counter count; ``known`` are those of the earlier expositions."""
        if not self._is_described:
            return known.choose(self._names, ())
        source = None
        if self.is_of_template:
            source = self, [values[number] for name in self._NUMBERS for number in self._numbers[name].values()], texts
        return known.choose_again(source) or known.choose(
            self._names, [self._interface(name, values, texts) for name in self._names], source=source
        )

    def bytes_of(self, names: frozenset[str], values: Values) -> dict[str, InOut]:
        """Return the counters of the interfaces with ``names``: received and transmitted bytes."""
        return _in_out(self._numbers[self._RECEIVED], self._numbers[self._TRANSMITTED], sorted(names), values)

    def _interface(self, name: str, values: Values, texts: Sequence[str]) -> Interface:
        number, link, flags, kind, address_kind, name_kind = (
            _whole(self._numbers[family].get(name), values) for family in self._NUMBERS
        )
        address = texts[self._addresses[name]] if name in self._addresses else ""
        return Interface(name, number, link, flags, kind, address, address_kind, name in self._bonds, name_kind)


class DiskSeries:
    """Block devices and their counters."""

    _READ, _WRITTEN = b"disk_read_bytes_total", b"disk_written_bytes_total"
    #: FreeBSD has both directions in one family.
    _BY_TYPE: Final = {"read": _READ, "write": _WRITTEN}
    FAMILIES: Final = (_READ, _WRITTEN, b"devstat_bytes_total")

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        self._numbers: defaultdict[bytes, dict[str, int]] = defaultdict(dict)
        self._names: list[str] = []

    def add(self, name: bytes, labels: _Labels, number: int) -> None:
        """Add a series of one of ``FAMILIES``."""
        device = labels.get("device", "")
        if name == b"devstat_bytes_total":
            name = self._BY_TYPE.get(labels.get("type", ""), b"")
        if name and self._memory_use.add(device, limit=DEVICE_NAME_LIMIT):
            self._numbers[name][device] = number

    def finish(self) -> None:
        """Choose the disks that count."""
        self._names = sorted(whole_disks(self._numbers[self._READ].keys() | self._numbers[self._WRITTEN].keys()))

    def disks(self, values: Values) -> dict[str, InOut]:
        """Return the counters of each whole disk: read and written bytes."""
        return _in_out(self._numbers[self._READ], self._numbers[self._WRITTEN], self._names, values)


class MountSeries:
    """Mounted file systems."""

    _SIZE, _FREE, _AVAILABLE = b"filesystem_size_bytes", b"filesystem_free_bytes", b"filesystem_avail_bytes"
    _READONLY, _FAILED = b"filesystem_readonly", b"filesystem_device_error"
    FAMILIES: Final = (_SIZE, _FREE, _AVAILABLE, _READONLY, _FAILED)

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        #: By family, then by device, type and mount point.
        self._numbers: defaultdict[bytes, dict[tuple[str, str, str], int]] = defaultdict(dict)
        #: Device, type and mount point, and the numbers of size, free and available bytes and of the read-only status.
        self._mounts: list[tuple[tuple[str, str, str], list[int | None]]] = []
        #: The latest choice, and the conditions of its mounts.
        self._choice = Choice(None, ())
        self._conditions: list[tuple[bool | None, bool, bool]] = []

    def add(self, name: bytes, labels: _Labels, number: int) -> None:
        """Add a series of one of ``FAMILIES``."""
        device, kind, mountpoint = labels.get("device", ""), labels.get("fstype", ""), labels.get("mountpoint", "")
        is_needed = mountpoint == "/" or (mountpoint != "" and disks.is_local(kind, device))
        # Limited because alerts contain the mount point twice.
        is_needed = is_needed and _json_bytes(mountpoint) <= disks.NAME_LIMIT
        if is_needed and self._memory_use.add(device, kind, mountpoint, limit=disks.NAME_LIMIT):
            self._numbers[name][device, kind, mountpoint] = number

    def finish(self) -> None:
        """List the mounts."""
        numbers = self._numbers
        families = [numbers[family] for family in (self._SIZE, self._FREE, self._AVAILABLE, self._READONLY)]
        # If the exporter could not read the size of a file system, only the family of failures has an entry.
        mounts = {**numbers[self._FAILED], **numbers[self._SIZE]}
        self._mounts = [(mount, [family.get(mount) for family in families]) for mount in mounts]

    def filesystems(self, values: Values) -> Filesystems:
        """Return the file systems that count."""
        mounts = [
            Mount(
                *mount,
                None if size is None else values[size],
                None if free is None else values[free],
                None if available is None else values[available],
                None if readonly is None else values[readonly] == 1,
            )
            for mount, (size, free, available, readonly) in self._mounts
        ]
        conditions = [mount.condition for mount in mounts]
        if conditions != self._conditions or self._choice.is_by_size:
            self._choice, self._conditions = disks.choose_mounts(mounts), conditions
        return self._choice.filesystems(mounts)


def _in_out(
    ins: Mapping[str, int], outs: Mapping[str, int], devices: Iterable[str], values: Values
) -> dict[str, InOut]:
    # A counter that is missing or not a number makes the sum unknown, not smaller.
    return {device: (_counter(ins.get(device), values), _counter(outs.get(device), values)) for device in devices}


def _counter(number: int | None, values: Values) -> float | None:
    value = math.nan if number is None else values[number]
    return value if 0 <= value < COUNTER_END else None


def _whole(number: int | None, values: Values) -> int | None:
    value = _counter(number, values)
    return None if value is None else int(value)
