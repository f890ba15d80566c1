"""The nodes to scrape: the targets that entries make, and what the nodes are called."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from collector.sentences import targets as sentences
from collector.targets.entry import DEFAULT_PORT, LOCAL, PLAIN_HTTP, HttpOptions, TargetEntry, TargetsError
from contract.messages import NodeRole
from contract.names import MESSAGE_LIMIT_BYTES
from runtime.quoting import cut

#: Targets that one collector takes: their snapshot stays below the limit of a message.
TARGETS_LIMIT: Final = 4000
#: Bytes that the names and addresses of all of them may take at most, for the same reason.
NAMES_BYTES: Final = 1024 * 1024
#: Bytes of a node in a snapshot without its name and address.
NODE_BYTES: Final = 580


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


def name_targets(files: Iterable[Sequence[TargetEntry]], host_name: str) -> tuple[Target, ...]:
    """Return the targets that the entries of all files list, in the order of names; discovered ones are left out.

    ``host_name`` is this machine's, the name of the entry ``local``.

    Raises:
        TargetsError: names clash, or there are too many targets, or their names are too long together.
    """
    entries = merged(entry for entry in chain.from_iterable(files) if not entry.is_discovered)
    if len(entries) > TARGETS_LIMIT:
        raise TargetsError(sentences.too_many_targets(len(entries), TARGETS_LIMIT))
    targets = _named(entries, host_name)
    size, room = names_bytes(targets), room_for_names(len(targets))
    if size > room:
        raise TargetsError(sentences.names_too_long(size, room))
    return targets


def room_for_names(count: int) -> int:
    """Return how many bytes the names and addresses of so many targets may take."""
    return min(NAMES_BYTES, MESSAGE_LIMIT_BYTES - count * NODE_BYTES)


def names_bytes(targets: Iterable[Target]) -> int:
    """Return how many bytes the names and addresses take."""
    return sum(len(target.node.encode()) + len(target.address.encode()) for target in targets)


def discovered_targets(entries: Iterable[TargetEntry], listed: Iterable[Target]) -> list[Target]:
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


def merged(entries: Iterable[TargetEntry]) -> list[TargetEntry]:
    """Return one entry for each address; an address under both ``workers`` and ``master`` is the master.

    Raises:
        TargetsError: an address has two names, or is to be asked in two ways.
    """
    by_address: dict[str, TargetEntry] = {}
    for entry in entries:
        key = entry.address.lower()
        former = by_address.get(key)
        if former is None:
            by_address[key] = entry
            continue
        if former.name and entry.name and former.name != entry.name:
            raise TargetsError(sentences.two_names(entry.address, cut(former.name), cut(entry.name)))
        if PLAIN_HTTP not in (former.http, entry.http) and former.http != entry.http:
            raise TargetsError(sentences.two_ways(entry.address))
        role: NodeRole = "master" if "master" in (former.role, entry.role) else "worker"
        http = entry.http if former.http == PLAIN_HTTP else former.http
        is_simulated = former.is_simulated or entry.is_simulated
        name = former.name or entry.name
        by_address[key] = replace(former, name=name, role=role, http=http, is_simulated=is_simulated)
    return list(by_address.values())


def _named(entries: list[TargetEntry], host_name: str) -> tuple[Target, ...]:
    given = Counter(entry.name for entry in entries if entry.name)
    for given_name, count in given.items():
        if count > 1:
            raise TargetsError(sentences.name_given_twice(cut(given_name), count))
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
                raise TargetsError(sentences.no_name_left(entry.address, cut(name)))
        port = entry.port or DEFAULT_PORT
        targets.append(
            Target(name, entry.address, entry.role, entry.host, port, http=entry.http, is_simulated=entry.is_simulated)
        )
    return tuple(sorted(targets, key=lambda target: target.node))
