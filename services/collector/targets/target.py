"""The nodes to scrape: the entries that name them, each checked by itself, and what the nodes are called."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from yarl import URL

from collector.http_options import PLAIN_HTTP, HttpOptions
from collector.targets.error import TargetsError
from collector.texts import targets as texts
from collector.texts.sentence import literal
from contract.messages import Coded, NodeRole
from contract.names import MESSAGE_LIMIT_BYTES
from runtime.quoted import cut, quoted

#: Targets that one collector takes: their snapshot stays below the limit of a message.
TARGETS_LIMIT: Final = 4000
#: Bytes that the names and addresses of all of them may take at most, for the same reason.
NAMES_BYTES: Final = 1024 * 1024
#: Bytes of a node in a snapshot without its name and address.
NODE_BYTES: Final = 580
DEFAULT_PORT: Final = 9100
#: The entry, and the address, of this machine.
LOCAL: Final = "local"
#: Longest host or name, in characters.
NAME_LIMIT: Final = 253
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
#: Zone of a link-local address: a number, or an interface's name. ``ipaddress`` takes any text, however long, for one.
_ZONE = re.compile(r"[A-Za-z0-9._~-]{1,32}", re.ASCII)
# Of ASCII, a name has letters, digits, and "-", "." and "_" alone: all else is of a URL, a pattern, or a variable that
# nobody has filled in.
_NOT_IN_A_HOST = re.compile(r"[\s\x00-,/:-@\[-^`{-\x7f]")


@dataclass(frozen=True)
class Entry:
    """One entry. ``port`` is ``None`` where it names none, ``name`` where it gives none."""

    host: str
    port: int | None
    name: str | None
    role: NodeRole
    #: Found by the machinery of others (a Prometheus file, DNS): the node is called what it calls itself.
    is_discovered: bool = False
    http: HttpOptions = PLAIN_HTTP
    #: No machine stands behind it: its file says ``simulated: true``.
    is_simulated: bool = False

    @property
    def is_local(self) -> bool:
        """Whether it is this machine."""
        return self.host == LOCAL and self.port is None

    @property
    def address(self) -> str:
        """``host:port`` with an IPv6 address in brackets, or ``local``."""
        if self.is_local:
            return LOCAL
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port or DEFAULT_PORT}"


def discovered(host: str, port: int | None, http: HttpOptions = PLAIN_HTTP) -> Entry:
    """Return the entry of a discovered target."""
    # With its port always: a host that is called local is not this machine.
    return Entry(host, port or DEFAULT_PORT, None, "worker", is_discovered=True, http=http)


def usable_name(raw: object) -> str | None:
    """Return ``raw`` without spaces around it if a node may be called so, else ``None``."""
    if not isinstance(raw, str) or not raw.strip() or not raw.isprintable() or len(raw) > NAME_LIMIT:
        return None
    return raw.strip()


def host_and_port(raw: object, where: str) -> tuple[str, int | None]:
    """Return host and port of ``host`` or ``host:port``; the port is ``None`` where there is none.

    Raises:
        TargetsError: it is neither; ``where`` is the part of the file that gives it.
    """
    if isinstance(raw, list):
        raise TargetsError(texts.host_is_a_list(where, literal(raw)))
    if isinstance(raw, dict):
        raise TargetsError(texts.host_is_a_mapping(where))
    if not isinstance(raw, str):
        raise TargetsError(texts.host_not_a_text(where, literal(raw)))
    text = raw.strip()
    if "@" in text:
        # What stands before it is a password in many a URL, and is not repeated.
        text = "…" + text[text.rindex("@") :]
    if "?" in text:
        # Nor is what stands behind it, which may be a token.
        text = text[: text.index("?")] + "?…"
    if "://" in raw:
        is_https = raw.lstrip().startswith("https:")
        raise TargetsError((texts.host_is_an_https_url if is_https else texts.host_is_a_url)(where, quoted(text)))
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or not _is_ipv6(host):
            raise TargetsError(texts.host_not_ipv6(where, quoted(text)))
        port = _port(rest[1:], text, where) if rest else None
    elif _is_ipv6(text):
        host, port = text, None
    else:
        host, colon, rest = text.partition(":")
        if not host or len(host) > NAME_LIMIT or _NOT_IN_A_HOST.search(host) or not _can_be_looked_up(host):
            raise TargetsError(texts.host_invalid(where, quoted(text)))
        port = _port(rest, text, where) if colon else None
    why = _why_never(host, where)
    if why is not None:
        raise TargetsError(why)
    return host, port


def _port(port: str, text: str, where: str) -> int:
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
        raise TargetsError(texts.port_invalid(where, quoted(text)))
    return int(port)


def _is_ipv6(text: str) -> bool:
    _, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _why_never(host: str, where: str) -> Coded | None:
    """Say why no connection to such an address can ever be made; ``None`` where one can, or ``host`` is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if all(_NUMBER.fullmatch(part) for part in host.removesuffix(".").split(".")):
            return texts.host_not_ipv4(where, quoted(host))
        return None
    # Linux takes 0.0.0.0 for this machine; the rest of 0.0.0.0/8 leads nowhere.
    v4 = address if isinstance(address, ipaddress.IPv4Address) else address.ipv4_mapped
    is_nowhere = v4 is not None and (0 < int(v4) < 1 << 24 or v4.is_multicast or int(v4) == (1 << 32) - 1)
    if address.is_multicast or is_nowhere:
        return texts.host_of_no_machine(where, quoted(host))
    if isinstance(address, ipaddress.IPv6Address) and address.is_link_local and address.scope_id is None:
        return texts.host_without_interface(where, host)
    return None


