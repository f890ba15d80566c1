"""Expositions of unusual machines, and the figures of ``df``, ``free``, ``top`` and ``sensors`` there."""

import pytest

from collector.alerts.evaluate import evaluate
from collector.alerts.rules import built_in_rules, parse_rules
from collector.check_nodes import missing_values
from collector.fleet import cluster_state
from collector.measures import derive
from collector.node_exporter import parse_exposition
from collector.node_state import NodeState
from collector.sentences.sentence import english
from collector.targets.target import Target

GIB = 2**30


def read(text, seconds=0.0):
    return parse_exposition(text.encode(), monotonic_seconds=seconds, unix_seconds=1.0)


def between(first, second):
    """Return the measures of two expositions that are two seconds apart."""
    return derive(read(second, 2.0), read(first), None, longest_gap_seconds=10)


def measured(text):
    """Return the measures of one exposition."""
    return derive(read("node_load1 1\n" + text), None, None, longest_gap_seconds=10)


def network(**devices):
    """Return series of received and transmitted bytes by device."""
    return "".join(
        f'node_network_receive_bytes_total{{device="{name}"}} {received}\n'
        f'node_network_transmit_bytes_total{{device="{name}"}} {transmitted}\n'
        for name, (received, transmitted) in devices.items()
    )


def cpu(name="0", **seconds):
    """Return series of a processor's seconds by mode."""
    return "".join(f'node_cpu_seconds_total{{cpu="{name}",mode="{mode}"}} {n}\n' for mode, n in seconds.items())


def netclass(device, number, link=None, flags=0x1003, kind=1, address="", address_kind=0):
    """Return the series of the collector netclass for an interface."""
    return (
        f'node_network_iface_id{{device="{device}"}} {number}\n'
        f'node_network_iface_link{{device="{device}"}} {number if link is None else link}\n'
        f'node_network_flags{{device="{device}"}} {flags}\n'
        f'node_network_protocol_type{{device="{device}"}} {kind}\n'
        f'node_network_address_assign_type{{device="{device}"}} {address_kind}\n'
        f'node_network_info{{address="{address}",adminstate="up",broadcast="ff:ff:ff:ff:ff:ff",device="{device}",'
        'duplex="",ifalias="",operstate="up"} 1\n'
    )


def mount(device, kind, mountpoint, size=100, free=50, available=None, readonly=0):
    """Return the series of the collector filesystem for a mount."""
    labels = f'{{device="{device}",device_error="",fstype="{kind}",mountpoint="{mountpoint}"}}'
    values = {"size_bytes": size, "free_bytes": free, "avail_bytes": free if available is None else available}
    return "".join(
        f"node_filesystem_{name}{labels} {value}\n" for name, value in {**values, "readonly": readonly}.items()
    )


def hwmon(chip, sensor, celsius, label=None, fault=None, name=None):
    """Return the series of the collector hwmon for a sensor."""
    place = f'chip="{chip}",sensor="{sensor}"'
    text = f"node_hwmon_temp_celsius{{{place}}} {celsius}\n"
    if label is not None:
        text += f'node_hwmon_sensor_label{{chip="{chip}",label="{label}",sensor="{sensor}"}} 1\n'
    if fault is not None:
        text += f"node_hwmon_temp_fault{{{place}}} {fault}\n"
    if name is not None:
        text += f'node_hwmon_chip_names{{chip="{chip}",chip_name="{name}"}} 1\n'
    return text


class Watched:
    """A node with several expositions and its alerts."""

    def __init__(self, at, rules=None):
        self.state = NodeState(Target("pi", "pi:9100", "worker", "pi", 9100), unix_seconds=0.0, interval_seconds=2.0)
        self.alerts = {}
        self._at = at
        self._rules = rules or built_in_rules()

    def see(self, seconds, text):
        """Read an exposition; return the transitions."""
        self.state.update(read(text, float(seconds)), unix_seconds=1.0)
        observations = cluster_state([self.state], self._rules, []).observations
        self.alerts, changes = evaluate(self.alerts, self._rules, observations, self._at(seconds))
        return [(change.kind, change.alert.id) for change in changes]


@pytest.fixture
def node(at):
    return Watched(at)


# Interfaces


@pytest.mark.parametrize(
    ("devices", "counted"),
    [
        ("lo eth0 eni2738a7062a8 eni4f1e2d3c4b5 dummy0 pod-id-link0", "eth0"),
        ("lo ens5 ens6 eni2738a7062a8 vlan.eth.1", "ens5 ens6"),
        ("lo eth0 azv1a2b3c4d5e6 azure0 enP53091s1np0", "eth0"),
        ("lo eth0 gke1a2b3c4d5e6 docker0 nodelocaldns", "eth0"),
        ("lo ens3 ovn-k8s-mp0 ovs-system br-int br-ex genev_sys_6081 0a1b2c3d4e5f60a f00ba4f00ba4f00", "ens3"),
        ("lo eth0 xenbr0 vif1.0 vif2.0-emu tap1.0 xapi0", "eth0"),
        ("lo end0 wlan0 hassio docker0 veth1a2b3c4", "end0 wlan0"),
        ("lo0 ixl0 ixl1 ixl2 ixl3 lagg1 lagg1.20 pflog0 pfsync0 enc0", "ixl0 ixl1 ixl2 ixl3"),
        ("lo green0 red0 blue0 orange0 tun0 imq0 ipsec0 gre0", "blue0 green0 orange0 red0"),
        ("lo eno1 eno2 bond0 vmbr0 vmbr0v5 tap100i0 fwbr100i0 fwln100i0 fwpr100p0 veth101i0", "eno1 eno2"),
        ("lo eth0 eth0.2 pppoe-wan br-lan ifb4eth0 phy0-ap0", "eth0 phy0-ap0"),
        ("lo eth0 kube-ipvs0 cali1234567890a tunl0 vxlan.calico wireguard.cali", "eth0"),
        ("lo eth0 ib0 ib0.8001 can0 usb0 wwan0 enx00e04c680001", "can0 enx00e04c680001 eth0 ib0 usb0 wwan0"),
        ("lo venet0", "venet0"),
        ("lo eth0", "eth0"),
    ],
    ids=lambda text: text[:30],
)
def test_traffic_counts_once_when_an_exposition_has_names_only(devices, counted):
    sample = read(network(**dict.fromkeys(devices.split(), (1, 2))))

    assert list(sample.network_bytes) == counted.split()


