import pytest

from collector.devices import whole_disks


@pytest.mark.parametrize(
    ("names", "disks"),
    [
        ("sda sda1 sda2 sdb", "sda sdb"),
        ("mmcblk0 mmcblk0p1 mmcblk0p2 zram0 loop0", "mmcblk0"),
        ("nvme0n1 nvme0n1p1 nvme0c0n1", "nvme0n1"),
        ("vda dm-0 dm-1 md0 md127p1 ram0 sr0 fd0 bcache0 zd16", "vda"),
        ("nbd1 nbd10 nbd1p1", "nbd1 nbd10"),
        # Paths to a disk, and what PowerPath makes of them.
        ("sda sdb emcpowera emcpowera1", "sda sdb"),
        # A partition whose disk is not there is all there is to count.
        ("xvda1", "xvda1"),
        ("", ""),
    ],
)
def test_disks_are_whole_ones_when_partitions_and_stacked_devices_are_listed(names, disks):
    assert whole_disks(names.split()) == set(disks.split())
