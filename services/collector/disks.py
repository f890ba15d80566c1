"""Which disks and file systems of a machine count: whole disks, the one at ``/``, and local file systems."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from collector.sample import FILESYSTEMS_LIMIT, Filesystem
from runtime.quoting import quoted

#: Longest name of a block device that is read, in characters; Linux has 31.
DEVICE_NAME_LIMIT: Final = 64

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
#: Longest mount point and longest name of a device that is read, in characters. ZFS has the longest names.
NAME_LIMIT: Final = 256
#: Types of file systems that live on the machine's own storage and are meant to be written.
LOCAL_TYPES: Final = frozenset(
    (
        *("apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "hfs", "hfsplus", "jffs2"),
        *(
            "jfs",
            "msdos",
            "msdosfs",
            "nilfs2",
            "ntfs",
            "ntfs3",
            "reiser4",
            "reiserfs",
            "simfs",
            "ubifs",
            "vfat",
            "vxfs",
        ),
        *("vzfs", "xfs", "yaffs", "yaffs2", "zfs"),
        # The BSDs and AIX.
        *("ext2fs", "ffs", "hammer", "hammer2", "jfs2", "lfs", "ufs"),
    )
)
# Made once and never written: their usage is always 100 %.
_IMAGE_TYPES: Final = frozenset(("cd9660", "cramfs", "erofs", "iso9660", "romfs", "squashfs", "udf"))
_MEMORY_TYPES: Final = frozenset(("ramfs", "tmpfs"))
# Somebody else writes them.
_REMOTE_TYPES: Final = frozenset(("9p", "ceph", "cifs", "nfs", "nfs4", "virtiofs"))
# Layers of several file systems. Containers have them at /, and so have machines whose system cannot be written.
_LAYERED_TYPES: Final = frozenset(("aufs", "fuse-overlayfs", "fuse.fuse-overlayfs", "overlay", "overlayfs"))
# Where a container sees the root of its machine, as the documentation of node_exporter and others mounts it.
_ROOTS_OF_HOST: Final = ("/rootfs", "/host", "/hostfs", "/host/root", "/host/rootfs", "/mnt/host")
# Where macOS keeps /var, and all else that is written.
_DATA_OF_MACOS: Final = "/System/Volumes/Data"
_FSTYPE: Final = re.compile(r"[a-z0-9_.-]{1,32}", re.ASCII)
_BLOCK_BYTES: Final = 2.0**64


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


def is_local(fstype: str, device: str) -> bool:
    """Whether a file system lives on the machine's own storage and is meant to be written; a snapshot of ZFS is not."""
    return fstype in LOCAL_TYPES and not (fstype == "zfs" and "@" in device)


class Mount(NamedTuple):
    """A mounted file system as the machine tells of it; a number may be any, ``None`` is none."""

    device: str
    fstype: str
    mountpoint: str
    size_bytes: float | None = None
    free_bytes: float | None = None
    available_bytes: float | None = None
    readonly: bool | None = None


class Filesystems(NamedTuple):
    """What of a machine's mounts counts."""

    #: The one that is the machine's disk.
    root: Filesystem | None
    #: Local ones, each device once, by mount point.
    local: tuple[Filesystem, ...]
    #: A sentence that names the disk, where it is not the one at ``/``.
    remark: str | None = None


def choose(mounts: Iterable[Mount]) -> Filesystems:
    """Return what counts of ``mounts``, which come in the order in which they were mounted, as far as that is known.

    Of several at one mount point the last one hides the others, as in ``df``. node_exporter sorts its page and so does
    not tell the order; the last one of the page counts then, the same at every scrape.
    """
    found = list(mounts)
    visible = _topmost(mount for mount in found if is_local(mount.fstype, mount.device))
    at_root = [mount for mount in found if mount.mountpoint == "/"]
    local = _local(visible, _root_of_host(visible, at_root))
    root = next(iter(_topmost(at_root)), None)
    why = _why_not(root, visible)
    if root is not None and why is None:
        return Filesystems(_filesystem(root, root.readonly), local)
    disk = _disk_beside(visible, local, with_host=root is None or root.fstype in _LAYERED_TYPES)
    if disk is not None:
        return Filesystems(disk, local, f"disk: the one at {quoted(disk.mountpoint)}, since {why}")
    remark = None if root is None else f"disk: none, since {why} and nothing else can be written"
    return Filesystems(None, local, remark)


def _topmost(mounts: Iterable[Mount]) -> list[Mount]:
    at: dict[str, Mount] = {}
    for mount in mounts:
        hidden = at.get(mount.mountpoint)
        if hidden is None or _weight(mount) >= _weight(hidden):
            at[mount.mountpoint] = mount
    return list(at.values())


def _weight(mount: Mount) -> int:
    """How sure it is that a mount hides others at its mount point: what a machine starts with lies below all else."""
    if mount.fstype == "rootfs":
        return 0
    if _is_image(mount):
        return 1
    if mount.fstype in _MEMORY_TYPES:
        return 2
    if mount.size_bytes is None:
        return 3
    # An exporter in a container that takes the prefix off has its own layers beside the machine's root.
    return 4 if mount.fstype in _LAYERED_TYPES else 5