def test_traffic_is_the_cards_when_container_networks_carry_it_too():
    expositions = [network(lo=(0, 0), eth0=(n * 1000, n * 100), eni2738a7062a8=(n * 500, n * 1100)) for n in (1, 3)]

    measures = between(*expositions)

    assert (measures.network_receive_bytes_per_second, measures.network_transmit_bytes_per_second) == (1000, 100)


def test_traffic_counts_once_when_netclass_describes_interfaces():
    devices = ("lo", "uplink", "proxy", "home", "guests", "storage", "eth0", "eth1")
    text = (
        network(**dict.fromkeys(devices, (1, 2)))
        + netclass("lo", 1, flags=0x9, kind=772, address="00:00:00:00:00:00")
        + netclass("uplink", 2, address="d8:3a:dd:00:00:02")
        + netclass("proxy", 3, address="02:42:5a:00:00:03", address_kind=3)
        + netclass("home", 4, flags=0x91, kind=65534)
        + netclass("guests", 5, link=2, address="d8:3a:dd:00:00:02", address_kind=2)
        + netclass("storage", 6, flags=0x1403, address="d8:3a:dd:00:00:07", address_kind=3)
        + netclass("eth0", 7, flags=0x1803, address="d8:3a:dd:00:00:07")
        + netclass("eth1", 8, flags=0x1803, address="d8:3a:dd:00:00:07", address_kind=3)
        + 'node_bonding_slaves{master="storage"} 2\n'
    )

    assert list(read(text).network_bytes) == ["eth0", "eth1", "uplink"]


# Counters


def test_rates_are_right_when_counters_exceed_the_range_of_json():
    def exposition(n):
        return network(eth0=(2**53 + n * 10**9, 2**60 + n * 2 * 10**9)) + "".join(
            f'node_disk_{name}_bytes_total{{device="sda"}} {1.2e19 + n * 1e9}\n' for name in ("read", "written")
        )

    measures = between(exposition(0), exposition(2))

    assert measures.network_receive_bytes_per_second == 10**9
    assert measures.network_transmit_bytes_per_second == 2 * 10**9
    assert measures.disk_read_bytes_per_second == pytest.approx(10**9, rel=1e-5)


@pytest.mark.parametrize("unreadable", ["NaN", "-1", "+Inf", "2e19"])
def test_sum_is_unknown_when_a_devices_counter_cannot_be_read(unreadable):
    def exposition(n):
        return network(eth0=(n * 1000, n * 1000), eth1=(unreadable, n * 1000))

    measures = between(exposition(0), exposition(2))

    assert measures.network_receive_bytes_per_second is None
    assert measures.network_transmit_bytes_per_second == 2000


def test_sum_is_unknown_when_a_device_lacks_one_of_its_counters():
    def exposition(n):
        text = network(eth0=(n * 1000, n * 1000)) + DISKS.format("sda")
        return (
            text
            + f'node_network_receive_bytes_total{{device="eth1"}} {n}\n'
            + f'node_disk_written_bytes_total{{device="sdb"}} {n}\n'
        )

    measures = between(exposition(0), exposition(2))

    assert measures.network_receive_bytes_per_second == 1001
    assert measures.network_transmit_bytes_per_second is None
    assert measures.disk_read_bytes_per_second is None
    assert measures.disk_written_bytes_per_second == 1


def test_cpu_usage_is_unknown_when_a_processors_counter_cannot_be_read():
    measures = between(cpu(user=0, idle="NaN"), cpu(user=2, idle="NaN"))

    assert measures.cpu_usage is None
    assert measures.cpu_count == 1


# File systems


@pytest.mark.parametrize("free", [GIB, "-4096", "1.8446744071562e+19"])
@pytest.mark.parametrize("available", ["-1.9e+09", "1.8446744071562e+19", "0"])
def test_filesystem_is_full_when_available_bytes_are_negative(node, free, available):
    text = mount("/dev/sda1", "ext4", "/", size=100 * GIB, free=free, available=available)

    assert read(text).root.usage == 100.0
    assert node.see(0, text) == [("pending", "filesystem_full/pi//")]
    assert node.state.as_node().disk_usage == 100.0