def _can_be_looked_up(host: str) -> bool:
    try:
        host.encode("idna")
        URL.build(scheme="http", host=host)
    except ValueError:  # a UnicodeError is one too
        return False
    return True


@dataclass(frozen=True)
class Target:
    """One node to scrape. ``node`` is its unique name, ``address`` is ``host:port``, or ``local``."""

    node: str
    address: str
    role: NodeRole
    host: str
    port: int
    #: ``node`` is the address then, until the node has said what it is called.
    is_discovered: bool = False
    http: HttpOptions = PLAIN_HTTP
    #: No machine stands behind it.
    is_simulated: bool = False

    @property
    def is_local(self) -> bool:
        """Whether it is this machine."""
        return self.address == LOCAL


def name_targets(files: Iterable[Sequence[Entry]], host_name: str) -> tuple[Target, ...]:
    """Return the targets that the entries of all files list, in the order of names; discovered ones are left out.

    ``host_name`` is this machine's, the name of the entry ``local``.

    Raises:
        TargetsError: names clash, or there are too many targets, or their names are too long together.
    """
    entries = merged(entry for entry in chain.from_iterable(files) if not entry.is_discovered)
    if len(entries) > TARGETS_LIMIT:
        raise TargetsError(texts.too_many_targets(len(entries), TARGETS_LIMIT))
    targets = _named(entries, host_name)
    size, room = names_bytes(targets), room_for_names(len(targets))
    if size > room:
        raise TargetsError(texts.names_too_long(size, room))
    return targets


def room_for_names(count: int) -> int:
    """Return how many bytes the names and addresses of so many targets may take."""
    return min(NAMES_BYTES, MESSAGE_LIMIT_BYTES - count * NODE_BYTES)


def names_bytes(targets: Iterable[Target]) -> int:
    """Return how many bytes the names and addresses take."""
    return sum(len(target.node.encode()) + len(target.address.encode()) for target in targets)


def discovered_targets(entries: Iterable[Entry], listed: Iterable[Target]) -> list[Target]:
    """Return the targets of the discovered among ``entries``, in their order, each address once and no listed one."""
    known = {target.address.lower() for target in listed}
    targets: list[Target] = []
    for entry in entries:
        address = entry.address
        key = address.lower()
        if entry.is_discovered and key not in known:
            known.add(key)
            port = entry.port or DEFAULT_PORT
            targets.append(Target(address, address, entry.role, entry.host, port, is_discovered=True, http=entry.http))
    return targets


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """Return one entry for each address; an address under both ``workers`` and ``master`` is the master.

    Raises:
        TargetsError: an address has two names, or is to be asked in two ways.
    """
    by_address: dict[str, Entry] = {}
    for entry in entries:
        key = entry.address.lower()
        former = by_address.get(key)
        if former is None:
            by_address[key] = entry
            continue
        if former.name and entry.name and former.name != entry.name:
            raise TargetsError(texts.two_names(entry.address, cut(former.name), cut(entry.name)))
        if PLAIN_HTTP not in (former.http, entry.http) and former.http != entry.http:
            raise TargetsError(texts.two_ways(entry.address))
        role: NodeRole = "master" if "master" in (former.role, entry.role) else "worker"
        http = entry.http if former.http == PLAIN_HTTP else former.http
        is_simulated = former.is_simulated or entry.is_simulated
        name = former.name or entry.name
        by_address[key] = replace(former, name=name, role=role, http=http, is_simulated=is_simulated)
    return list(by_address.values())


def _named(entries: list[Entry], host_name: str) -> tuple[Target, ...]:
    given = Counter(entry.name for entry in entries if entry.name)
    for given_name, count in given.items():
        if count > 1:
            raise TargetsError(texts.name_given_twice(cut(given_name), count))
    hosts = Counter((host_name if entry.is_local else entry.host).lower() for entry in entries)
    targets: list[Target] = []
    for entry in entries:
        name = entry.name
        if name is None:
            host = host_name if entry.is_local else entry.host
            port = entry.port or DEFAULT_PORT
            alone = entry.is_local or (hosts[host.lower()] == 1 and port == DEFAULT_PORT)
            name = host if alone and host not in given else entry.address
            if name in given:
                raise TargetsError(texts.no_name_left(entry.address, cut(name)))
        port = entry.port or DEFAULT_PORT
        targets.append(
            Target(name, entry.address, entry.role, entry.host, port, http=entry.http, is_simulated=entry.is_simulated)
        )
    return tuple(sorted(targets, key=lambda target: target.node))
