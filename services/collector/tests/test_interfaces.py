import pytest

from collector.interfaces import Interface, KnownInterfaces, can_count, choose

CARDS = (
    "eth0 end0 enp3s0 enxb827eb000000 eno1 wlan0 wlp2s0 usb0 ib0 wwan0 lan0 em1 p1p1 enP4p1s0 enP8p1s0 enc600 eno1np0 "
    # IPFire's zones, access points with several radios on a chip, MediaTek's, and a router's optical ports.
    "green0 red0 blue0 orange0 venet0 hsn0 nic0 can0 phy0.1-ap0 rax0 apclix0 sfp-lan"
)
OTHER_CARDS = "ixl2 igb0 vtnet0 re0 bge0 hn0 vmx0 en0 ena0 em0 e1000g0"
NEVER = (
    "lo lo0 veth1a2b docker0 docker_gwbridge br-0123456789ab br-lan virbr0 virbr0-nic cni0 cni-podman0 flannel.1 "
    "cali0123 cilium_host cilium_vxlan lxc_health lxc1a2b3c lxcbr0 lxdbr0 incusbr0 tun0 tap0 tap100i0 wg0 vxlan.calico "
    "wireguard.cali kube-ipvs0 kube-bridge nodelocaldns dummy0 ifb0 ifb4eth0 sit0 ip6tnl0 tailscale0 "
    "fwbr100i0 fwln100i0 fwpr100p0 vnet3 macvtap0 gre0 gretap0 gre_sys tunl0 podman0 ovs-system ovs_eth0 ovn-k8s-mp0 "
    "erspan0 ip_vti0 ztabcdefgh utun3 hassio xapi0 vif1.0 vmnet8 vboxnet0 shim-br0 vhost0 "
    # Clouds and clusters.
    "eni2738a7062a8 azv1a2b3c4d5e6 azure0 gke1a2b3c4d5e6 genev_sys_6081 vxlan_sys_4789 0a1b2c3d4e5f60a cbr0 "
    "pod-id-link0 3f1e8cf2b4a5_h antrea-gw0 weave vethwe-bridge datapath qvb12345678-9a qbr12345678-9a "
    # Firewalls.
    "pflog0 pfsync0 enc0 gif0 stf0 usbus0 epair0a ovpns1 ovpnc2 vm-public loopback0 "
    "proton0 vpn_home awdl0 llw0 anpi0 imq0 eth0:avahi ovpn0 ovpn-office en3f0pf0sf0 pf0vf3 nm-mesh"
)


def names(*interfaces):
    return sorted(choose(interfaces).names)


def named(text):
    return names(*map(Interface, text.split()))


@pytest.mark.parametrize("cards", [CARDS.replace("lan0 ", ""), OTHER_CARDS])
def test_name_can_count_when_cards_have_it(cards):
    assert [name for name in cards.split() if not can_count(name)] == []
    assert named(cards) == sorted(cards.split())


def test_name_cannot_count_when_it_is_of_an_internal_interface():
    assert [name for name in NEVER.split() if can_count(name)] == []


