"""Choose the network interfaces that count, so that each byte that crosses the machine's cards counts once.

A bond and its ports, a bridge and its port, a VLAN and its parent carry the same bytes. The kernel's description of an
interface decides (node_exporter's collectors netclass and bonding, or ``/sys/class/net``). Without a description, the
name decides.

Source: kernel, Documentation/ABI/testing/sysfs-class-net, include/uapi/linux/if.h, if_arp.h and netdevice.h.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

#: Longest name of an interface on any system, in bytes: IFNAMSIZ without its end.
NAME_LIMIT: Final = 15
#: Most interfaces of one machine that are read, the shortest names first.
INTERFACES_LIMIT: Final = 512
#: Most interfaces of one machine with a kept description.
REMEMBERED_LIMIT: Final = 64
#: Seconds between two requests for the description of interfaces.
DESCRIPTION_SECONDS: Final = 600.0

# Interfaces that carry bytes of other interfaces, or bytes that stay in the machine. Each alternative is a whole name.
_NEVER_COUNTED = re.compile(
    # Loopback, dummy and monitoring interfaces; firewalls and tunnels of the BSDs and macOS.
    r"lo\d*|[Ll]oopback\d+|dum(my)?\d.*|dummy.*|ifb.*|imq\d+|nlmon\d*|teql\d+|vcan\d+|pimreg\d*|pim6reg\d*|bat\d+"
    r"|pod-id-link\d+|.*:.*|mon\d+|wl.*mon|phy\d+-mon\d*|pflog\d*|pfsync\d*|pflow\d+|enc0|gif\d+|stf\d+|faith\d+"
    r"|ipfw\d+|usbus\d+|carp\d+|vether\d+|vport\d+|tpmr\d+|awdl\d+|llw\d+|anpi\d+|utun\d+|vmenet\d+|XHC\d+|VHC\d+"
    r"|epair\d+[ab]?|bastille\d+|ovpn([cs]?\d+|-.*)"
    # Virtual machines and containers: the host's end of their links, and the bridges behind.
    r"|veth.*|tap.*|vnet.*|macvtap.*|macvlan.*|ipvlan.*|vif\d+[.-].*|vhost\d+|shim-.*|vmnet\d+|vboxnet\d+|mpqemubr\d+"
    r"|docker.*|podman.*|hassio|nomad|waydroid\d+|vm-.*|mac[0-9a-f]{8}|lxc.*|lxd.*|incus.*|virbr.*|br-.*|br_.*|fw(br|ln|pr)\d.*|xapi\d+"
    r"|ovs[-_].*|ovsbr\d*|(eth\d+|en[a-z0-9]+)_\d+|.*pf\d+(vf\d+|sf\d+|hpf)"
    # Clusters and clouds. A digest follows ``eni`` and ``gke``; OVN's names are digests.
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
# The same for the BSDs and macOS, where interfaces have no description. On Linux a card may have such a name.
_NEVER_COUNTED_ON_BSD = re.compile(
    r"(disc|edsc|me|ngeth|pair|rport|shmif|npflog|ipsecif|egre|mgre|nvgre|eoip|etherip|bpe|sec|mpe|mpip|mpw|mpls|srt|sl"
    r"|plip|feth|iptap|pktap|rvi)\d+"
)
# Interfaces above others: bonds, bridges, VLANs and PPP links. They count if no interface below them is known.
_BOND = re.compile(r"(nm-)?(bond|team)[^.]*|lagg\d+|trunk\d+|aggr\d+|agr\d+|PortChannel\d+|peerlink")
_PPP_LINK = re.compile(r"ppp.*|ng\d+|.+-ppp\d*")
_ABOVE: Final = (
    _BOND,
    re.compile(r"br\d+|[Bb]ridge\d*|nm-bridge\d*|vmbr\d+|xenbr\d+|veb\d+|switch\d+|itf\d+"),
    # A partition of a card (``s0`` of ``f0``) is above the card like a VLAN.
    re.compile(r"[Vv]lan.*|svlan\d+|qinq\d.*|.+\.\d+|.+_vlan\d+|vmbr\d+v\d+|en[a-zA-Z0-9]*f\d+s\d+"),
    _PPP_LINK,
)
# Names that systems give to network cards: kernel, systemd, BIOS, vendors; IPFire uses colours.
_CARD = re.compile(
    r"eth\d+.*|en[a-zA-Z0-9]+|em\d+|p\d+p\d+.*|wl.*|ww.*|wan\d*|lan\d*|sfp.*|ib.*|usb\d+|rndis\d+|ra[a-z]?\d+|ath\d+|mlan\d+"
    r"|hsn\d+|nic\d+|p\d+|oob_net\d+|venet\d+|rmnet.*|swp\d+.*|Ethernet\d+|phy\d+(\.\d+)?-(ap|sta|mesh)\d+|u?ap\d+|apcli[a-z]?\d+|p2p.*"
    r"|mesh\d+|(green|red|blue|orange)\d+|(can|dsl|ptm|nas|bnep|lte|ccmni)\d+"
)
# Names of cards that only Linux uses.
_LINUX_CARD = re.compile(
    r"eth\d+|en[opsx][0-9a-f].*|enP\d.*|enX\d+|end\d+|nic\d+|swp\d+|Ethernet\d+|p\d+p\d+.*|wl[opsx][0-9a-f].*"
    r"|ww[opsx][0-9a-f].*|phy\d+-.*"
)
# Radios: a program makes an interface for each network of a radio, and these interfaces count as cards.
_RADIO = re.compile(r"(wl|ww|rmnet|phy|u?ap\d|apcli|mesh|p2p|ra\D?\d|ath|mlan|ibss).*")
# The BSDs, illumos and macOS name a card after its driver and a number.
_DRIVER_AND_NUMBER = re.compile(r"[a-z][a-z0-9]*\d")
# Azure's virtual function: a card in a PCI domain of its own, below eth0. The PCI domains of boards have fewer digits.
_AZURE_FUNCTION = re.compile(r"enP(\d+|\d{3,}p\d+)s\d+.*|.+nsby")
_KERNEL_CARD = re.compile(r"eth\d+")
# Ports of a switch on the board (DSA), all behind one card.
_SWITCH_PORT = re.compile(r"(lan|wan|sfp)\d*")
_MODEM = re.compile(r"ww.*|rmnet.*|usb\d+")

_LOOPBACK, _MASTER, _SLAVE = 0x8, 0x400, 0x800
_PPP: Final = 512
# Point-to-point interfaces without a link layer: tunnels such as WireGuard's, and modems.
_WITHOUT_LINK_LAYER: Final = frozenset((519, 65534))
# IP tunnels, loopback, and interfaces that only monitor others.
_NEVER_COUNTED_KINDS: Final = frozenset((768, 769, 772, 776, 778, 801, 802, 803, 823, 824, 826))
_PERMANENT_ADDRESS: Final = 0
_NAMED_BY_CREATOR, _RENAMED = 3, 4
# Docker's bridges have an address of 02:42 and their IP address.
_DOCKER_ADDRESS: Final = "02:42:"


class Interface(NamedTuple):
    """Description of an interface; unknown fields are ``None`` or ""."""

    name: str
    #: Numbers of this interface and of the one below it; equal if there is no interface below.
    number: int | None = None
    link: int | None = None
    flags: int | None = None
    #: Type of the link layer (ARPHRD).
    kind: int | None = None
    address: str = ""
    #: Origin of the address: 0 for the card, otherwise generated, borrowed or set.
    address_kind: int | None = None
    is_bond: bool = False
    #: Origin of the name: 3 for the program that created the interface, 4 for a program that renamed it.
    name_kind: int | None = None


class CountedInterfaces(NamedTuple):
    """The names of the interfaces that count."""

    names: frozenset[str]
    #: A sentence that names the choice, if the description leaves it uncertain.
    remark: str | None = None


class KnownInterfaces:
    """The latest description of one machine's interfaces, so that few scrapes request the description."""

    __slots__ = ("_counted", "_described", "_names", "_names_when_requested", "_requested_at", "_source")

    def __init__(self) -> None:
        self._described: dict[str, Interface] = {}
        self._names: tuple[str, ...] = ()
        self._names_when_requested: tuple[str, ...] = ()
        self._requested_at = -math.inf
        self._counted = CountedInterfaces(frozenset())
        self._source: object = None

    def choose_again(self, source: object) -> CountedInterfaces | None:
        """Return the previous choice, if it was made from an equal ``source``."""
        return self._counted if source is not None and source == self._source else None

    def choose(
        self, names: Sequence[str], described: Sequence[Interface], *, source: object = None
    ) -> CountedInterfaces:
        """Return which of the interfaces with ``names`` count.

        ``described`` has the description of each interface. If it is empty, the previous description applies.
        ``source`` is all that ``names`` and ``described`` were made from, for ``choose_again``.
        """
        if described:
            self._described = {interface.name: interface for interface in described[:REMEMBERED_LIMIT]}
        elif self._names == tuple(names):  # the usual case, and quick
            return self._counted
        self._names, self._source = tuple(names), source
        self._counted = choose(described or [self._described.get(name, Interface(name)) for name in names])
        return self._counted

    def is_due(self, monotonic_seconds: float) -> bool:
        """Whether to request the description again: it is old, or the machine has a new interface."""
        is_old = monotonic_seconds - self._requested_at >= DESCRIPTION_SECONDS
        if is_old or self._names is self._names_when_requested:
            return is_old
        return not set(self._names).issubset(self._names_when_requested)

    def requested(self, monotonic_seconds: float) -> None:
        """Note that the last scrape requested the description, whether or not the exporter sent it."""
        self._requested_at, self._names_when_requested = monotonic_seconds, self._names


