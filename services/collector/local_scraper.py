"""Scrape this machine without an exporter, through psutil and the kernel's files, into the same kind of sample."""

import asyncio
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

from collector import disks, interfaces
from collector.cpu_seconds import MODES, CpuSeconds
from collector.disks import Filesystems, Mount, whole_disks
from collector.interfaces import Interface
from collector.sample import FILESYSTEMS_LIMIT, Sample, ScrapeFailed
from collector.sensors import ALARM_FILES, Alarms, Sensor, SensorId, temperature_sensors
from collector.sentences import failures
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import error_text

_MOUNTS: Final = Path("/proc/self/mountinfo")
#: A space, tab, newline or backslash in that file.
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
#: Folder of interfaces and sensors. Source: kernel, Documentation/ABI/testing/sysfs-class-net,
#: Documentation/hwmon/sysfs-interface.rst, Documentation/ABI/testing/sysfs-class-thermal.
SYS: Final = Path("/sys")
_READING: Final = re.compile(r"(temp\d+)_input")
_PRESSURE: Final = Path("/proc/pressure")
#: Microseconds in which some task waited. Source: kernel, Documentation/accounting/psi.rst
_SOME: Final = re.compile(r"^some .*\btotal=(\d+)$", re.MULTILINE)
_ALARM: Final = re.compile(r"([a-z]+)(\d+)_([a-z]+_alarm)")


class LocalScraper:
    """Reads this machine in a thread, since reading the size of a disk that hangs blocks."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._running: asyncio.Future[Sample] | None = None

    async def scrape(self) -> Sample | ScrapeFailed:
        """Return this machine's present sample, or the failure, within the scrape timeout."""
        if self._running is None or self._running.done():
            self._running = run_in_daemon_thread(read_this_machine, "read this machine")
        try:
            # Shielded, so that at most one read hangs.
            return await asyncio.wait_for(asyncio.shield(self._running), self._timeout_seconds)
        except TimeoutError:
            return ScrapeFailed("timeout", failures.no_answer_within(self._timeout_seconds))
        except (OSError, psutil.Error) as error:
            why = error.strerror if isinstance(error, OSError) else None
            return ScrapeFailed("internal", failures.unreadable(why or error_text(error)))


def read_this_machine() -> Sample:
    """Return this machine's present sample.

    Raises:
        OSError, psutil.Error: the machine cannot be read.
    """
    memory, swap, alarms = psutil.virtual_memory(), psutil.swap_memory(), read_alarms()
    disk_counters = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    whole = whole_disks(disk_counters)
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    network = interfaces.choose(read_interfaces(filter(interfaces.can_count, counters)))
    disk = _filesystems()
    sensors = _sensors()
    return Sample(
        monotonic_seconds=time.monotonic(),
        cpu_seconds=_cpu_seconds(),
        load1=os.getloadavg()[0],
        memory_total_bytes=memory.total,
        memory_available_bytes=memory.available,
        swap_total_bytes=swap.total,
        swap_free_bytes=swap.free,
        io_waiting_seconds=waiting_seconds("io"),
        memory_waiting_seconds=waiting_seconds("memory"),
        root=disk.root,
        filesystems=disk.local,
        temperature=sensors[0].celsius if sensors else None,
        sensors=sensors,
        under_voltage=alarms.raised("under_voltage"),
        hardware_alarms=alarms.raised("hardware_alarm"),
        network_bytes={
            name: (each.bytes_recv, each.bytes_sent) for name, each in counters.items() if name in network.names
        },
        disk_bytes={name: (each.read_bytes, each.write_bytes) for name, each in disk_counters.items() if name in whole},
        boot_unix_seconds=psutil.boot_time(),
        clock_offset_seconds=0.0,
        host_name=os.uname().nodename,
        remarks=tuple(remark for remark in (network.remark, disk.remark) if remark is not None),
    )


def _cpu_seconds() -> CpuSeconds:
    return CpuSeconds.of(
        {
            (str(number), mode): getattr(times, mode)
            for number, times in enumerate(psutil.cpu_times(percpu=True))
            for mode in MODES
            if hasattr(times, mode)
        }
    )


def _sensors() -> tuple[Sensor, ...]:
    if SYS.exists():
        return read_temperatures()
    chips = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    readings = {
        (chip, sensor.label or str(number)): sensor.current
        for chip, same in chips.items()
        for number, sensor in enumerate(same)
    }
    return temperature_sensors(readings, labels={}, chip_names={})


