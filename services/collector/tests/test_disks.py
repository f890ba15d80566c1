import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.disks import Mount, choose, choose_mounts, whole_disks

ALL_OF_FREEBSD = "ada0 da0 nda0 nvd0 vtbd0 mmcsd0"
REAL = "dasda cciss!c0d0 sata1 rssd0 pmem0 disk0 mtdblock0"


@pytest.mark.parametrize(
    ("names", "disks"),
    [
        ("sda sda1 sda2 sdb", "sda sdb"),
        ("mmcblk0 mmcblk0p1 mmcblk0p2 zram0 loop0", "mmcblk0"),
        ("nvme0n1 nvme0n1p1 nvme0c0n1", "nvme0n1"),
        ("vda dm-0 dm-1 md0 md127p1 ram0 sr0 fd0 bcache0 zd16", "vda"),
        ("nbd1 nbd10 nbd1p1", "nbd1 nbd10"),
        # Paths to a disk, and PowerPath's devices above them.
        ("sda sdb emcpowera emcpowera1", "sda sdb"),
        ("sda sdb VxVM1200 VxDMP1 VxDMP1p1 sddlmaa sddlmaa1 vpatha asm!data-123 asm/.asm_ctl_spec", "sda sdb"),
        # FreeBSD lists devices that are no disks, and the pass-through device of each disk.
        ("ada0 da0 nda0 nvd0 vtbd0 mmcsd0 cd0 pass0 pass1 ses0 xpt0 sa0 ch0 nvme0 md0 fd0", ALL_OF_FREEBSD),
        # OpenBSD, AIX, and a Linux with drives for disks and floppies.
        ("sd0 wd0 cd0 fd0 rd0 vnd0 raid0 ccd0", "sd0 wd0"),
        ("hdisk0 hdisk1 hdiskpower0 cd0 rmt0", "hdisk0 hdisk1"),
        ("hdc sda sr0 sr1 scd0 fd0", "hdc sda"),
        # Disks with rare names.
        ("dasda dasda1 cciss!c0d0 cciss!c0d0p1 sata1 sata1p1 rssd0 pmem0 disk0 mtdblock0", REAL),
        # A partition counts if its disk is not listed.
        ("xvda1", "xvda1"),
        ("", ""),
    ],
)
def test_disks_are_whole_ones_when_partitions_and_stacked_devices_are_listed(names, disks):
    assert whole_disks(names.split()) == set(disks.split())


_NAMES = st.tuples(
    st.sampled_from(["/dev/sda1", "/dev/sdb1", "overlay", "tmpfs"]),
    st.sampled_from(["ext4", "xfs", "overlay", "tmpfs", "squashfs", "rootfs", "apfs", "vfat"]),
    st.sampled_from(["/", "/var", "/host", "/host/var", "/data", "/System/Volumes/Data"]),
)
_SIZES = st.sampled_from([None, 0.0, 1.0, 5e9, 7e9, -1.0, 2.0**64])
_MOUNTS = st.lists(
    st.builds(
        lambda names, *values: Mount(*names, *values),
        _NAMES,
        _SIZES,
        _SIZES,
        _SIZES,
        st.sampled_from([True, False, None]),
    ),
    max_size=3,
    unique_by=lambda mount: mount[:3],
)


_VAR = Mount("/dev/sdb1", "ext4", "/var", 7e9, 1e9, 1e9, readonly=False)


@example([Mount("root", "live", "/", 5e9, 0.0, 0.0, readonly=True), _VAR], [3e9] * 18)  # no image any more
@example([Mount("/dev/sda1", "ext4", "/", 5e9, 1e9, 1e9, readonly=False), _VAR], [0.0] * 18)  # no size any more
@given(_MOUNTS, st.lists(st.sampled_from([0.0, 1.0, 3e9, -1.0]), min_size=18, max_size=18))
def test_the_same_mounts_count_when_their_conditions_are_the_same(mounts, values):
    others = iter(values)
    later = []
    for mount in mounts:
        sizes = {
            field: None if getattr(mount, field) is None else next(others)
            for field in ("size_bytes", "free_bytes", "available_bytes")
        }
        changed = mount._replace(**sizes)
        later.append(changed if changed.condition == mount.condition else mount)
    choice = choose_mounts(mounts)

    assert choice.is_by_size or choose_mounts(later) == choice
    assert choice.is_by_size or choice.filesystems(later) == choose(later)