@lru_cache(4096)
def can_count(name: str) -> bool:
    """Whether an interface of that name may count."""
    return 0 < len(name) <= NAME_LIMIT and name.isprintable() and _NEVER_COUNTED.fullmatch(name) is None


@lru_cache(1024)
def _all_of(names: tuple[str, ...]) -> CountedInterfaces:
    """Return the choice of all ``names``, which machines with the same names share."""
    return CountedInterfaces(frozenset(names))


def choose(interfaces: Iterable[Interface]) -> CountedInterfaces:
    """Return which of the interfaces count."""
    candidates = sorted(filter(_may_count, interfaces), key=lambda interface: interface.name)
    if len(candidates) < 2:
        return _all_of(tuple(interface.name for interface in candidates))
    unlikely = _unlikely_cards(candidates)
    ranks = {each.name: _SOFTWARE if each.name in unlikely else _rank(each) for each in candidates}
    rank = min(ranks.values())
    counted = [interface for interface in candidates if ranks[interface.name] == rank]
    why = "no card is known" if rank >= _LINKED_CARD else ""
    if _SOFTWARE in ranks.values() and rank < _SOFTWARE:
        why = "cards have other names" if unlikely else "software created the others"
    # Addresses of bonds, and of masters without a description.
    of_masters = {each.address for each in candidates if _is_bond(each) or ranks[each.name] == _SOFTWARE}
    for narrow in (_without_azure_functions, _without_equal_addresses, _without_switch_ports):
        if len(counted) > 1:
            counted, reason = narrow(counted, of_masters)
            why = reason or why
    names = frozenset(interface.name for interface in counted)
    ppp_links = [name for name in ranks if ranks[name] == _PPP_LINKS]
    # An interface that is certainly above another needs no remark.
    in_doubt = [name for name in ranks if name not in names and ranks[name] in (rank, _SOFTWARE)]
    if rank >= _LINKED_CARD:
        in_doubt = [name for name in ranks if name not in names]
    elif ppp_links and not why:
        in_doubt, why = ppp_links, "its bytes likely also cross a card"
    if not why or not in_doubt:
        return CountedInterfaces(names)
    return CountedInterfaces(names, f"network: counts {', '.join(sorted(names))}, not {', '.join(in_doubt)}: {why}")