def test_alert_of_a_full_filesystem_goes_on_when_the_filesystem_gets_fuller(node):
    def exposition(free, available):
        return mount("/dev/sda1", "ext4", "/", size=100 * GIB, free=free, available=available)

    node.see(0, exposition(6 * GIB, GIB))
    assert node.see(60, exposition(6 * GIB, GIB)) == [("firing", "filesystem_full/pi//")]

    for seconds in range(70, 300, 10):
        assert node.see(seconds, exposition(4 * GIB, 18446744071562067968)) == []
        assert node.see(seconds + 1, exposition(0, -1.9e9)) == []
        assert node.see(seconds + 2, exposition(1.8446744e19, 1.8446744e19)) == []
    assert node.see(300, exposition(50 * GIB, 45 * GIB)) == [("resolved", "filesystem_full/pi//")]


def test_snapshots_make_no_alert_when_they_were_never_writable(node):
    text = mount("rpool/ROOT/debian", "zfs", "/") + "".join(
        mount(f"rpool/ROOT/debian@{n}", "zfs", f"/.zfs/snapshot/{n}", size=50, free=0, readonly=1) for n in range(24)
    )

    assert [node.see(seconds, text) for seconds in (0, 30, 90)] == [[], [], []]


def test_alerts_of_snapshots_end_when_the_previous_collector_made_them(node):
    snapshot = mount("rpool/data@monday", "zfs", "/.zfs/snapshot/monday", readonly=1)
    text = mount("rpool/data", "zfs", "/") + snapshot
    assert [each.mountpoint for each in read(text).filesystems] == ["/"]

    node.see(0, mount("/dev/sda1", "ext4", "/.zfs/snapshot/monday"))
    node.see(2, mount("/dev/sda1", "ext4", "/.zfs/snapshot/monday", readonly=1))

    assert node.see(4, text) == [("resolved", "filesystem_readonly/pi//.zfs/snapshot/monday")]


@pytest.mark.parametrize(
    "text",
    [
        # An immutable system; a container with its host's mounts; a verified image.
        mount("/dev/sda3", "btrfs", "/", readonly=1) + mount("/dev/sda3", "btrfs", "/var"),
        mount("/dev/sda2", "ext4", "/rootfs", readonly=1) + mount("/dev/sda2", "ext4", "/etc/hostname"),
        mount("/dev/dm-0", "ext4", "/usr", readonly=1) + mount("/dev/sda9", "ext4", "/"),
        mount("/dev/nvme0n1p3", "xfs", "/sysroot", readonly=1) + mount("/dev/nvme0n1p3", "xfs", "/var"),
        mount("/dev/mmcblk0p1", "vfat", "/boot/firmware", readonly=1) + mount("/dev/mmcblk0p2", "ext4", "/"),
        mount("/dev/disk3s1s1", "apfs", "/", readonly=1) + mount("/dev/disk3s5", "apfs", "/System/Volumes/Data"),
    ],
)
def test_filesystem_makes_no_alert_when_it_is_read_only_by_design(node, text):
    assert [node.see(seconds, text) for seconds in (0, 30)] == [[], []]


def test_alert_is_due_when_a_card_became_readonly(node):
    card = "readonly/pi//"

    assert node.see(0, mount("/dev/mmcblk0p2", "ext4", "/") + mount("/dev/mmcblk0p2", "ext4", "/home")) == []
    # One read-only mount of two does not make the card read-only.
    half = mount("/dev/mmcblk0p2", "ext4", "/", readonly=1) + mount("/dev/mmcblk0p2", "ext4", "/home")
    assert node.see(2, half) == []
    # A scrape without file systems changes nothing.
    assert node.see(4, "node_load1 1\n") == []
    whole = mount("/dev/mmcblk0p2", "ext4", "/", readonly=1) + mount("/dev/mmcblk0p2", "ext4", "/home", readonly=1)
    assert node.see(6, whole) == [("pending", f"filesystem_{card}")]
    assert node.see(16, whole) == [("firing", f"filesystem_{card}")]
    assert node.see(18, mount("/dev/mmcblk0p2", "ext4", "/")) == [("resolved", f"filesystem_{card}")]


@pytest.mark.parametrize("between", ["", mount("/dev/sda1", "ext4", "/")])
def test_alert_is_due_when_a_disk_returns_readonly_at_its_mount_point(node, between):
    disk = mount("/dev/sdb1", "ext4", "/srv")
    root = mount("/dev/sda1", "ext4", "/")

    assert [node.see(0, root + disk), node.see(2, between or "node_load1 1\n")] == [[], []]

    back = root + mount("/dev/sdb1", "ext4", "/srv", readonly=1)
    assert node.see(4, back) == [("pending", "filesystem_readonly/pi//srv")]


def test_filesystem_makes_no_alert_when_a_readonly_one_replaces_a_writable_one(node):
    """A USB stick that was removed, and a volume that one pod writes and another pod reads later."""
    root = mount("/dev/sda1", "ext4", "/")
    node.see(0, root + mount("/dev/sdb1", "vfat", "/media/a") + mount("/dev/rbd0", "ext4", "/pods/a/volume"))
    node.see(2, root)

    other = mount("/dev/sdb1", "vfat", "/media/b", readonly=1) + mount("/dev/rbd0", "ext4", "/pods/b/v", readonly=1)
    assert [node.see(seconds, root + other) for seconds in (4, 30)] == [[], []]


def test_alert_is_due_when_a_device_is_readonly_and_its_first_mount_has_just_gone(node):
    node.see(0, mount("/dev/sda1", "ext4", "/a") + mount("/dev/sda1", "ext4", "/srv"))

    assert node.see(2, mount("/dev/sda1", "ext4", "/srv", readonly=1)) == [("pending", "filesystem_readonly/pi//srv")]