def _filesystems() -> Filesystems:
    """Return the file systems that count. The size of each device is read once."""
    partial = partial_mounts(_MOUNTS.read_text(errors="surrogateescape")) if _MOUNTS.exists() else set()
    # In the order of mounting: a later mount hides earlier ones at its mount point.
    visible = {"/": Mount("", "", "/")} | {
        each.mountpoint: Mount(each.device, each.fstype, each.mountpoint, readonly="ro" in each.opts.split(","))
        for each in psutil.disk_partitions(all=True)
        if each.mountpoint not in partial
    }
    local = [mount for mount in visible.values() if disks.is_local(mount.fstype, mount.device)]
    first: dict[tuple[str, str], Mount] = {}
    for mount in sorted(local, key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        first.setdefault((mount.device, mount.fstype), mount)
    sized = {"/", *(mount.mountpoint for mount in list(first.values())[:FILESYSTEMS_LIMIT])}
    return disks.choose(
        _with_size(mount) if mount.mountpoint in sized else mount for mount in dict.fromkeys((*local, visible["/"]))
    )


def partial_mounts(mountinfo: str) -> set[str]:
    """Return the mount points except ``/`` that show only a part of a file system, such as bind mounts in a container.

    Such a mount may be read-only although the file system is not. A btrfs subvolume does not count as a part.

    Source: ``proc_pid_mountinfo(5)``.
    """
    partial: set[str] = set()
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        _, _, _, root, mountpoint, *_ = fields.split(" ")
        if root != "/" and mountpoint != "/" and not rest.startswith("btrfs "):
            partial.add(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), mountpoint))
    return partial


def _with_size(mount: Mount) -> Mount:
    try:
        size = os.statvfs(mount.mountpoint)
    except OSError:
        return mount
    block = size.f_frsize
    return mount._replace(
        size_bytes=size.f_blocks * block, free_bytes=size.f_bfree * block, available_bytes=size.f_bavail * block
    )


def read_interfaces(names: Iterable[str], sys: Path = SYS) -> list[Interface]:
    """Return the descriptions of the interfaces with ``names``."""
    return [_interface(name, sys / "class/net" / name) for name in names]


def read_temperatures(sys: Path = SYS) -> tuple[Sensor, ...]:
    """Return the sensors that count, the hottest first."""
    readings: dict[SensorId, float] = {}
    labels: dict[SensorId, str] = {}
    chip_names: dict[str, str] = {}
    faulty: set[SensorId] = set()
    for chip in sorted(sys.glob("class/hwmon/hwmon*")):
        chip_names[chip.name] = _text(chip / "name")
        # Drivers of old kernels put the sensors one folder below.
        for file in (*chip.glob("temp*_input"), *chip.glob("device/temp*_input")):
            found = _READING.fullmatch(file.name)
            celsius = _number(file)
            if found is None or celsius is None:
                continue
            sensor = chip.name, found[1]
            readings[sensor] = celsius / 1000
            label = _text(file.with_name(f"{found[1]}_label"))
            if label:
                labels[sensor] = label
            if _number(file.with_name(f"{found[1]}_fault")):
                faulty.add(sensor)
    for zone in sorted(sys.glob("class/thermal/thermal_zone*")):
        celsius = _number(zone / "temp")
        if celsius is not None:
            readings[_text(zone / "type"), zone.name.removeprefix("thermal_")] = celsius / 1000
    return temperature_sensors(readings, labels=labels, chip_names=chip_names, faulty=faulty)


def waiting_seconds(resource: str, folder: Path = _PRESSURE) -> float | None:
    """Return the seconds since boot in which some task waited for ``io`` or ``memory``; ``None`` if unknown.

    Some kernels lack these files, and reading them fails if they are switched off (``psi=0``).
    """
    try:
        found = _SOME.search((folder / resource).read_text())
    except OSError:
        return None
    return None if found is None else int(found[1]) / 1e6


def read_alarms(sys: Path = SYS) -> Alarms:
    """Return the alarms of the sensors."""
    alarms = Alarms()
    for path in sys.glob("class/hwmon/hwmon*/*_alarm"):
        found = _ALARM.fullmatch(path.name)
        rule = ALARM_FILES.get((found[1], found[3])) if found else None
        if found is None or rule is None:
            continue
        try:
            chip, raised = (path.parent / "name").read_text().strip(), path.read_text().strip()
        except OSError:
            continue
        sensor = f"{found[1]}{found[2]}"
        is_raised = raised not in ("", "0") and _text(path.with_name(f"{sensor}_fault")) in ("", "0")
        alarms.note(rule, chip, sensor, raised=is_raised)
    return alarms


def _interface(name: str, folder: Path) -> Interface:
    return Interface(
        name,
        number=_number(folder / "ifindex"),
        link=_number(folder / "iflink"),
        flags=_number(folder / "flags"),
        kind=_number(folder / "type"),
        address=_text(folder / "address"),
        address_kind=_number(folder / "addr_assign_type"),
        is_bond=(folder / "bonding").is_dir(),
        name_kind=_number(folder / "name_assign_type"),
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    """Return the integer in a file, decimal or hexadecimal; ``None`` if there is no integer or the driver fails."""
    try:
        return int(_text(file), 0)
    except ValueError:
        return None
