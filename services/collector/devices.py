"""Which disks count as the machine's own."""

import re
from collections.abc import Iterable
from typing import Final

#: Longest name of a block device that is looked at, in characters; Linux has 31.
NAME_LIMIT: Final = 64

# Disks in memory, and those whose bytes also cross another disk (device mapper, RAID, loop, multipath, volumes).
_VIRTUAL_DISK = re.compile(
    r"(loop|ram|zram|dm-|md|bcache|drbd|zd)\d.*|md_.*|(emcpower|vpath|sddlm)[a-z]+\d*|(hdiskpower|vpath)\d+"
    r"|(VxDMP|VxVM)\d+.*|asm[!/].*|nvme\d+c\d+n\d+|(rd|vnd|vn|ccd|cgd|raid|fss)\d+[a-p]?"
)
# Drives that take a medium out, and what the BSDs and AIX count among disks: tapes, changers, enclosures, controllers,
# and the second way (``pass``) to a disk that is listed too.
_NO_DISK = re.compile(r"(sr|scd|fd|cd|acd|rmt|sa|nsa|ch|ses|pass|xpt|nvme)\d+")
_PARTITION = re.compile(r"(.*\D)\d+")
_PARTITION_OF_NUMBERED = re.compile(r"(.*\d)p\d+")


def whole_disks(names: Iterable[str]) -> frozenset[str]:
    """Return the disks among block devices: no partitions of a disk that is there too, nothing stacked or in memory."""
    devices = frozenset(names)
    return frozenset(
        name
        for name in devices
        if not (_VIRTUAL_DISK.fullmatch(name) or _NO_DISK.fullmatch(name) or _disk_of(name) in devices)
    )


def _disk_of(name: str) -> str | None:
    """Name of the disk that a partition would belong to: ``sda`` of ``sda1``, ``mmcblk0`` of ``mmcblk0p1``."""
    match = _PARTITION_OF_NUMBERED.fullmatch(name) or _PARTITION.fullmatch(name)
    return match[1] if match else None