def test_previous_collectors_alert_continues_when_the_filesystem_is_still_readonly(node, at):
    before = Watched(at)
    before.see(0, mount("/dev/sda1", "ext4", "/"))
    before.see(2, mount("/dev/sda1", "ext4", "/", readonly=1))
    node.alerts = before.alerts

    assert node.see(30, mount("/dev/sda1", "ext4", "/", readonly=1)) == [("firing", "filesystem_readonly/pi//")]
    assert node.see(32, mount("/dev/sda1", "ext4", "/", readonly=1)) == []
    assert node.see(34, mount("/dev/sda1", "ext4", "/")) == [("resolved", "filesystem_readonly/pi//")]


def test_readonly_filesystem_makes_no_alert_when_it_has_no_free_bytes(node):
    assert node.see(0, mount("/dev/sda1", "ext4", "/srv", free=0)) == [("pending", "filesystem_full/pi//srv")]

    assert node.see(2, mount("/dev/sda1", "ext4", "/srv", free=0, readonly=1)) == [
        ("resolved", "filesystem_full/pi//srv"),
        ("pending", "filesystem_readonly/pi//srv"),
    ]


@pytest.mark.parametrize(
    ("text", "full"),
    [
        (mount("/dev/sda1", "ext4", "/rootfs", free=3, readonly=1), "/rootfs"),
        (
            mount("/dev/sda1", "ext4", "/host", free=80, readonly=1)
            + mount("/dev/sdb1", "xfs", "/host/srv", free=3, readonly=1)
            + mount("/dev/sdc1", "xfs", "/hosting", free=3, readonly=1),
            "/host/srv",
        ),
        # The same with --path.rootfs and without the host's pid namespace.
        (mount("overlay", "overlay", "/", free=3) + mount("/dev/sda1", "ext4", "/", free=3, readonly=1), "/"),
    ],
)
def test_filesystem_is_full_when_it_is_readonly_in_the_exporters_container_only(node, text, full):
    assert node.see(0, text) == [("pending", f"filesystem_full/pi/{full}")]


def test_filesystem_became_readonly_when_the_container_had_found_it_writable(node):
    def host(readonly):
        root = mount("/dev/sda1", "ext4", "/rootfs", free=3, readonly=1)
        return root + mount("/dev/sdb1", "ext4", "/rootfs/srv", free=3, readonly=readonly)

    node.see(0, host(0))

    assert node.see(2, host(1)) == [
        ("resolved", "filesystem_full/pi//rootfs/srv"),
        ("pending", "filesystem_readonly/pi//rootfs/srv"),
    ]


def test_full_filesystem_makes_an_alert_on_a_virtual_private_server(node):
    assert node.see(0, mount("/dev/simfs", "simfs", "/", free=5)) == [("pending", "filesystem_full/pi//")]


@pytest.mark.parametrize(
    ("kind", "device"),
    [
        *(("jfs2", "/dev/hd10opt"), ("ext2fs", "/dev/sd0i"), ("lfs", "/dev/wd0f"), ("vxfs", "/dev/vx/dsk/data/vol1")),
        *(("reiser4", "/dev/sdb1"), ("yaffs2", "/dev/mtdblock4"), ("vzfs", "/vz/private/101")),
    ],
)
def test_full_filesystem_makes_an_alert_when_its_type_is_rare(node, kind, device):
    assert node.see(0, mount(device, kind, "/srv", free=5)) == [("pending", "filesystem_full/pi//srv")]


def test_writable_is_bounded_when_an_exporter_names_ever_new_devices(node):
    for scrape in range(50):
        node.see(scrape, "".join(mount(f"/dev/x{scrape}-{n}", "ext4", f"/m{n}") for n in range(64)))

    assert len(node.state._writable._mountpoints) <= 128


