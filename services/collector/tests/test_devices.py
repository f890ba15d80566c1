import pytest

from collector.devices import is_physical_interface, whole_disks

PHYSICAL = "eth0 end0 enp3s0 enxb827eb000000 eno1 wlan0 wlp2s0 usb0 ib0 wwan0 lan0"
VIRTUAL = (
    "lo veth1a2b docker0 br-0123456789ab br0 virbr0 cni0 flannel.1 cali0123 cilium_host tun0 tap0 wg0 bond0 team0 "
    "eth0.100 vlan10 vxlan.calico kube-ipvs0 nodelocaldns dummy0 ifb0 sit0 ip6tnl0 tailscale0 zt0 lxdbr0 vmbr0 "
    "fwbr100i0 vnet3 macvtap0 gre0 tunl0 podman0"
)


def test_interface_counts_when_it_is_physical():
    assert [name for name in PHYSICAL.split() if not is_physical_interface(name)] == []


def test_interface_does_not_count_when_it_is_virtual():
    assert [name for name in VIRTUAL.split() if is_physical_interface(name)] == []


@pytest.mark.parametrize(
    ("names", "disks"),
    [
        ("sda sda1 sda2 sdb", "sda sdb"),
        ("mmcblk0 mmcblk0p1 mmcblk0p2 zram0 loop0", "mmcblk0"),
        ("nvme0n1 nvme0n1p1 nvme0c0n1", "nvme0n1"),
        ("vda dm-0 dm-1 md0 md127p1 ram0 sr0 fd0 bcache0 zd16", "vda"),
        ("nbd1 nbd10 nbd1p1", "nbd1 nbd10"),
        # A partition whose disk is not there is all there is to count.
        ("xvda1", "xvda1"),
        ("", ""),
    ],
)
def test_disks_are_whole_ones_when_partitions_and_stacked_devices_are_listed(names, disks):
    assert whole_disks(names.split()) == set(disks.split())
