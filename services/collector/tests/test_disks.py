import pytest

from collector.disks import whole_disks

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