@pytest.mark.parametrize("name", ["", "a" * 16, "vethx" * 10, "eth0\x1b[2J", "eth\n0"])
def test_name_cannot_count_when_no_system_has_such_names(name):
    assert not can_count(name)


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ("eth0 eth0.100 vlan10 eth0_vlan7", "eth0"),
        ("eth0 eth1 bond0 br0 vmbr0 vmbr0v5", "eth0 eth1"),
        # Names that users and programs choose, beside names of cards.
        ("ens160 nerdctl0", "ens160"),
        ("eth0 services1", "eth0"),
        ("em1 em2 ovirtmgmt ;vdsmdummy;", "em1 em2"),
        ("enp1s0 lan-shim vswitch4000", "enp1s0"),
        ("igb0 igb1 wan_stf", "igb0 igb1"),
        ("vtnet0 vtnet0bridge bastille0 e0a_bastille1 e0a_web", "vtnet0"),
        ("inside0 outside0 inside0.20", "inside0 outside0"),
        ("inside outside", "inside outside"),
        ("eth0 enP30832p0s0", "eth0"),
        ("ixl2 ixl3 lagg1 lagg1.10 pflog0", "ixl2 ixl3"),
        ("em0 em1 trunk0 aggr0 vlan3", "em0 em1"),
        ("eth0 xenbr0 vif1.0", "eth0"),
        ("eth0 eth1 team0", "eth0 eth1"),
        ("eth0 ppp0", "eth0"),
        ("igb0 ng0", "igb0"),
        ("Ethernet0 Ethernet4 PortChannel1 Vlan100 Loopback0 Bridge docker0 eth0", "Ethernet0 Ethernet4 eth0"),
        ("swp1 swp2 peerlink peerlink.4094 bridge vlan10 eth0", "eth0 swp1 swp2"),
        ("eth0 eth1 pppoe0 vtun0 dum0 bond0 switch0 wg0 l2tpeth0", "eth0 eth1"),
        ("ens3f0np0 ens3f0npf0vf0 enp8s0f0_0 pf0hpf", "ens3f0np0"),
        ("eth0 antrea-gw0 coredns--0a1b2c nomad", "eth0"),
        ("wlan0 wlan0mon mon0", "wlan0"),
        ("end0 wlan0 wpan0 lowpan0 hassio", "end0 wlan0"),
        ("nic0 nic1 vmbr0 zone1 vxlan_zone1", "nic0 nic1"),
        ("swp1 swp2 br0 vni10", "swp1 swp2"),
        # A card with its own computer: the external ports count, but not the links to the host and to partitions.
        ("p0 p1 pf0hpf pf0vf0 en3f0pf0sf0 enp3s0f0s0 oob_net0 tmfifo_net0 ovsbr1", "oob_net0 p0 p1"),
        ("lo enp3s0f0s0", "enp3s0f0s0"),
        # Software interfaces of the BSDs and macOS, beside cards.
        ("em0 em1 pair0 pair1 etherip0 egre0 mgre0 rport0 sec0 bpe0 nvgre0 eoip0 mpe0 mpip0 mpw0 veb0 wg0", "em0 em1"),
        ("wm0 wm1 agr0 agr0.7 npflog0 ipsecif0 srt0 sl0 shmif0 vether0", "wm0 wm1"),
        ("ix0 ix1 lagg0 ovpn0 disc0 edsc0 me0 ngeth0 vnet0.12 epair3a", "ix0 ix1"),
        ("en0 en1 bridge100 feth1234 feth9999 iptap0 pktap0 rvi0 utun3 ap1", "ap1 en0 en1"),
        ("eno1 eno2 nm-bond nm-bridge", "eno1 eno2"),
        ("lo nm-team", "nm-team"),
        # Interfaces above others count if no interface below is known.
        ("lo bond0 bond0.20", "bond0"),
        ("lo vmbr0 vmbr0.5", "vmbr0"),
        ("lo ppp0", "ppp0"),
        ("lo docker0", ""),
    ],
)
def test_cards_count_when_only_names_are_known(told, counted):
    assert named(told) == counted.split()


def test_azures_virtual_function_does_not_count_and_is_named_in_the_remark():
    choice = choose(map(Interface, ("eth0", "enP53091s1np0", "azv1a2b3c4d5e6")))

    assert choice.names == {"eth0"}
    assert choice.remark == "network: counts eth0, not enP53091s1np0: it is likely a second path to the same card"


def test_interface_is_named_in_the_remark_when_only_its_name_excludes_it():
    remark = "network: counts ens160, not nerdctl0: cards have other names"
    assert choose([Interface("ens160"), Interface("nerdctl0")]).remark == remark
    # A renamed card counts if the kernel describes it.
    renamed = Interface("inside", number=3, link=3, address="52:54:00:00:00:03", name_kind=4)
    assert choose([Interface("ens160", 2, 2, address="52:54:00:00:00:02"), renamed]).names == {"ens160", "inside"}


def test_slave_does_not_count_when_its_master_has_its_address_and_is_no_bond():
    # Azure's pair: netvsc marks the virtual function as a slave.
    card = Interface("eth0", number=2, link=2, flags=0x1003, kind=1, address="00:0d:3a:11:22:33", address_kind=0)
    second = card._replace(name="enP1s1", number=3, link=3, flags=0x1803)

    choice = choose([second, card])

    assert choice.names == {"eth0"}
    assert choice.remark is None


@pytest.mark.parametrize(
    "master",
    [
        Interface("bond0", number=4, link=4, flags=0x1443, kind=1, address="52:54:00:11:22:33", address_kind=3),
        Interface("storage", number=4, link=4, flags=0x1443, kind=1, address="52:54:00:11:22:33", address_kind=3),
        Interface("storage", number=4, link=4, address="52:54:00:11:22:33", address_kind=3, is_bond=True),
        # A team does not mark its ports.
        Interface("team0", number=4, link=4, flags=0x1003, kind=1, address="52:54:00:11:22:33", address_kind=3),
        Interface("nm-team", number=4, link=4, flags=0x1003, kind=1, address="52:54:00:11:22:33", address_kind=3),
        # The exporter omits the bond.
        Interface("lo", number=1, link=1, flags=0x49, kind=772),
    ],
)
def test_each_port_of_a_bond_counts_when_they_share_its_address(master):
    port = Interface("eth0", number=2, link=2, flags=0x1843, kind=1, address="52:54:00:11:22:33", address_kind=0)
    if "team" in master.name:
        port = port._replace(flags=0x1003)

    assert names(port, port._replace(name="eth1", number=3, link=3), master) == ["eth0", "eth1"]


