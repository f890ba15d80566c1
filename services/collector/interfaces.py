"""Which network interfaces count, so that each byte which crosses the machine's cards counts once.

A bond and its ports, a bridge and its port, a VLAN and its parent see the same bytes. What the kernel says of an
interface decides (node_exporter's collectors netclass and bonding, ``/sys/class/net`` here); names decide where it says
nothing. Source: kernel, Documentation/ABI/testing/sysfs-class-net, include/uapi/linux/if.h, if_arp.h and netdevice.h.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

#: Longest name of an interface on any system, in bytes: IFNAMSIZ without its end.
NAME_LIMIT: Final = 15
#: Interfaces of one machine that are read, those with the shortest names first.
INTERFACES_LIMIT: Final = 512
#: Interfaces of one machine that are remembered.
REMEMBERED_LIMIT: Final = 64
#: Seconds after which an exporter is asked again what its interfaces are.
ASK_AGAIN_SECONDS: Final = 600.0

# Their bytes cross another interface too, or never leave the machine. Each part is the whole of a name.
_NEVER = re.compile(
    # Loopback, empty and watching ones; firewalls and tunnels of the BSDs and macOS.
    r"lo\d*|[Ll]oopback\d+|dum(my)?\d.*|dummy.*|ifb.*|imq\d+|nlmon\d*|teql\d+|vcan\d+|pimreg\d*|pim6reg\d*|bat\d+"
    r"|pod-id-link\d+|.*:.*|mon\d+|wl.*mon|phy\d+-mon\d*|pflog\d*|pfsync\d*|pflow\d+|enc0|gif\d+|stf\d+|faith\d+"
    r"|ipfw\d+|usbus\d+|carp\d+|vether\d+|vport\d+|tpmr\d+|awdl\d+|llw\d+|anpi\d+|utun\d+|vmenet\d+|XHC\d+|VHC\d+"
    r"|epair\d+[ab]?|bastille\d+|ovpn([cs]?\d+|-.*)"
    # Machines and containers: their end of a cable, and the bridges behind it.
    r"|veth.*|tap.*|vnet.*|macvtap.*|macvlan.*|ipvlan.*|vif\d+[.-].*|vhost\d+|shim-.*|vmnet\d+|vboxnet\d+|mpqemubr\d+"
    r"|docker.*|podman.*|hassio|nomad|waydroid\d+|vm-.*|mac[0-9a-f]{8}|lxc.*|lxd.*|incus.*|virbr.*|br-.*|br_.*|fw(br|ln|pr)\d.*|xapi\d+"
    r"|ovs[-_].*|ovsbr\d*|(eth\d+|en[a-z0-9]+)_\d+|.*pf\d+(vf\d+|sf\d+|hpf)"
    # Clusters and clouds. ``eni`` and ``gke`` are followed by a digest, OVN's names are nothing but one.
    r"|cni.*|cbr\d+|flannel.*|cali.*|.+\.cali(co)?|cilium_.*|kube.*|nodelocaldns|weave.*|vethwe.*|datapath|antrea.*"
    r"|kilo\d*|submariner|vx-.*|liqo.*|eni[0-9a-f]{11}|azv[0-9a-f]+|azure\d+|gke[0-9a-f]+|oci[0-9a-f]{8,}"
    r"|[0-9a-f]{15}|[0-9a-f]{12}_[hc]|.{1,8}-[0-9a-f]{6}|ovn.*|mirror0|k6t-.*|q(br|vb|vo)[0-9a-f].*|q[rg]-.*"
    r"|brq[0-9a-f].*|vrf.*|(ln|pr)_.*|qvs\d+|wbrdg-.*|s-\d{12}"
    # Tunnels and private networks.
    r"|tun.*|vtun\d+|wg.*|tailscale.*|zt.*|nebula.*|wt\d+|nordlynx|nordtun|ipsec.*|xfrm.*|vti.*|ip_vti.*|ip6.*|he-ipv6.*"
    r"|sit\d*|6in4-.*|6rd-.*|6to4-.*|isatap.*|teredo|gre\d+|gre[46]?t?-.*|gre_sys.*|gretap\d+|erspan.*|tunl\d*|vxlan.*"
    r"|genev.*|l2tp.*|CloudflareWARP|qmimux\d+|rmnet_data\d+|v4-.+|vpn.*|tinc.*|proton\d+"
    r"|pvpn.*|mullvad.*|ham\d+|cscotun\d+|gpd\d+|nm-(?!bond|team|bridge).*|netmaker"
)
# What the BSDs and macOS call theirs, who tell nothing but names; on Linux a card may be renamed to any of these.
_NEVER_OF_BSD = re.compile(
    r"(disc|edsc|me|ngeth|pair|rport|shmif|npflog|ipsecif|egre|mgre|nvgre|eoip|etherip|bpe|sec|mpe|mpip|mpw|mpls|srt|sl"
    r"|plip|feth|iptap|pktap|rvi)\d+"
)
# Interfaces above others, which count where nothing below them is told: bonds, bridges, VLANs, and links over a line.
_BOND = re.compile(r"(nm-)?(bond|team)[^.]*|lagg\d+|trunk\d+|aggr\d+|agr\d+|PortChannel\d+|peerlink")
_LINE = re.compile(r"ppp.*|ng\d+|.+-ppp\d*")
_ABOVE: Final = (
    _BOND,
    re.compile(r"br\d+|[Bb]ridge\d*|nm-bridge\d*|vmbr\d+|xenbr\d+|veb\d+|switch\d+|itf\d+"),
    # A part of a card (``s0`` of ``f0``) is above the card like a VLAN.
    re.compile(r"[Vv]lan.*|svlan\d+|qinq\d.*|.+\.\d+|.+_vlan\d+|vmbr\d+v\d+|en[a-zA-Z0-9]*f\d+s\d+"),
    _LINE,
)
# What systems call network cards of their own accord: kernel, systemd, BIOS, vendors; IPFire by their colour.
_CARD = re.compile(
    r"eth\d+.*|en[a-zA-Z0-9]+|em\d+|p\d+p\d+.*|wl.*|ww.*|wan\d*|lan\d*|sfp.*|ib.*|usb\d+|rndis\d+|ra[a-z]?\d+|ath\d+|mlan\d+"
    r"|hsn\d+|nic\d+|p\d+|oob_net\d+|venet\d+|rmnet.*|swp\d+.*|Ethernet\d+|phy\d+(\.\d+)?-(ap|sta|mesh)\d+|u?ap\d+|apcli[a-z]?\d+|p2p.*"
    r"|mesh\d+|(green|red|blue|orange)\d+|(can|dsl|ptm|nas|bnep|lte|ccmni)\d+"
)
# Linux calls cards like that, and no other system does.
_LINUX_CARD = re.compile(
    r"eth\d+|en[opsx][0-9a-f].*|enP\d.*|enX\d+|end\d+|nic\d+|swp\d+|Ethernet\d+|p\d+p\d+.*|wl[opsx][0-9a-f].*"
    r"|ww[opsx][0-9a-f].*|phy\d+-.*"
)
# Radios: each network of one is an interface that a program makes, and cards all the same.
_RADIO = re.compile(r"(wl|ww|rmnet|phy|u?ap\d|apcli|mesh|p2p|ra\D?\d|ath|mlan|ibss).*")
# The BSDs, illumos and macOS call a card by its driver and a number.
_DRIVER_AND_NUMBER = re.compile(r"[a-z][a-z0-9]*\d")
# Azure's second way to the network: a card of its own PCI domain in a slot, below eth0.
# No board has so many domains that theirs have three digits.
_SECOND_WAY = re.compile(r"enP(\d+|\d{3,}p\d+)s\d+.*|.+nsby")
_KERNEL_CARD = re.compile(r"eth\d+")
# Ports of a switch on the board (DSA), which all hang on one card.
_SWITCH_PORT = re.compile(r"(lan|wan|sfp)\d*")
_MODEM = re.compile(r"ww.*|rmnet.*|usb\d+")

_LOOPBACK, _MASTER, _SLAVE = 0x8, 0x400, 0x800
_PPP: Final = 512
# Point to point without a link layer: tunnels such as WireGuard's, and modems.
_BARE: Final = frozenset((519, 65534))
# Tunnels of IP, loopback, and what only watches others.
_NEVER_KINDS: Final = frozenset((768, 769, 772, 776, 778, 801, 802, 803, 823, 824, 826))
_PERMANENT_ADDRESS: Final = 0
_NAME_OF_MAKER, _NAME_OF_RENAMER = 3, 4
# Docker makes its bridges' addresses of 02:42 and their IP address.
_DOCKER_ADDRESS: Final = "02:42:"


class Interface(NamedTuple):
    """What is known of an interface; ``None`` and "" where it is not told."""

    name: str
    #: Numbers of this interface and of the one below it; the same where there is none.
    number: int | None = None
    link: int | None = None
    flags: int | None = None
    #: Of its link layer (ARPHRD).
    kind: int | None = None
    address: str = ""
    #: How it got the address: 0 from the card, else made, borrowed or set.
    address_kind: int | None = None
    is_bond: bool = False
    #: How it got its name: 3 from the program that made it, 4 from one that renamed it.
    name_kind: int | None = None


class CountedInterfaces(NamedTuple):
    """The names of the interfaces that count."""

    names: frozenset[str]
    #: A sentence that names the choice, where nothing that is told makes it certain.
    remark: str | None = None


class KnownInterfaces:
    """What was last told of the interfaces of one machine, so that an exporter need not tell it at every scrape."""

    def __init__(self) -> None:
        self._told: dict[str, Interface] = {}
        self._names: tuple[str, ...] = ()
        self._names_when_asked: frozenset[str] = frozenset()
        self._asked_at = -math.inf
        self._choice = CountedInterfaces(frozenset())

    def choose(self, names: Sequence[str], told: Sequence[Interface]) -> CountedInterfaces:
        """Return the interfaces that count of those with ``names``.

        ``told`` has what the page tells of each of them, and is empty where it tells nothing: what was told before
        counts then.
        """
        if told:
            self._told = {interface.name: interface for interface in told[:REMEMBERED_LIMIT]}
        elif self._names == tuple(names):  # nearly always, and quick
            return self._choice
        self._names = tuple(names)
        self._choice = choose(told or [self._told.get(name, Interface(name)) for name in names])
        return self._choice

    def is_due(self, monotonic_seconds: float) -> bool:
        """Whether the exporter is to be asked again: it has an interface that it was not asked for, or time passed."""
        is_old = monotonic_seconds - self._asked_at >= ASK_AGAIN_SECONDS
        return is_old or not self._names_when_asked.issuperset(self._names)

    def asked(self, monotonic_seconds: float) -> None:
        """Note that the exporter was asked at the last scrape, whatever it told."""
        self._asked_at, self._names_when_asked = monotonic_seconds, frozenset(self._names)


@lru_cache(4096)
def can_count(name: str) -> bool:
    """Whether an interface of that name counts in any circumstances."""
    return 0 < len(name) <= NAME_LIMIT and name.isprintable() and _NEVER.fullmatch(name) is None


def choose(interfaces: Iterable[Interface]) -> CountedInterfaces:
    """Return which of the interfaces count."""
    candidates = sorted(filter(_may_count, interfaces), key=lambda interface: interface.name)
    if len(candidates) < 2:
        return CountedInterfaces(frozenset(interface.name for interface in candidates))
    strange = _strange(candidates)
    standings = {each.name: _MADE if each.name in strange else _standing(each) for each in candidates}
    standing = min(standings.values())
    counted = [interface for interface in candidates if standings[interface.name] == standing]
    why = "no card is told" if standing >= _LINKED_CARD else ""
    if _MADE in standings.values() and standing < _MADE:
        why = "cards are not called like the others" if strange else "software made the others"
    # Of bonds, and of masters that do not say what they are.
    of_masters = {each.address for each in candidates if _is_bond(each) or standings[each.name] == _MADE}
    for narrowed in (_without_second_ways, _without_equal_addresses, _without_switch_ports):
        if len(counted) > 1:
            counted, reason = narrowed(counted, of_masters)
            why = reason or why
    names = frozenset(interface.name for interface in counted)
    lines = [name for name in standings if standings[name] == _LINES]
    # What is surely above another needs no remark.
    in_doubt = [name for name in standings if name not in names and standings[name] in (standing, _MADE)]
    if standing >= _LINKED_CARD:
        in_doubt = [name for name in standings if name not in names]
    elif lines and not why:
        in_doubt, why = lines, "its bytes likely cross a card"
    if not why or not in_doubt:
        return CountedInterfaces(names)
    return CountedInterfaces(names, f"network: counts {', '.join(sorted(names))}, not {', '.join(in_doubt)}: {why}")


# How much speaks for an interface; those of the least number count.
_CARD_ITSELF, _LINKED_CARD, _MADE, _LINKED, _ABOVE_OTHERS = range(5)
_LINES: Final = _ABOVE_OTHERS + _ABOVE.index(_LINE)


def _standing(interface: Interface) -> int:
    if _is_bond(interface):
        return _ABOVE_OTHERS
    if interface.kind == _PPP:
        return _LINES
    by_name = _standing_by_name(interface.name)
    if by_name >= _ABOVE_OTHERS:
        return by_name
    is_card = by_name == _CARD_ITSELF
    if interface.link is not None and interface.link != interface.number:
        return _LINKED_CARD if is_card else _LINKED
    if is_card and (interface.name_kind != _NAME_OF_MAKER or _RADIO.match(interface.name)):
        return _CARD_ITSELF
    return _MADE if _is_made(interface) else _CARD_ITSELF


def _strange(interfaces: Sequence[Interface]) -> set[str]:
    """Return the names, of interfaces with nothing else told, that no card has beside the cards that are there."""
    strange = {
        each.name
        for each in interfaces
        if each.number is None and not each.address and _standing_by_name(each.name) == _MADE
    }
    if strange and not any(_LINUX_CARD.fullmatch(each.name) for each in interfaces):
        drivers = {name for name in strange if _DRIVER_AND_NUMBER.fullmatch(name)}
        has_card = drivers or any(_standing_by_name(each.name) == _CARD_ITSELF for each in interfaces)
        return strange - drivers if has_card else set()
    return strange


def _is_made(interface: Interface) -> bool:
    """Whether software made an interface, or at least its address, as it does not for a card."""
    if interface.name_kind in (_NAME_OF_MAKER, _NAME_OF_RENAMER):
        return interface.name_kind == _NAME_OF_MAKER
    has_made_address = (interface.address_kind or _PERMANENT_ADDRESS) != _PERMANENT_ADDRESS
    return has_made_address or interface.address.startswith(_DOCKER_ADDRESS)


@lru_cache(4096)
def _standing_by_name(name: str) -> int:
    for number, names in enumerate(_ABOVE):
        if names.fullmatch(name):
            return _ABOVE_OTHERS + number
    return _CARD_ITSELF if _CARD.fullmatch(name) else _MADE


def _may_count(interface: Interface) -> bool:
    if not can_count(interface.name) or interface.kind in _NEVER_KINDS or (interface.flags or 0) & _LOOPBACK:
        return False
    if interface.number is None and not interface.address and _NEVER_OF_BSD.fullmatch(interface.name):
        return False
    return interface.kind not in _BARE or _MODEM.fullmatch(interface.name) is not None


def _is_bond(interface: Interface) -> bool:
    return interface.is_bond or bool((interface.flags or 0) & _MASTER) or _BOND.fullmatch(interface.name) is not None


_Narrowed = tuple[list[Interface], str]


def _without_second_ways(interfaces: list[Interface], _: set[str]) -> _Narrowed:
    """Leave out a card below one with a name of the kernel's, as Azure pairs them, where addresses are not told.

    The bytes of the second way count at the first too. Source: kernel, Documentation/networking/netvsc.rst.
    """
    if any(each.address for each in interfaces) or not any(_KERNEL_CARD.fullmatch(each.name) for each in interfaces):
        return interfaces, ""
    kept = [each for each in interfaces if not _SECOND_WAY.fullmatch(each.name)]
    return kept, "" if len(kept) == len(interfaces) else "it is likely the same way to the network"


def _without_equal_addresses(interfaces: list[Interface], of_masters: set[str]) -> _Narrowed:
    """Leave out slaves of a master that has their address and is no bond, and one of two that have the same address.

    More than two are the ports of a switch or of a server that has one address for all.
    """
    by_address: defaultdict[str, list[Interface]] = defaultdict(list)
    for interface in interfaces:
        if interface.address.strip("0:") and interface.address not in of_masters:
            by_address[interface.address].append(interface)
    left_out: set[str] = set()
    is_certain = True
    for same in by_address.values():
        slaves = [each for each in same if (each.flags or 0) & _SLAVE]
        if 0 < len(slaves) < len(same):
            left_out.update(each.name for each in slaves)
            same = [each for each in same if each not in slaves]
        if len(same) == 2 and not slaves:
            left_out.add(max(same, key=_preference).name)
            is_certain = False
    kept = [each for each in interfaces if each.name not in left_out]
    return kept, "" if is_certain else "they have the same address"


def _preference(interface: Interface) -> tuple[bool, bool, bool, float, str]:
    """The less, the more likely it is the card itself."""
    return (
        _SECOND_WAY.fullmatch(interface.name) is not None,
        _CARD.fullmatch(interface.name) is None,
        (interface.address_kind or _PERMANENT_ADDRESS) != _PERMANENT_ADDRESS,
        math.inf if interface.number is None else interface.number,
        interface.name,
    )


def _without_switch_ports(interfaces: list[Interface], _: set[str]) -> _Narrowed:
    """Leave out the ports of a switch beside the card that they hang on, where nobody tells what hangs on what."""
    ports = [each for each in interfaces if each.link is None and _SWITCH_PORT.fullmatch(each.name)]
    if len(ports) < 2 or not any(_KERNEL_CARD.fullmatch(each.name) for each in interfaces):
        return interfaces, ""
    return [each for each in interfaces if each not in ports], "they are likely ports of a switch on its card"
