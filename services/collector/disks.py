"""Choose the disks and file systems of a machine that count: whole disks, the one at ``/``, local file systems."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from collector.sample import FILESYSTEMS_LIMIT, Filesystem
from runtime.quoting import quoted

#: Longest name of a block device that is read, in characters; Linux has 31.
DEVICE_NAME_LIMIT: Final = 64

# Disks in memory, and disks above other disks (device mapper, RAID, loop, multipath, volumes).
_VIRTUAL_DISK = re.compile(
    r"(loop|ram|zram|dm-|md|bcache|drbd|zd)\d.*|md_.*|(emcpower|vpath|sddlm)[a-z]+\d*|(hdiskpower|vpath)\d+"
    r"|(VxDMP|VxVM)\d+.*|asm[!/].*|nvme\d+c\d+n\d+|(rd|vnd|vn|ccd|cgd|raid|fss)\d+[a-p]?"
)
# Drives with removable media, and other devices that the BSDs and AIX list as disks: tapes, changers, enclosures,
# controllers, and the pass-through device (``pass``) of a listed disk.
_NO_DISK = re.compile(r"(sr|scd|fd|cd|acd|rmt|sa|nsa|ch|ses|pass|xpt|nvme)\d+")
_PARTITION = re.compile(r"(.*\D)\d+")
_PARTITION_OF_NUMBERED = re.compile(r"(.*\d)p\d+")
#: Longest mount point and longest device name that are read, in characters. ZFS has the longest names.
NAME_LIMIT: Final = 256
#: Types of writable file systems on the machine's own storage.
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
# Types of file systems that are never written after their creation: their usage is always 100 %.
_IMAGE_TYPES: Final = frozenset(("cd9660", "cramfs", "erofs", "iso9660", "romfs", "squashfs", "udf"))
_MEMORY_TYPES: Final = frozenset(("ramfs", "tmpfs"))
# Types of file systems that other machines write, too.
_REMOTE_TYPES: Final = frozenset(("9p", "ceph", "cifs", "nfs", "nfs4", "virtiofs"))
# Types of file systems that consist of layers, at / in containers and on machines with a read-only system.
_LAYERED_TYPES: Final = frozenset(("aufs", "fuse-overlayfs", "fuse.fuse-overlayfs", "overlay", "overlayfs"))
# Mount points of the machine's root in a container, from the documentation of node_exporter and others.
_ROOTS_OF_HOST: Final = ("/rootfs", "/host", "/hostfs", "/host/root", "/host/rootfs", "/mnt/host")
# Mount point of all written data on macOS, /var included.
_DATA_OF_MACOS: Final = "/System/Volumes/Data"
_FSTYPE: Final = re.compile(r"[a-z0-9_.-]{1,32}", re.ASCII)
_BLOCK_BYTES: Final = 2.0**64


def whole_disks(names: Iterable[str]) -> frozenset[str]:
    """Return the disks among block devices, without stacked and in-memory devices and partitions of listed disks."""
    devices = frozenset(names)
    return frozenset(
        name
        for name in devices
        if not (_VIRTUAL_DISK.fullmatch(name) or _NO_DISK.fullmatch(name) or _disk_of(name) in devices)
    )


def _disk_of(name: str) -> str | None:
    """Return the disk that a partition of that name belongs to: ``sda`` for ``sda1``, ``mmcblk0`` for ``mmcblk0p1``."""
    match = _PARTITION_OF_NUMBERED.fullmatch(name) or _PARTITION.fullmatch(name)
    return match[1] if match else None


def is_local(fstype: str, device: str) -> bool:
    """Whether a file system is a writable one on the machine's own storage. Snapshots of ZFS are not writable."""
    return fstype in LOCAL_TYPES and not (fstype == "zfs" and "@" in device)


class Mount(NamedTuple):
    """A mounted file system as the machine reports it. Numbers are unchecked; ``None`` is unknown."""

    device: str
    fstype: str
    mountpoint: str
    size_bytes: float | None = None
    free_bytes: float | None = None
    available_bytes: float | None = None
    readonly: bool | None = None

    @property
    def condition(self) -> tuple[bool | None, bool, bool]:
        """All that the choice of mounts depends on among the values of this mount, but for ``Choice.is_by_size``."""
        return self.readonly, not self.size_bytes, self.free_bytes == self.available_bytes == 0