def test_bridge_does_not_count_when_it_has_its_ports_address_whatever_it_is_called():
    port = Interface("enp3s0", number=2, link=2, flags=0x1103, kind=1, address="d8:3a:dd:11:22:33", address_kind=0)
    bridge = port._replace(name="office", number=5, link=5, flags=0x1003)

    choice = choose([bridge, port])

    assert choice.names == {"enp3s0"}
    assert choice.remark == "network: counts enp3s0, not office: they have the same address"


@pytest.mark.parametrize(
    "inner",
    [
        # A bridge of Docker, a virtual Ethernet of a container, a VLAN, WireGuard, an IP tunnel.
        Interface("proxy", number=7, link=7, flags=0x1003, kind=1, address="02:42:5a:11:22:33"),
        Interface("proxy", number=7, link=7, flags=0x1003, kind=1, address="5a:11:22:33:44:55", address_kind=3),
        Interface("pod12", number=7, link=2, flags=0x1003, kind=1, address="5a:11:22:33:44:55", address_kind=1),
        Interface("guests", number=7, link=2, flags=0x1003, kind=1, address="d8:3a:dd:11:22:33", address_kind=2),
        Interface("office", 7, 7, 0x1003, 1, "d8:3a:dd:11:22:44", address_kind=0, name_kind=3),
        # A bridge with a card's name and an address of its own.
        Interface("lan0", 7, 7, 0x1003, 1, "5a:11:22:33:44:55", address_kind=3, name_kind=3),
        Interface("wan", 7, 7, 0x1003, 1, "5a:11:22:33:44:55", address_kind=1, name_kind=3),
        Interface("lan", number=7, link=2, flags=0x1003, kind=1, address="d8:3a:dd:11:22:44", address_kind=0),
        Interface("home", number=7, link=7, flags=0x10D1, kind=65534),
        Interface("he-ipv6", number=7, link=0, flags=0xD1, kind=776),
        Interface("mon0", number=7, link=7, flags=0x1003, kind=803, address="d8:3a:dd:11:22:44", address_kind=0),
        # A port of a switch on the board.
        Interface("lan1", number=7, link=2, flags=0x1003, kind=1, address="d8:3a:dd:11:22:33", address_kind=0),
    ],
    ids=lambda inner: inner.name,
)
def test_interface_above_a_card_does_not_count_when_the_kernel_describes_it(inner):
    card = Interface("eth0", number=2, link=2, flags=0x1003, kind=1, address="d8:3a:dd:11:22:33", address_kind=0)

    assert names(card, inner) == ["eth0"]


@pytest.mark.parametrize(
    "card",
    [
        Interface("wlan0", number=3, link=3, flags=0x1003, kind=1, address="5a:11:22:33:44:55", address_kind=3),
        Interface("usb0", number=3, link=3, flags=0x1003, kind=1, address="5a:11:22:33:44:55", address_kind=1),
        # A modem without a link layer.
        Interface("wwan0", number=3, link=3, flags=0x10D1, kind=65534),
        Interface("wwan0", number=3, link=3, flags=0x10D1, kind=519),
        Interface("ib0", number=3, link=3, flags=0x1043, kind=32, address="80:00:02:08:fe:80", address_kind=0),
        Interface("uplink", number=3, link=3, flags=0x1003, kind=1, address="d8:3a:dd:11:22:34", address_kind=0),
        Interface("cloned", 3, 3, 0x1003, 1, "5a:11:22:33:44:55", address_kind=3, name_kind=4),
        Interface("uap0", 3, 3, 0x1003, 1, "da:3a:dd:11:22:33", address_kind=0, name_kind=3),
        Interface("phy0-ap0", 3, 3, 0x1003, 1, "da:3a:dd:11:22:33", address_kind=3, name_kind=3),
        Interface("wlan1_ap", 3, 3, 0x1003, 1, "da:3a:dd:11:22:33", address_kind=3, name_kind=3),
        Interface("mesh0", 3, 3, 0x1003, 1, "da:3a:dd:11:22:33", address_kind=3, name_kind=3),
        Interface("wwan0", 3, 3, 0x10D1, 65534, address_kind=3, name_kind=3),
        Interface("lan0", 3, 3, 0x1003, 1, "da:3a:dd:11:22:33", address_kind=0, name_kind=4),
        # Cards with names that software interfaces have on other systems.
        Interface("sec0", 3, 3, 0x1003, 1, "d8:3a:dd:11:22:34", address_kind=0, name_kind=4),
        Interface("me0", 3, 3, 0x1003, 1, "d8:3a:dd:11:22:34", address_kind=0, name_kind=4),
    ],
    ids=lambda card: card.name,
)
def test_second_card_counts_when_its_address_is_its_own(card):
    first = Interface("eth0", number=2, link=2, flags=0x1003, kind=1, address="d8:3a:dd:11:22:33", address_kind=0)

    assert names(first, card) == sorted(["eth0", card.name])