@pytest.mark.parametrize(
    ("text", "mountpoint", "usage"),
    [
        # Bottlerocket, with and without what newer exporters leave out.
        (
            mount("/dev/dm-0", "erofs", "/", free=0, readonly=1)
            + mount("/dev/nvme1n1p1", "ext4", "/local", size=1000, free=700)
            + mount("/dev/nvme1n1p1", "ext4", "/var", size=1000, free=700)
            + mount("/dev/nvme2n1", "ext4", "/mnt/data", size=9000, free=100),
            "/var",
            30.0,
        ),
        (mount("/dev/nvme1n1p1", "ext4", "/local", size=1000, free=700), "/local", 30.0),
        # Talos; an appliance without /var; composefs.
        (
            mount("/dev/loop0", "squashfs", "/", free=0, readonly=1)
            + mount("/dev/sda5", "xfs", "/system/state", size=10, free=5)
            + mount("/dev/sda6", "xfs", "/var", size=1000, free=400),
            "/var",
            60.0,
        ),
        (
            mount("/dev/sr0", "iso9660", "/", free=0, readonly=1)
            + mount("/dev/sda1", "ext4", "/config", size=10, free=5)
            + mount("/dev/sda2", "ext4", "/data", size=1000, free=900),
            "/data",
            10.0,
        ),
        (
            mount("composefs", "overlay", "/", size=10, free=0, readonly=1)
            + mount("/dev/vda4", "xfs", "/sysroot", size=1000, free=800, readonly=1)
            + mount("/dev/vda4", "xfs", "/var", size=1000, free=800),
            "/var",
            20.0,
        ),
        # df shows writable layers: OpenWrt, and a container.
        (
            mount("/dev/root", "squashfs", "/rom", free=0, readonly=1)
            + mount("overlayfs:/overlay", "overlay", "/", size=100, free=25)
            + mount("/dev/ubi0_1", "ubifs", "/overlay", size=100, free=25)
            + mount("/dev/sda1", "ext4", "/mnt/usb", size=9000, free=9000),
            "/",
            75.0,
        ),
        # A container with its host's root.
        (
            mount("/dev/sda2", "ext4", "/rootfs", size=100, free=40, readonly=1)
            + mount("/dev/sdb1", "ext4", "/rootfs/srv", size=9000, free=40, readonly=1),
            "/rootfs",
            60.0,
        ),
        # The same, with the layers of the container on another disk.
        (
            mount("overlay", "overlay", "/", size=9000, free=8000)
            + mount("/dev/sda2", "ext4", "/rootfs", size=100, free=40, readonly=1)
            + mount("/dev/sdb1", "ext4", "/etc/hosts", size=9000, free=8000),
            "/rootfs",
            60.0,
        ),
        # macOS: the root is sealed, and volumes of one container have the same size.
        (
            mount("/dev/disk3s1s1", "apfs", "/", size=494, free=484, available=124, readonly=1)
            + mount("/dev/disk3s5", "apfs", "/System/Volumes/Data", size=494, free=124)
            + mount("/dev/disk3s6", "apfs", "/System/Volumes/VM", size=494, free=492, available=124)
            + mount("/dev/disk5s1", "apfs", "/Volumes/Backup", size=4000, free=3900),
            "/System/Volumes/Data",
            100 * 370 / 494,
        ),
        # Images, whatever their types are called.
        *(
            (
                mount(kind, kind, "/", free=0, readonly=1) + mount("/dev/sda2", "ext4", "/var", size=1000, free=300),
                "/var",
                70.0,
            )
            for kind in ("fuse.squashfuse", "fuse.erofsfuse", "fuse.dwarfs", "axfs", "composefs", "aufs")
        ),
        (mount("nas:/pi", "nfs", "/", free=0, readonly=1) + mount("/dev/sda1", "ext4", "/var"), "/", 100.0),
        # The initial file system in memory has no size, and df does not show it.
        (
            mount("rootfs", "rootfs", "/", size=0, free=0) + mount("/dev/sda1", "ext4", "/data", size=1000, free=400),
            "/data",
            60.0,
        ),
        # Layers of other types in a container with its host's root.
        *(
            (
                mount(kind, kind, "/", size=9000, free=8000)
                + mount("/dev/sda2", "ext4", "/rootfs", free=40, readonly=1),
                "/rootfs",
                60.0,
            )
            for kind in ("aufs", "fuse.fuse-overlayfs", "overlayfs")
        ),
        # The host's root and the container's layers at one mount point, as the exporter removes the prefix.
        (
            mount("/dev/sda2", "ext4", "/", free=40, readonly=1)
            + mount("overlay", "overlay", "/", size=9000, free=8000),
            "/",
            60.0,
        ),
        # The only root: WSL, Unraid; and an initial root hidden by the real one.
        (mount("rootfs", "rootfs", "/", free=45), "/", 55.0),
        (mount("rootfs", "rootfs", "/", free=45) + mount("/dev/root", "ext4", "/", free=10), "/", 90.0),
        (mount("/dev/root", "ext4", "/", free=10) + mount("rootfs", "rootfs", "/", free=45), "/", 90.0),
        # The last of two mounts counts.
        (mount("/dev/sda1", "ext4", "/", free=10) + mount("/dev/sdb1", "ext4", "/", free=50), "/", 50.0),
        (mount("/dev/sdb1", "ext4", "/", free=50) + mount("/dev/sda1", "ext4", "/", free=10), "/", 90.0),
        (mount("/dev/sda1", "ext4", "/", free=10) + mount("tmpfs", "tmpfs", "/", free=50), "/", 90.0),
        (mount("/dev/sda1", "ext4", "/", free=10) + mount("/dev/sdb1", "squashfs", "/", free=0), "/", 90.0),
        (mount("nas:/pi", "nfs", "/", free=35), "/", 65.0),
    ],
)
def test_disk_is_the_one_that_df_shows_when_the_root_is_unusual(text, mountpoint, usage):
    sample = read(text)

    assert (sample.root.mountpoint, sample.root.usage) == (mountpoint, pytest.approx(usage))


def test_disk_is_unknown_with_a_remark_when_there_is_only_an_image():
    sample = read(mount("/dev/sr0", "iso9660", "/", free=0, readonly=1) + mount("/dev/sda1", "ext4", "/a", readonly=1))

    assert sample.root is None
    assert sample.remarks == ("disk: unknown, because / is an image (iso9660) and no other file system is writable",)


def test_disk_is_named_in_a_remark_when_it_is_not_the_root():
    text = mount("/dev/dm-0", "erofs", "/", free=0, readonly=1) + mount("/dev/sda1", "ext4", "/var")

    assert read(text).remarks == ("disk: uses '/var', because / is an image (erofs)",)


@pytest.mark.parametrize("told", [{"free": 0, "readonly": 1}, {"free": 0, "size": 0}])
def test_remark_shows_no_control_characters_when_an_exporter_writes_them(told):
    text = mount("/dev/sda1", "a\\n\x1b[2Jb", "/", **told) + mount("/dev/sda1", "ext4", "/var")

    [remark] = read(text).remarks

    assert remark.isprintable()
    assert "'a\\n\\x1b[2Jb'" in remark


