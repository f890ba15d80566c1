"""Which disks count as the machine's own."""

import re
from collections.abc import Iterable
from typing import Final

#: Longest name of a block device that is looked at, in characters; Linux has 31.
NAME_LIMIT: Final = 64

# Disks in memory, and those whose bytes also cross another disk (device mapper, RAID, loop, multipath).
_VIRTUAL_DISK = re.compile(
    r"(loop|ram|zram|dm-|md|bcache|drbd|zd|sr|fd)\d.*|md_.*|emcpower[a-z]+\d*|VxDMP\d+.*|nvme\d+c\d+n\d+"
)
_PARTITION = re.compile(r"(.*\D)\d+")
_PARTITION_OF_NUMBERED = re.compile(r"(.*\d)p\d+")


def whole_disks(names: Iterable[str]) -> frozenset[str]:
    """Return the disks among block devices: no partitions of a disk that is there too, nothing stacked or in memory."""
    devices = frozenset(names)
    return frozenset(
        name for name in devices if _VIRTUAL_DISK.fullmatch(name) is None and _disk_of(name) not in devices
    )


def _disk_of(name: str) -> str | None:
    """Name of the disk that a partition would belong to: ``sda`` of ``sda1``, ``mmcblk0`` of ``mmcblk0p1``."""
    match = _PARTITION_OF_NUMBERED.fullmatch(name) or _PARTITION.fullmatch(name)
    return match[1] if match else None
