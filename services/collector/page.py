"""Make a ``Sample`` of a node_exporter page."""

from typing import Final

from collector.devices import LOCAL_FILESYSTEMS, is_physical_interface, whole_disks
from collector.exposition import Families, Series, TooManySeries
from collector.sample import FILESYSTEMS_LIMIT, LARGEST, Filesystem, InOut, Sample, hottest

#: The collectors of node_exporter that give all of it.
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
_FAMILIES: Final = Families(
    (
        "node_boot_time_seconds",
        "node_cpu_seconds_total",
        "node_disk_read_bytes_total",
        "node_disk_written_bytes_total",
        "node_filesystem_avail_bytes",
        "node_filesystem_device_error",
        "node_filesystem_free_bytes",
        "node_filesystem_readonly",
        "node_filesystem_size_bytes",
        "node_hwmon_temp_celsius",
        "node_load1",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "node_network_receive_bytes_total",
        "node_network_transmit_bytes_total",
        "node_thermal_zone_temp",
        "node_time_seconds",
        "node_uname_info",
    )
)
#: Longest mount point that is looked at, in characters.
_MOUNTPOINT_LIMIT: Final = 256
#: The last second that a timestamp can say (year 9999).
_LATEST_UNIX_SECONDS: Final = 253_402_300_799.0

_Page = dict[str, Series]


class NotNodeExporter(ValueError):
    """A page without anything that node_exporter tells."""


def read_page(page: bytes, *, monotonic_seconds: float, unix_seconds: float) -> Sample:
    """Return what a page tells that was written at about those times of this machine's clocks.

    Raises:
        NotNodeExporter: there is none of node_exporter's series on it, or more than any machine has.
    """
    try:
        families = _FAMILIES.parse(page)
    except TooManySeries as error:
        raise NotNodeExporter(str(error)) from None
    if not families:
        raise NotNodeExporter("no series of node_exporter")
    root, filesystems = _filesystems(families)
    boot = _number(families, "node_boot_time_seconds")
    time = _number(families, "node_time_seconds")
    return Sample(
        monotonic_seconds=monotonic_seconds,
        cpu_seconds={
            (labels.get("cpu", ""), labels.get("mode", "")): value
            for labels, value in families.get("node_cpu_seconds_total", ())
            if 0 <= value < LARGEST
        },
        load1=_number(families, "node_load1"),
        memory_total_bytes=_number(families, "node_memory_MemTotal_bytes"),
        memory_available_bytes=_number(families, "node_memory_MemAvailable_bytes"),
        root=root,
        filesystems=filesystems,
        temperature=hottest(_values(families, "node_hwmon_temp_celsius") + _values(families, "node_thermal_zone_temp")),
        network_bytes={
            name: in_out
            for name, in_out in _in_out(
                families, "node_network_receive_bytes_total", "node_network_transmit_bytes_total"
            )
            if is_physical_interface(name)
        },
        disk_bytes=_disks(dict(_in_out(families, "node_disk_read_bytes_total", "node_disk_written_bytes_total"))),
        boot_unix_seconds=boot if boot is not None and 0 < boot <= _LATEST_UNIX_SECONDS else None,
        clock_offset_seconds=None if time is None else time - unix_seconds,
        host_name=_host_name(families),
    )


def _values(families: _Page, name: str) -> list[float]:
    return [value for _, value in families.get(name, ())]


def _number(families: _Page, name: str) -> float | None:
    values = _values(families, name)
    return values[-1] if values and 0 <= values[-1] < LARGEST else None


def _by_device(families: _Page, name: str) -> dict[str, float]:
    return {labels.get("device", ""): value for labels, value in families.get(name, ()) if 0 <= value < LARGEST}


def _in_out(families: _Page, name_in: str, name_out: str) -> list[tuple[str, InOut]]:
    outs = _by_device(families, name_out)
    return [
        (device, (value, outs[device])) for device, value in _by_device(families, name_in).items() if device in outs
    ]


def _disks(by_device: dict[str, InOut]) -> dict[str, InOut]:
    disks = whole_disks(by_device)
    return {device: in_out for device, in_out in by_device.items() if device in disks}


def _host_name(families: _Page) -> str | None:
    for labels, _ in families.get("node_uname_info", ()):
        return labels.get("nodename")
    return None


def _filesystems(families: _Page) -> tuple[Filesystem | None, tuple[Filesystem, ...]]:
    """Return the root file system and the local ones."""
    sizes = _by_mount(families, "node_filesystem_size_bytes")
    free = _by_mount(families, "node_filesystem_free_bytes")
    available = _by_mount(families, "node_filesystem_avail_bytes")
    readonly = _by_mount(families, "node_filesystem_readonly")
    # A file system that could not be asked just now has this series alone.
    failed = _by_mount(families, "node_filesystem_device_error")
    root: Filesystem | None = None
    by_device: dict[str, Filesystem] = {}
    for mount in sorted({*sizes, *failed}, key=lambda mount: (len(mount[2]), mount[2])):
        device, kind, mountpoint = mount
        if not 0 < len(mountpoint) <= _MOUNTPOINT_LIMIT:
            continue
        is_readonly = readonly[mount] == 1 if mount in readonly else None
        filesystem = Filesystem(mountpoint, sizes.get(mount), free.get(mount), available.get(mount), is_readonly)
        if mountpoint == "/" and kind != "rootfs" and root is None:
            root = filesystem
        if kind in LOCAL_FILESYSTEMS:
            by_device.setdefault(device, filesystem)
    local = list(by_device.values())[:FILESYSTEMS_LIMIT]
    return root, tuple(sorted(local, key=lambda filesystem: filesystem.mountpoint))


def _by_mount(families: _Page, name: str) -> dict[tuple[str, str, str], float]:
    return {
        (labels.get("device", ""), labels.get("fstype", ""), labels.get("mountpoint", "")): value
        for labels, value in families.get(name, ())
        if 0 <= value < LARGEST
    }