def test_disk_is_unknown_when_the_size_of_the_root_cannot_be_read():
    failed = 'node_filesystem_device_error{device="/dev/sda1",fstype="ext4",mountpoint="/"} 1\n'

    assert read(failed + mount("/dev/sdb1", "ext4", "/srv")).root.usage is None


def test_mount_point_has_one_alert_when_two_filesystems_are_mounted_there(node):
    text = mount("/dev/sda1", "ext4", "/srv", free=1) + mount("/dev/sdb1", "ext4", "/srv", free=2)

    assert node.see(0, text) == [("pending", "filesystem_full/pi//srv")]
    assert node.see(2, text) == []


# Processors


def test_cpu_usage_leaves_out_the_time_of_guests_when_openwrts_exporter_sends_it():
    idle = dict.fromkeys(("nice", "system", "iowait", "irq", "softirq", "steal", "guest_nice"), 0)
    first, second = (
        cpu("cpu0", user=0, idle=0, guest=0, **idle),
        cpu("cpu0", user=6, idle=4, guest=5, **idle),
    )

    measures = between(first, second)

    assert (measures.cpu_usage, measures.cpu_count) == (60.0, 1)


def test_iowait_is_known_when_the_system_has_another_name_for_it():
    """AIX has another name for iowait."""
    first, second = cpu(user=0, system=0, idle=0, wait=0), cpu(user=1, system=1, idle=6, wait=2)

    measures = between(first, second)

    assert (measures.cpu_usage, measures.iowait) == (20.0, 20.0)


@pytest.mark.parametrize(
    "busy",
    [
        ("user", "nice", "system", "interrupt"),  # FreeBSD
        ("user", "nice", "system", "interrupt", "spin"),  # OpenBSD
        ("user", "nice", "system"),  # macOS
        ("user", "kernel"),  # illumos
    ],
)
def test_cpu_usage_is_of_all_modes_when_the_system_is_not_linux(busy):
    first, second = (cpu(**dict.fromkeys((*busy, "idle"), n)) for n in (0, 1))

    measures = between(first, second)

    assert measures.cpu_usage == pytest.approx(100 * len(busy) / (len(busy) + 1), abs=0.1)


# Memory


def memory(**fields):
    return "".join(f"node_memory_{name}_bytes {value * GIB}\n" for name, value in fields.items())


@pytest.mark.parametrize(
    ("text", "total", "usage"),
    [
        (memory(MemTotal=8, MemAvailable=6, MemFree=1), 8, 25.0),
        # Before Linux 3.14.
        (memory(MemTotal=8, MemFree=1, Buffers=0.5, Cached=2, Slab=0.5, SReclaimable=0.25), 8, 50.0),
        (memory(MemTotal=8, MemFree=1, Buffers=1, Cached=2, SReclaimable=0.5), 8, 43.8),
        (memory(MemTotal=8, MemFree=2), 8, 75.0),
        # FreeBSD: neither active, wired nor laundry.
        (
            memory(size=16, free=2, inactive=5, cache=1, active=3, wired=4, laundry=1, buffer=0.5, swap_size=4),
            16,
            50.0,
        ),
        # OpenBSD, NetBSD, macOS.
        (memory(size=4, free=1, inactive=1, active=1, wired=1, cache=1), 4, 25.0),
        (memory(size=4, free=1, inactive=1, active=1.5, wired=0.5), 4, 50.0),
        (memory(total=16, free=0.5, internal=6, purgeable=1, wired=2, compressed=1, active=5, inactive=5), 16, 50.0),
        (memory(total=16, free=6, wired=2, active=5, inactive=3), 16, 43.8),
        # AIX.
        (memory(total=16, free=1, available=4), 16, 75.0),
        # Negative values count as 0, and values above the total as the total.
        (memory(MemTotal=8) + "node_memory_MemAvailable_bytes 1.8446744e19\n", 8, 100.0),
        (memory(MemTotal=8) + "node_memory_MemAvailable_bytes -4096\n", 8, 100.0),
        (memory(MemTotal=8, MemAvailable=9), 8, 0.0),
    ],
)
def test_memory_is_the_figure_of_the_systems_own_tools(text, total, usage):
    measures = measured(text)

    assert (measures.memory_total_bytes, measures.memory_usage) == (total * GIB, usage)


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        (memory(SwapTotal=4, SwapFree=3), 25.0),
        # The BSDs, and macOS.
        (memory(swap_size=4, swap_used=1), 25.0),
        (memory(swap_size=4, swap_used=0), 0.0),
        (memory(swap_total=2, swap_used=1), 50.0),
        # Negative values count as 0.
        (memory(SwapTotal=4) + "node_memory_SwapFree_bytes 1.8446744071562e+19\n", 100.0),
        (memory(SwapTotal=4, SwapFree=-0.5), 100.0),
        (memory(swap_size=4, swap_used=5), 100.0),
        # Without swap space, and without series.
        (memory(SwapTotal=-1, SwapFree=0), None),
        (memory(swap_size=0, swap_used=0), None),
        (memory(swap_size=4), None),
        (memory(MemTotal=8, MemAvailable=4), None),
    ],
)
def test_swap_is_the_figure_of_the_systems_own_tools(text, usage):
    assert measured(text).swap_usage == usage