def _is_image(mount: Mount) -> bool:
    if mount.fstype in _IMAGE_TYPES:
        return True
    if mount.readonly is not True or is_local(mount.fstype, mount.device) or mount.fstype in _REMOTE_TYPES:
        return False
    # Layers that cannot be written are an image, too (composefs), and so is whatever has no free block at all.
    return mount.fstype in _LAYERED_TYPES or mount.free_bytes == mount.available_bytes == 0


def _why_not(root: Mount | None, local: Sequence[Mount]) -> str | None:
    """Say why what is at ``/`` is not the machine's disk; ``None`` where it is."""
    if root is None:
        return "the node does not tell of /"
    if _is_image(root):
        return f"/ is an image ({_shown(root.fstype)})"
    if root.size_bytes == 0:
        # As it is in memory before a system has started; df does not show it.
        return f"/ has no size ({_shown(root.fstype)})"
    if root.fstype in _LAYERED_TYPES and _host_at(local) is not None:
        return "/ is a container's"
    if root.fstype == "apfs" and root.readonly and any(mount.mountpoint == _DATA_OF_MACOS for mount in local):
        return "/ is sealed"
    return None


def _shown(fstype: str) -> str:
    # An exporter may write anything there.
    return fstype if _FSTYPE.fullmatch(fstype) else quoted(fstype)


def _host_at(mounts: Sequence[Mount]) -> str | None:
    """Where the machine's root is seen from a container; ``None`` where it is at ``/``, or not told."""
    there = {mount.mountpoint for mount in mounts if mount.size_bytes}
    return next((mountpoint for mountpoint in _ROOTS_OF_HOST if mountpoint in there), None)


def _root_of_host(local: Sequence[Mount], at_root: Sequence[Mount]) -> str | None:
    """Below which mount point all may be read-only for a container alone; ``None`` where that is nowhere."""
    host = _host_at(local)
    if any(mount.mountpoint == host and mount.readonly for mount in local):
        return host
    # An exporter in a container that takes the prefix off has its own layers and the machine's root at one place.
    is_overlaid = any(mount.fstype in _LAYERED_TYPES for mount in at_root)
    is_host = any(is_local(mount.fstype, mount.device) and mount.readonly for mount in at_root)
    return "/" if is_overlaid and is_host else None


def _local(mounts: Iterable[Mount], root_of_host: str | None) -> tuple[Filesystem, ...]:
    """Return the local file systems, those with the shortest mount points if there are very many."""
    by_device: dict[tuple[str, str], list[Mount]] = {}
    for mount in sorted(mounts, key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        by_device.setdefault((mount.device, mount.fstype), []).append(mount)
    local = [
        _filesystem(same[0], _readonly(same), is_of_host=_is_below(root_of_host, same[0].mountpoint))
        for same in list(by_device.values())[:FILESYSTEMS_LIMIT]
    ]
    return tuple(sorted(local, key=lambda filesystem: filesystem.mountpoint))


def _is_below(root: str | None, mountpoint: str) -> bool:
    return root is not None and f"{mountpoint}/".startswith(f"{root.rstrip('/')}/")


def _readonly(mounts: Sequence[Mount]) -> bool | None:
    """Whether a device is read-only: all its mounts are."""
    told = [mount.readonly for mount in mounts]
    if False in told:
        return False
    return None if None in told else True


def _filesystem(mount: Mount, readonly: bool | None, *, is_of_host: bool = False) -> Filesystem:
    size, free, available = mount.size_bytes, mount.free_bytes, mount.available_bytes
    if size is None or not 0 <= size < _BLOCK_BYTES:
        size = None
    elif free is not None and available is not None:
        # A file system that eats what is kept for root has less than nothing left, which some write as nearly 2**64.
        if not 0 <= available <= size:
            available = None if available != available else 0.0
        if not 0 <= free <= size:
            free = 0.0 if available == 0 and free == free else None
    identity = f"{mount.fstype} {mount.device}"
    return Filesystem(mount.mountpoint, size, free, available, readonly, identity, is_of_host=is_of_host)


def _disk_beside(mounts: Sequence[Mount], local: Sequence[Filesystem], *, with_host: bool) -> Filesystem | None:
    """Return the file system that is the disk where ``/`` is an image, a container's, or not told.

    That is the machine's root as a container sees it, often read-only, or the one that holds /var, or else the largest.
    """
    at = {mount.mountpoint: _filesystem(mount, mount.readonly) for mount in mounts if mount.size_bytes}
    host = _host_at(mounts) if with_host else None
    if host is not None:
        return at[host]
    for mountpoint in ("/var", _DATA_OF_MACOS):
        if mountpoint in at and not at[mountpoint].readonly:
            return at[mountpoint]
    written = [each for each in local if not each.readonly and each.size_bytes]
    return max(written, key=lambda each: (each.size_bytes or 0.0, each.mountpoint), default=None)