class Filesystems(NamedTuple):
    """The file systems of a machine that count."""

    #: The file system that is the machine's disk.
    root: Filesystem | None
    #: Local file systems, one for each device, sorted by mount point.
    local: tuple[Filesystem, ...]
    #: A sentence that names the disk if it is not at ``/``.
    remark: str | None = None


class Choice(NamedTuple):
    """The mounts of a machine that count. A mount is a number here, so that the choice outlasts the values."""

    #: Mount, ``Filesystem.readonly`` and ``Filesystem.is_of_host``.
    root: tuple[int, bool | None, bool] | None
    local: tuple[tuple[int, bool | None, bool], ...]
    remark: str | None = None
    #: Whether the root is the largest of several file systems.
    is_by_size: bool = False

    def filesystems(self, mounts: Sequence[Mount]) -> Filesystems:
        """Return the file systems that count. ``mounts`` are those of the choice, with equal conditions."""
        made = {each: _filesystem(mounts[each[0]], *each[1:]) for each in self.local}
        root = self.root
        disk = None if root is None else made.get(root) or _filesystem(mounts[root[0]], *root[1:])
        return Filesystems(disk, tuple(made.values()), self.remark)


def choose(mounts: Iterable[Mount]) -> Filesystems:
    """Return the file systems of ``mounts`` that count. ``mounts`` are in the order of mounting if it is known.

    Of several mounts at one mount point, the last one hides the others, as in ``df``. node_exporter sorts its
    exposition; its last mount counts, which is the same at every scrape.
    """
    found = list(mounts)
    return choose_mounts(found).filesystems(found)


def choose_mounts(mounts: Sequence[Mount]) -> Choice:
    """Return which of ``mounts`` count."""
    visible = _topmost(mount for mount in mounts if is_local(mount.fstype, mount.device))
    at_root = [mount for mount in mounts if mount.mountpoint == "/"]
    counted = _local(visible, _root_of_host(visible, at_root))
    local = tuple((mounts.index(mount), readonly, is_of_host) for mount, readonly, is_of_host in counted)
    root = next(iter(_topmost(at_root)), None)
    why = _why_root_is_no_disk(root, visible)
    if root is not None and why is None:
        return Choice((mounts.index(root), root.readonly, False), local)
    found = _disk_instead_of_root(visible, counted, with_host=root is None or root.fstype in _LAYERED_TYPES)
    if found is not None:
        (mount, readonly, is_of_host), is_by_size = found
        remark = f"disk: uses {quoted(mount.mountpoint)}, because {why}"
        return Choice((mounts.index(mount), readonly, is_of_host), local, remark, is_by_size)
    unknown = None if root is None else f"disk: unknown, because {why} and no other file system is writable"
    return Choice(None, local, unknown, is_by_size=True)


def _topmost(mounts: Iterable[Mount]) -> list[Mount]:
    at: dict[str, Mount] = {}
    for mount in mounts:
        hidden = at.get(mount.mountpoint)
        if hidden is None or _precedence(mount) >= _precedence(hidden):
            at[mount.mountpoint] = mount
    return list(at.values())


def _precedence(mount: Mount) -> int:
    """Return a rank: a mount hides others of lower rank at its mount point. Mounts of the boot process rank lowest."""
    if mount.fstype == "rootfs":
        return 0
    if _is_image(mount):
        return 1
    if mount.fstype in _MEMORY_TYPES:
        return 2
    if mount.size_bytes is None:
        return 3
    # An exporter in a container that removes the prefix reports its own layers and the machine's root.
    return 4 if mount.fstype in _LAYERED_TYPES else 5


def _is_image(mount: Mount) -> bool:
    if mount.fstype in _IMAGE_TYPES:
        return True
    if mount.readonly is not True or is_local(mount.fstype, mount.device) or mount.fstype in _REMOTE_TYPES:
        return False
    # Read-only layers are an image, too (composefs), and so is a file system without free blocks.
    return mount.fstype in _LAYERED_TYPES or mount.free_bytes == mount.available_bytes == 0


def _why_root_is_no_disk(root: Mount | None, local: Sequence[Mount]) -> str | None:
    """Return why the file system at ``/`` is not the machine's disk; ``None`` if it is."""
    if root is None:
        return "the node does not report /"
    if _is_image(root):
        return f"/ is an image ({_quoted_type(root.fstype)})"
    if root.size_bytes == 0:
        # The initial file system in memory has no size. df does not show it either.
        return f"/ has no size ({_quoted_type(root.fstype)})"
    if root.fstype in _LAYERED_TYPES and _host_at(local) is not None:
        return "/ belongs to a container"
    if root.fstype == "apfs" and root.readonly and any(mount.mountpoint == _DATA_OF_MACOS for mount in local):
        return "/ is sealed"
    return None


