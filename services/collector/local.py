"""Look at this machine through psutil, with the same result as through an exporter."""

import asyncio
import os
import re
import time
from pathlib import Path
from typing import Final

import psutil

from collector import filesystems, interfaces, sysfs, temperatures
from collector.cpu_seconds import MODES, CpuSeconds
from collector.devices import whole_disks
from collector.filesystems import Filesystems, Mount
from collector.kernel_files import read_alarms, waiting_seconds
from collector.said import looks
from collector.sample import FILESYSTEMS_LIMIT, Sample
from collector.scrape import ScrapeFailed
from collector.temperatures import Sensor
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoted import sentence

_MOUNTS: Final = Path("/proc/self/mountinfo")
#: A space, tab, newline or backslash, as the kernel writes it there.
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


class LocalProbe:
    """Looks at this machine; in a thread, since a disk that hangs blocks whoever asks for its size."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._running: asyncio.Future[Sample] | None = None

    async def look(self) -> Sample | ScrapeFailed:
        """Return what this machine tells now, within the scrape timeout."""
        if self._running is None or self._running.done():
            self._running = run_in_daemon_thread(look_at_this_machine, "look at this machine")
        try:
            # Shielded: a look that hangs stays the only one.
            return await asyncio.wait_for(asyncio.shield(self._running), self._timeout_seconds)
        except TimeoutError:
            return ScrapeFailed("timeout", looks.no_answer_within(self._timeout_seconds))
        except (OSError, psutil.Error) as error:
            said = error.strerror if isinstance(error, OSError) else None
            return ScrapeFailed("internal", looks.unreadable(said or sentence(error)))


def look_at_this_machine() -> Sample:
    """Return what this machine tells now.

    Raises:
        OSError, psutil.Error: it cannot be read.
    """
    memory, swap, alarms = psutil.virtual_memory(), psutil.swap_memory(), read_alarms()
    disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    whole = whole_disks(disks)
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    network = interfaces.choose(sysfs.interfaces(filter(interfaces.can_count, counters)))
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
        disk_bytes={name: (each.read_bytes, each.write_bytes) for name, each in disks.items() if name in whole},
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
    if sysfs.SYS.exists():
        return sysfs.temperature_sensors()
    told = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    readings = {
        (chip, sensor.label or str(number)): sensor.current
        for chip, same in told.items()
        for number, sensor in enumerate(same)
    }
    return temperatures.sensors(readings, labels={}, chip_names={})


def _filesystems() -> Filesystems:
    """Return what counts of the mounts. Each device is asked for its size once."""
    partial = partial_mounts(_MOUNTS.read_text(errors="surrogateescape")) if _MOUNTS.exists() else set()
    # In the order in which they were mounted: whatever comes later hides what was at that mount point.
    visible = {"/": Mount("", "", "/")} | {
        each.mountpoint: Mount(each.device, each.fstype, each.mountpoint, readonly="ro" in each.opts.split(","))
        for each in psutil.disk_partitions(all=True)
        if each.mountpoint not in partial
    }
    local = [mount for mount in visible.values() if filesystems.is_local(mount.fstype, mount.device)]
    first: dict[tuple[str, str], Mount] = {}
    for mount in sorted(local, key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        first.setdefault((mount.device, mount.fstype), mount)
    asked = {"/", *(mount.mountpoint for mount in list(first.values())[:FILESYSTEMS_LIMIT])}
    return filesystems.look(
        _sized(mount) if mount.mountpoint in asked else mount for mount in dict.fromkeys((*local, visible["/"]))
    )


def partial_mounts(mountinfo: str) -> set[str]:
    """Return the mount points, ``/`` apart, that show a part of a file system only, as files in a container often do.

    Such a part may be read-only where the file system is not. A btrfs subvolume is no part in this sense. Source:
    ``proc_pid_mountinfo(5)``.
    """
    partial: set[str] = set()
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        _, _, _, root, mountpoint, *_ = fields.split(" ")
        if root != "/" and mountpoint != "/" and not rest.startswith("btrfs "):
            partial.add(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), mountpoint))
    return partial


def _sized(mount: Mount) -> Mount:
    try:
        size = os.statvfs(mount.mountpoint)
    except OSError:
        return mount
    block = size.f_frsize
    return mount._replace(
        size_bytes=size.f_blocks * block, free_bytes=size.f_bfree * block, available_bytes=size.f_bavail * block
    )