def test_virtual_ethernet_counts_when_it_is_the_card_of_a_container():
    card = Interface("eth0", number=2, link=35, flags=0x1003, kind=1, address="00:16:3e:11:22:33", address_kind=3)
    inner = [Interface("docker0", 3, 3), Interface("office", 4, 4, 0x1003, 1, "5a:00:00:00:00:01", 1)]

    assert names(card) == names(card, *inner) == ["eth0"]


def test_ports_of_a_switch_do_not_count_when_their_card_is_not_described():
    choice = choose(map(Interface, ("eth0", "lan1", "lan2", "lan3", "wan", "br-lan")))

    assert choice.names == {"eth0"}
    assert choice.remark == (
        "network: counts eth0, not lan1, lan2, lan3, wan: they are likely ports of a switch behind that card"
    )


@pytest.mark.parametrize("count", [2, 3, 20])
def test_choice_is_the_same_when_the_interfaces_come_in_another_order(count):
    same = [Interface(f"x{number:02}", address="d8:3a:dd:11:22:33") for number in range(count)]

    assert choose(same) == choose(same[::-1])
    # Two interfaces with one address are one card; more are ports of a switch.
    assert choose(same).names == ({"x00"} if count == 2 else {each.name for each in same})


def test_each_port_counts_when_a_master_of_an_unusual_name_gave_them_its_address():
    port = Interface("eno1", number=2, link=2, flags=0x1003, kind=1, address="d8:3a:dd:11:22:33", address_kind=0)
    team = port._replace(name="office", number=4, link=4, address_kind=3)

    assert names(port, port._replace(name="eno2", number=3, link=3), team) == ["eno1", "eno2"]


def test_ppp_link_does_not_count_and_is_named_in_the_remark_when_there_is_a_card():
    choice = choose(map(Interface, ("eth0", "ppp0")))

    assert choice.names == {"eth0"}
    assert choice.remark == "network: counts eth0, not ppp0: its bytes likely also cross a card"
    assert choose(map(Interface, ("eth0", "eth0.7", "br0", "bond0"))).remark is None


def test_previous_description_applies_when_a_later_exposition_has_none():
    known = KnownInterfaces()
    told = [Interface("eth0", number=2, link=2), Interface("up1", number=3, link=2)]

    first = known.choose(["eth0", "up1"], told)

    assert first.names == known.choose(["eth0", "up1"], ()).names == {"eth0"}
    assert known.choose(["eth0", "eth1", "up1"], ()).names == {"eth0", "eth1"}
    assert known.choose(["up1"], ()).names == {"up1"}


def test_choice_is_made_anew_when_another_exposition_came_between():
    known = KnownInterfaces()
    told = [Interface("eth0", number=2, link=2), Interface("up1", number=3, link=2)]
    first = known.choose(["eth0", "up1"], told, source="told")

    assert known.choose_again("told") is first
    assert known.choose_again("other") is None
    known.choose(["up1"], ())
    assert known.choose_again("told") is None
    known.choose(["up1"], told[1:])
    assert known.choose_again(None) is None


def test_known_interfaces_are_few_when_an_exporter_names_very_many():
    known = KnownInterfaces()
    names = [f"eth{number}" for number in range(500)]

    known.choose(names, [Interface(name, flags=0x8) for name in names])

    # All interfaces with a kept description are loopback; the others have no description.
    assert len(known.choose([*names, "eth500"], ()).names) == 501 - 64


def test_description_is_due_when_there_is_a_new_interface_or_time_has_passed():
    known = KnownInterfaces()
    assert known.is_due(0.0)

    known.choose(["eth0"], [Interface("eth0", number=2)])
    known.requested(0.0)
    assert [known.is_due(seconds) for seconds in (1.0, 599.0, 600.0)] == [False, False, True]

    known.choose(["eth0", "usb0"], ())
    assert known.is_due(1.0)
    known.requested(1.0)
    assert not known.is_due(2.0)