def _quoted_type(fstype: str) -> str:
    # An exporter may send any text.
    return fstype if _FSTYPE.fullmatch(fstype) else quoted(fstype)


def _host_at(mounts: Sequence[Mount]) -> str | None:
    """Return where a container mounts the machine's root; ``None`` if that is ``/`` or unknown."""
    mountpoints = {mount.mountpoint for mount in mounts if mount.size_bytes}
    return next((mountpoint for mountpoint in _ROOTS_OF_HOST if mountpoint in mountpoints), None)


def _root_of_host(local: Sequence[Mount], at_root: Sequence[Mount]) -> str | None:
    """Return the mount point below which mounts may be read-only in the container only, or ``None``."""
    host = _host_at(local)
    if any(mount.mountpoint == host and mount.readonly for mount in local):
        return host
    # An exporter in a container that removes the prefix reports its own layers and the machine's root at ``/``.
    is_overlaid = any(mount.fstype in _LAYERED_TYPES for mount in at_root)
    is_host = any(is_local(mount.fstype, mount.device) and mount.readonly for mount in at_root)
    return "/" if is_overlaid and is_host else None


#: A mount, and ``Filesystem.readonly`` and ``Filesystem.is_of_host``.
_Counted = tuple[Mount, bool | None, bool]


def _local(mounts: Iterable[Mount], root_of_host: str | None) -> list[_Counted]:
    """Return the local file systems by mount point; above the limit, those with the shortest mount points."""
    by_device: dict[tuple[str, str], list[Mount]] = {}
    for mount in sorted(mounts, key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        by_device.setdefault((mount.device, mount.fstype), []).append(mount)
    local = [
        (same[0], _readonly(same), _is_below(root_of_host, same[0].mountpoint))
        for same in list(by_device.values())[:FILESYSTEMS_LIMIT]
    ]
    return sorted(local, key=lambda counted: counted[0].mountpoint)


def _is_below(root: str | None, mountpoint: str) -> bool:
    return root is not None and f"{mountpoint}/".startswith(f"{root.rstrip('/')}/")


def _readonly(mounts: Sequence[Mount]) -> bool | None:
    """Whether all mounts of a device are read-only; ``None`` if that is unknown."""
    values = [mount.readonly for mount in mounts]
    if False in values:
        return False
    return None if None in values else True


def _filesystem(mount: Mount, readonly: bool | None, is_of_host: bool) -> Filesystem:
    size, free, available = mount.size_bytes, mount.free_bytes, mount.available_bytes
    if size is None or not 0 <= size < _BLOCK_BYTES:
        size = None
    elif free is not None and available is not None:
        # If the blocks reserved for root are in use, available bytes are negative. Some exporters write nearly 2**64.
        if not 0 <= available <= size:
            available = None if available != available else 0.0
        if not 0 <= free <= size:
            free = 0.0 if available == 0 and free == free else None
    identity = _identity(mount.fstype, mount.device)
    return Filesystem(mount.mountpoint, size, free, available, readonly, identity, is_of_host=is_of_host)


@lru_cache(1024)
def _identity(fstype: str, device: str) -> str:
    """Return ``Filesystem.identity``. Nodes with the same devices share the text."""
    return f"{fstype} {device}"


def _disk_instead_of_root(
    mounts: Sequence[Mount], local: Sequence[_Counted], *, with_host: bool
) -> tuple[_Counted, bool] | None:
    """Return the file system that counts as the disk if ``/`` does not, and whether its size decided.

    First the machine's root in a container, often read-only; then the file system at /var; then the largest one.
    """
    at = {mount.mountpoint: mount for mount in mounts if mount.size_bytes}
    host = _host_at(mounts) if with_host else None
    if host is not None:
        return (at[host], at[host].readonly, False), False
    for mountpoint in ("/var", _DATA_OF_MACOS):
        if mountpoint in at and not at[mountpoint].readonly:
            return (at[mountpoint], at[mountpoint].readonly, False), False
    written = [(_filesystem(*each).size_bytes or 0.0, each[0].mountpoint, each) for each in local if not each[1]]
    largest = max((each for each in written if each[0]), key=lambda each: each[:2], default=None)
    return None if largest is None else (largest[2], True)