def test_alert_of_swap_continues_when_free_bytes_are_negative(at):
    node = Watched(at, parse_rules("swap: {enabled: true, for_seconds: 10}"))
    used_up = "node_load1 1\n" + memory(SwapTotal=4, SwapFree=0)
    assert node.see(0, used_up) + node.see(20, used_up) == [("pending", "swap/pi"), ("firing", "swap/pi")]

    assert [node.see(seconds, used_up + memory(SwapFree=-1)) for seconds in (30, 60, 120)] == [[], [], []]


# Nodes without figures


@pytest.mark.parametrize(
    ("text", "missing_reason"),
    [
        (
            'node_exporter_build_info{branch="HEAD",goversion="go1.9.2",revision="98bc",version="0.15.2"} 1\n'
            'node_load1 0.5\nnode_cpu{cpu="cpu0",mode="idle"} 5\nnode_memory_MemTotal 8e9\n',
            "does not report CPU, memory or disk: its exporter is node_exporter older than 0.16 (0.15.2), update it",
        ),
        (
            'node_load1 0.5\nnode_cpu{cpu="cpu0",mode="idle"} 5\nnode_memory_MemTotal 8e9\n',
            "does not report CPU, memory or disk: its exporter is node_exporter older than 0.16, update it",
        ),
        (
            "node_load1 0.5\n",
            "does not report CPU, memory or disk: its exporter does not report these values on this system",
        ),
        (
            'node_load1 0.5\nnode_cpu_seconds_total{cpu="0",mode="idle"} 5\n' + mount("/dev/sda1", "ext4", "/"),
            "does not report memory",
        ),
        ('node_cpu_seconds_total{cpu="0",mode="idle"} 5\n', "does not report memory or disk"),
        (
            'node_cpu_seconds_total{cpu="0",mode="idle"} 5\n'
            + mount("/dev/sda1", "ext4", "/")
            + memory(MemTotal=8, MemAvailable=6),
            None,
        ),
    ],
)
def test_node_names_missing_figures_when_it_is_online(node, text, missing_reason):
    node.see(0, text)

    remarks = cluster_state([node.state], built_in_rules(), []).remarks
    assert [english(remark) for remark in remarks] == (
        [] if missing_reason is None else [f"pi is online but {missing_reason}"]
    )


# Temperatures


@pytest.mark.parametrize(
    ("text", "celsius"),
    [
        (hwmon("a", "temp1", 96.5, fault=1) + hwmon("a", "temp2", 41, fault=0), 41.0),
        (hwmon("a", "temp1", 96.5, fault=1), None),
        # Ryzen and Threadripper, with the sensor names of all versions of node_exporter.
        (hwmon("k10temp", "temp1", 77, "Tctl") + hwmon("k10temp", "temp2", 50, "Tdie"), 50.0),
        (
            hwmon("pci0000:00_0000:00:18_3", "temp1", 77, "tctl")
            + hwmon("pci0000:00_0000:00:18_3", "temp2", 50, "tdie"),
            50,
        ),
        (hwmon("k10temp", "tctl", 77) + hwmon("k10temp", "tdie", 50), 50.0),
        # A control value counts if the chip has no other sensor.
        (hwmon("k10temp", "temp1", 61, "Tctl") + hwmon("k10temp", "temp3", 55, "Tccd1"), 61.0),
        (hwmon("a", "temp1", 77, "Tctl") + hwmon("b", "temp1", 50, "Tdie"), 77.0),
        # Sensors that are not connected.
        (hwmon("nct6775", "temp1", 127) + hwmon("nct6775", "temp2", -128) + hwmon("nct6775", "temp3", 38), 38.0),
        (hwmon("nvme", "temp1", -273.15) + hwmon("nvme", "temp2", 65261.85) + hwmon("nvme", "temp3", 44.85), 44.9),
        ('node_cpu_temperature_celsius{cpu="0"} 47\nnode_cpu_temperature_celsius{cpu="1"} 49\n', 49.0),
        ('node_thermal_zone_temp{type="x86_pkg_temp",zone="0"} 51\n', 51.0),
    ],
)
def test_temperature_is_that_of_the_hottest_plausible_sensor(text, celsius):
    measures = measured(text)

    assert measures.temperature == celsius


BOARD = hwmon("platform_nct6775_656", "temp2", 109, "CPUTIN", name="nct6775") + hwmon(
    "platform_coretemp_0", "temp1", 54, "Package id 0", name="coretemp"
)


@pytest.mark.parametrize(
    "ignored",
    [
        "{chip: nct6775, label: CPUTIN}",
        "nct6775/CPUTIN",
        "{label: cputin}",
        '{chip: "platform_nct6775*"}',
        '{chip: "*", label: "CPU*"}, {chip: coretemp, label: package_id_1}',
    ],
)
def test_temperature_makes_no_alert_when_the_rule_ignores_the_stuck_sensor(at, ignored):
    stuck = Watched(at)
    assert stuck.see(0, BOARD) == [("pending", "temperature/pi")]
    assert stuck.see(30, BOARD) == [("firing", "temperature/pi")]
    stuck._rules = parse_rules(f"temperature: {{ignore_sensors: [{ignored}]}}")

    assert stuck.see(40, BOARD) == [("resolved", "temperature/pi")]
    assert stuck.see(50, BOARD) == []


@pytest.mark.parametrize("ignored", ["{chip: nct6775, label: temp2}", "{label: CPU}", "{chip: coretemp}"])
def test_temperature_makes_an_alert_when_the_rule_ignores_other_sensors(at, ignored):
    stuck = Watched(at, parse_rules(f"temperature: {{ignore_sensors: [{ignored}]}}"))

    assert stuck.see(0, BOARD) == [("pending", "temperature/pi")]


