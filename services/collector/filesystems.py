"""Which file systems count: the one that is the machine's disk, and the local ones, each device once."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from collector.sample import FILESYSTEMS_LIMIT, Filesystem
from contract.runtime.quoted import quoted

#: Longest mount point and longest name of a device that is looked at, in characters. ZFS has the longest names.
NAME_LIMIT: Final = 256
#: Types of file systems that live on the machine's own storage and are meant to be written.
LOCAL_TYPES: Final = frozenset(
    (
        *("apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "ffs", "fuseblk", "hammer2", "hfs"),
        *("hfsplus", "jffs2", "jfs", "msdos", "msdosfs", "nilfs2", "ntfs", "ntfs3", "reiserfs", "ubifs", "ufs", "vfat"),
        *("xfs", "zfs"),
    )
)
# Made once and never written: their usage is always 100 %.
_IMAGE_TYPES: Final = frozenset(("cd9660", "cramfs", "erofs", "iso9660", "romfs", "squashfs", "udf"))
_MEMORY_TYPES: Final = frozenset(("ramfs", "tmpfs"))
# Where a container sees the root of its machine, as the documentation of node_exporter and others mounts it.
_ROOTS_OF_HOST: Final = ("/rootfs", "/host", "/hostfs", "/host/root", "/host/rootfs", "/mnt/host")
_BLOCK_BYTES: Final = 2.0**64


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


def look(mounts: Iterable[Mount]) -> Filesystems:
    """Return what counts of ``mounts``, which come in the order in which they were mounted, as far as that is known.

    Of several at one mount point the last one hides the others, as in ``df``. node_exporter sorts its page and so does
    not tell the order; the last one of the page counts then, the same at every look.
    """
    found = list(mounts)
    visible = _topmost(mount for mount in found if is_local(mount.fstype, mount.device))
    local = _local(visible)
    root = next(iter(_topmost(mount for mount in found if mount.mountpoint == "/")), None)
    if root is not None and not _is_image(root):
        return Filesystems(_filesystem(root, root.readonly), local)
    disk = _disk_beside(root, visible, local)
    why = "the node does not tell of /" if root is None else f"/ is an image ({root.fstype})"
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
    return 3 if mount.size_bytes is None else 4


def _is_image(mount: Mount) -> bool:
    # Layers that cannot be written are an image, too (composefs).
    return mount.fstype in _IMAGE_TYPES or (mount.fstype == "overlay" and mount.readonly is True)


def _local(mounts: Iterable[Mount]) -> tuple[Filesystem, ...]:
    """Return the local file systems, those with the shortest mount points if there are very many."""
    by_device: dict[tuple[str, str], list[Mount]] = {}
    for mount in sorted(mounts, key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        by_device.setdefault((mount.device, mount.fstype), []).append(mount)
    local = [_filesystem(same[0], _readonly(same)) for same in list(by_device.values())[:FILESYSTEMS_LIMIT]]
    return tuple(sorted(local, key=lambda filesystem: filesystem.mountpoint))


def _readonly(mounts: Sequence[Mount]) -> bool | None:
    """Whether a device is read-only: all its mounts are."""
    told = [mount.readonly for mount in mounts]
    if False in told:
        return False
    return None if None in told else True


def _filesystem(mount: Mount, readonly: bool | None) -> Filesystem:
    size, free, available = mount.size_bytes, mount.free_bytes, mount.available_bytes
    if size is None or not 0 <= size < _BLOCK_BYTES:
        size = None
    elif free is not None and available is not None:
        # A file system that eats what is kept for root has less than nothing left, which some write as nearly 2**64.
        if not 0 <= available <= size:
            available = None if available != available else 0.0
        if not 0 <= free <= size:
            free = 0.0 if available == 0 and free == free else None
    return Filesystem(mount.mountpoint, size, free, available, readonly, f"{mount.fstype} {mount.device}")


def _disk_beside(root: Mount | None, mounts: Sequence[Mount], local: Sequence[Filesystem]) -> Filesystem | None:
    """Return the file system that is the disk where ``/`` is an image, or is not told.

    That is the machine's root as a container sees it, often read-only, or the one that holds /var, or else the largest.
    """
    at = {mount.mountpoint: _filesystem(mount, mount.readonly) for mount in mounts if mount.size_bytes}
    for mountpoint in _ROOTS_OF_HOST:
        if root is None and mountpoint in at:
            return at[mountpoint]
    if "/var" in at and not at["/var"].readonly:
        return at["/var"]
    written = [each for each in local if not each.readonly and each.size_bytes]
    return max(written, key=lambda each: (each.size_bytes or 0.0, each.mountpoint), default=None)