# Ranks of interfaces: the interfaces of the lowest rank count.
_CARD_ITSELF, _LINKED_CARD, _SOFTWARE, _LINKED, _ABOVE_OTHERS = range(5)
_PPP_LINKS: Final = _ABOVE_OTHERS + _ABOVE.index(_PPP_LINK)


def _rank(interface: Interface) -> int:
    if _is_bond(interface):
        return _ABOVE_OTHERS
    if interface.kind == _PPP:
        return _PPP_LINKS
    by_name = _rank_of_name(interface.name)
    if by_name >= _ABOVE_OTHERS:
        return by_name
    is_card = by_name == _CARD_ITSELF
    if interface.link is not None and interface.link != interface.number:
        return _LINKED_CARD if is_card else _LINKED
    if is_card and (interface.name_kind != _NAMED_BY_CREATOR or _RADIO.match(interface.name)):
        return _CARD_ITSELF
    return _SOFTWARE if _is_software(interface) else _CARD_ITSELF


def _unlikely_cards(interfaces: Sequence[Interface]) -> set[str]:
    """Return the interfaces that have no description and other names than the machine's cards."""
    unlikely = {
        each.name
        for each in interfaces
        if each.number is None and not each.address and _rank_of_name(each.name) == _SOFTWARE
    }
    if unlikely and not any(_LINUX_CARD.fullmatch(each.name) for each in interfaces):
        drivers = {name for name in unlikely if _DRIVER_AND_NUMBER.fullmatch(name)}
        has_card = drivers or any(_rank_of_name(each.name) == _CARD_ITSELF for each in interfaces)
        return unlikely - drivers if has_card else set()
    return unlikely