@pytest.mark.parametrize("order", [1, -1])
def test_alarm_is_not_raised_when_the_sensor_is_faulty(node, order):
    """An unconnected diode reads the highest value, which raises all alarms."""
    texts = [
        hwmon("i2c_0_004c", "temp2", 127.9, fault=1),
        'node_hwmon_temp_crit_alarm_celsius{chip="i2c_0_004c",sensor="temp2"} 0.001\n',
        'node_hwmon_temp_crit_alarm_celsius{chip="i2c_0_004c",sensor="temp1"} 0.001\n',
    ]

    assert node.see(0, "".join(texts[::order])) == [("pending", "hardware_alarm/pi/i2c_0_004c/temp1")]


# Whole expositions


@pytest.mark.parametrize("version", ["0.16.0", "1.0.1", "1.5.0", "1.12.0"])
def test_node_has_all_values_with_every_version_of_the_exporter(exposition, version):
    state = NodeState(Target("pi", "pi:9100", "worker", "pi", 9100), unix_seconds=0.0, interval_seconds=2.0)
    raw = exposition(f"node_exporter_{version}").replace(b"# EOF\n", b"")
    for seconds in (0.0, 2.0):
        # Time passes for the processors between two scrapes.
        later = raw.replace(b',mode="idle"} ', b',mode="idle"} 1') if seconds else raw
        state.update(parse_exposition(later, monotonic_seconds=seconds, unix_seconds=1.0), unix_seconds=1.0)

    node = state.as_node()

    untold = {name for name in node.__struct_fields__ if getattr(node, name) is None} - {"error", "error_coded"}
    # Versions before 1.0 have no pressure. The machine of the exposition of 1.5.0 has no sensors and no swap.
    lacks = {"0.16.0": {"pressure_io", "pressure_memory"}, "1.5.0": {"temperature", "swap_usage"}}
    assert untold <= lacks.get(version, set())


COMMON = "node_boot_time_seconds 1.7e+09\nnode_load1 0.5\nnode_time_seconds 1.8e+09\n"
DISKS = 'node_disk_read_bytes_total{{device="{0}"}} 1\nnode_disk_written_bytes_total{{device="{0}"}} 1\n'


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        # FreeBSD, with the collector devstat.
        (
            COMMON
            + cpu(user=100, nice=100, system=100, interrupt=100, idle=100)
            + 'node_cpu_temperature_celsius{cpu="0"} 47\n'
            + memory(size=16, free=2, inactive=5, active=3, wired=5, laundry=1)
            + mount("zroot/ROOT/default", "zfs", "/")
            + 'node_devstat_bytes_total{device="nda0",type="read"} 1\n'
            + 'node_devstat_bytes_total{device="nda0",type="write"} 1\n'
            + 'node_devstat_bytes_total{device="nda0",type="free"} 1\n'
            + network(lo0=(1, 1), igb0=(1, 1), pflog0=(1, 1)),
            [],
        ),
        # OpenBSD; macOS: without temperatures.
        (
            COMMON
            + cpu(user=100, nice=100, system=100, spin=100, interrupt=100, idle=100)
            + memory(size=4, free=1, inactive=1, active=1, wired=1, cache=1)
            + mount("/dev/sd0a", "ffs", "/")
            + DISKS.format("sd0")
            + network(lo0=(1, 1), vio0=(1, 1), enc0=(1, 1)),
            ["temperature"],
        ),
        (
            COMMON
            + cpu(user=100, nice=100, system=100, idle=100)
            + memory(total=16, free=1, internal=6, purgeable=1, wired=2, compressed=1)
            + mount("/dev/disk3s1s1", "apfs", "/", readonly=1)
            + DISKS.format("disk0")
            + network(lo0=(1, 1), en0=(1, 1), awdl0=(1, 1)),
            ["temperature"],
        ),
        # OpenWrt's exporter in Lua.
        (
            COMMON
            + cpu(
                "cpu0", user=100, nice=100, system=100, idle=100, iowait=100, irq=100, softirq=100, steal=100, guest=100
            )
            + memory(MemTotal=0.25, MemFree=0.125, MemAvailable=0.125)
            + network(lo=(1, 1), eth0=(1, 1), **{"br-lan": (1, 1), "eth0.2": (1, 1)})
            + 'node_thermal_zone_temp{type="cpu",zone="0"} 51\n',
            ["disk usage", "disk traffic"],
        ),
    ],
    ids=["FreeBSD", "OpenBSD", "macOS", "OpenWrt"],
)
def test_sample_lacks_only_figures_that_the_system_does_not_report(text, missing):
    sample = read(text)

    assert missing_values(sample) == missing
    assert len(sample.network_bytes) == 1
    assert sample.remarks == ()


def test_sample_has_no_remarks_when_no_choice_is_uncertain(exposition):
    for name in ("node_exporter_1.5.0", "raspberry_pi"):
        assert parse_exposition(exposition(name), monotonic_seconds=0.0, unix_seconds=1.0).remarks == ()


def test_sensors_and_mounts_are_read_the_same_when_labels_come_in_any_order():
    straight = (
        mount("/dev/sda1", "ext4", "/") + hwmon("k10temp", "temp1", 77, "Tctl") + hwmon("k10temp", "temp2", 50, "Tdie")
    )
    backwards = "\n".join(reversed(straight.splitlines())) + "\n"

    assert read(backwards) == read(straight)
