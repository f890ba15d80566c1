"""Which network interfaces, disks and file systems count as the machine's own."""

import re
from collections.abc import Iterable
from typing import Final

# Interfaces whose traffic also crosses a physical one (bonds, bridges, VLANs, tunnels) or never leaves the machine.
_VIRTUAL_INTERFACE = re.compile(
    r"lo\d*|dummy\d*|ifb\d*|nlmon\d*|veth.*|docker.*|podman.*|cni.*|flannel.*|cali.*|cilium.*|lxc.*|lxd.*|incus.*"
    r"|kube.*|nodelocaldns|weave.*|vxlan.*|geneve.*|antrea.*|ovs.*|br-.*|br\d+|bridge.*|virbr.*|vmbr.*|fw(br|ln|pr).*"
    r"|vnet.*|macvtap.*|macvlan.*|ipvlan.*|tun.*|tap.*|wg.*|tailscale.*|zt.*|utun.*|nebula.*|sit\d*|gre.*|erspan.*"
    r"|ip6.*|ip_vti.*|tunl.*|bond.*|team.*|vlan.*|.*\.\d+"
)
# Disks in memory, and those whose bytes also cross another disk (device mapper, RAID, loop, multipath).
_VIRTUAL_DISK = re.compile(r"(loop|ram|zram|dm-|md|bcache|drbd|zd|sr|fd)\d.*|md_.*|nvme\d+c\d+n\d+")
_PARTITION = re.compile(r"(.*\D)\d+")
_PARTITION_OF_NUMBERED = re.compile(r"(.*\d)p\d+")
#: Types of file systems that live on the machine's own storage and are meant to be written.
LOCAL_FILESYSTEMS: Final = frozenset(
    (
        *("bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "hfsplus", "jffs2", "jfs"),
        *("msdos", "nilfs2", "ntfs", "ntfs3", "reiserfs", "ubifs", "ufs", "vfat", "xfs", "zfs"),
    )
)


def is_physical_interface(name: str) -> bool:
    """Whether the traffic of a network interface counts: not loopback, and not seen at another interface too."""
    return _VIRTUAL_INTERFACE.fullmatch(name) is None


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
