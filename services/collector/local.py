"""Look at this machine through psutil, with the same result as through an exporter."""

import asyncio
import os
import re
import time
from pathlib import Path
from typing import Final

import psutil

from collector.cpu_seconds import CpuMode
from collector.daemon_thread import run_in_daemon_thread
from collector.devices import LOCAL_FILESYSTEMS, is_physical_interface, whole_disks
from collector.kernel_files import read_alarms, waiting_seconds
from collector.sample import FILESYSTEMS_LIMIT, Filesystem, Sample, hottest
from collector.scrape import ScrapeFailed

_MOUNTS: Final = Path("/proc/self/mountinfo")
#: A space, tab, newline or backslash, as the kernel writes it there.
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
#: The modes of /proc/stat that add up to all of a processor's time. A guest's time is in user and nice already.
_MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


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
            return ScrapeFailed("timeout", f"no answer within {self._timeout_seconds:g} s")
        except (OSError, psutil.Error) as error:
            return ScrapeFailed("internal", f"cannot be read: {error}")


def look_at_this_machine() -> Sample:
    """Return what this machine tells now.

    Raises:
        OSError, psutil.Error: it cannot be read.
    """
    memory, swap, alarms = psutil.virtual_memory(), psutil.swap_memory(), read_alarms()
    disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    whole = whole_disks(disks)
    root, filesystems = _filesystems()
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
        root=root,
        filesystems=filesystems,
        temperature=_temperature(),
        under_voltage=alarms.raised("under_voltage"),
        hardware_alarms=alarms.raised("hardware_alarm"),
        network_bytes={
            name: (counters.bytes_recv, counters.bytes_sent)
            for name, counters in psutil.net_io_counters(pernic=True, nowrap=False).items()
            if is_physical_interface(name)
        },
        disk_bytes={
            name: (counters.read_bytes, counters.write_bytes) for name, counters in disks.items() if name in whole
        },
        boot_unix_seconds=psutil.boot_time(),
        clock_offset_seconds=0.0,
        host_name=os.uname().nodename,
    )


def _cpu_seconds() -> dict[CpuMode, float]:
    return {
        (str(number), mode): getattr(times, mode)
        for number, times in enumerate(psutil.cpu_times(percpu=True))
        for mode in _MODES
        if hasattr(times, mode)
    }


def _temperature() -> float | None:
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return hottest([sensor.current for chip in sensors.values() for sensor in chip])


def _filesystems() -> tuple[Filesystem | None, tuple[Filesystem, ...]]:
    by_device: dict[str, Filesystem] = {}
    partial = partial_mounts(_MOUNTS.read_text(errors="surrogateescape")) if _MOUNTS.exists() else set()
    for partition in sorted(psutil.disk_partitions(all=True), key=lambda partition: len(partition.mountpoint)):
        if len(by_device) == FILESYSTEMS_LIMIT:
            break
        if partition.fstype not in LOCAL_FILESYSTEMS or partition.device in by_device:
            continue
        if partition.mountpoint not in partial:
            readonly = "ro" in partition.opts.split(",")
            by_device[partition.device] = _filesystem(partition.mountpoint, readonly=readonly)
    local = tuple(sorted(by_device.values(), key=lambda filesystem: filesystem.mountpoint))
    at_root = [filesystem for filesystem in local if filesystem.mountpoint == "/"]
    return at_root[0] if at_root else _filesystem("/", readonly=None), local


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


def _filesystem(mountpoint: str, *, readonly: bool | None) -> Filesystem:
    try:
        size = os.statvfs(mountpoint)
    except OSError:
        return Filesystem(mountpoint, None, None, None, readonly)
    block = size.f_frsize
    return Filesystem(mountpoint, size.f_blocks * block, size.f_bfree * block, size.f_bavail * block, readonly)