def _is_software(interface: Interface) -> bool:
    """Whether software created the interface or generated its address."""
    if interface.name_kind in (_NAMED_BY_CREATOR, _RENAMED):
        return interface.name_kind == _NAMED_BY_CREATOR
    has_generated_address = (interface.address_kind or _PERMANENT_ADDRESS) != _PERMANENT_ADDRESS
    return has_generated_address or interface.address.startswith(_DOCKER_ADDRESS)


@lru_cache(4096)
def _rank_of_name(name: str) -> int:
    for number, names in enumerate(_ABOVE):
        if names.fullmatch(name):
            return _ABOVE_OTHERS + number
    return _CARD_ITSELF if _CARD.fullmatch(name) else _SOFTWARE


def _may_count(interface: Interface) -> bool:
    if not can_count(interface.name) or interface.kind in _NEVER_COUNTED_KINDS or (interface.flags or 0) & _LOOPBACK:
        return False
    if interface.number is None and not interface.address and _NEVER_COUNTED_ON_BSD.fullmatch(interface.name):
        return False
    return interface.kind not in _WITHOUT_LINK_LAYER or _MODEM.fullmatch(interface.name) is not None


def _is_bond(interface: Interface) -> bool:
    return interface.is_bond or bool((interface.flags or 0) & _MASTER) or _BOND.fullmatch(interface.name) is not None


_Narrowed = tuple[list[Interface], str]


def _without_azure_functions(interfaces: list[Interface], _: set[str]) -> _Narrowed:
    """Leave out Azure's virtual functions, if addresses are unknown.

    Their bytes also cross the card above, which the kernel named. Source: kernel, Documentation/networking/netvsc.rst.
    """
    if any(each.address for each in interfaces) or not any(_KERNEL_CARD.fullmatch(each.name) for each in interfaces):
        return interfaces, ""
    kept = [each for each in interfaces if not _AZURE_FUNCTION.fullmatch(each.name)]
    return kept, "" if len(kept) == len(interfaces) else "it is likely a second path to the same card"


def _without_equal_addresses(interfaces: list[Interface], of_masters: set[str]) -> _Narrowed:
    """Leave out slaves that have their master's address, unless it is a bond, and one of two with the same address.

    More than two interfaces with one address are ports of a switch or a server.
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
    """Return a sort key; lower keys are more likely to be the card itself."""
    return (
        _AZURE_FUNCTION.fullmatch(interface.name) is not None,
        _CARD.fullmatch(interface.name) is None,
        (interface.address_kind or _PERMANENT_ADDRESS) != _PERMANENT_ADDRESS,
        math.inf if interface.number is None else interface.number,
        interface.name,
    )


def _without_switch_ports(interfaces: list[Interface], _: set[str]) -> _Narrowed:
    """Leave out the ports of a switch beside their card, if the description does not link them."""
    ports = [each for each in interfaces if each.link is None and _SWITCH_PORT.fullmatch(each.name)]
    if len(ports) < 2 or not any(_KERNEL_CARD.fullmatch(each.name) for each in interfaces):
        return interfaces, ""
    return [each for each in interfaces if each not in ports], "they are likely ports of a switch behind that card"
