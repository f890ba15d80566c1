"""The nodes to scrape: makes targets from entries and gives each target a unique name."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from msgspec import json

from collector.sentences import targets as sentences
from collector.targets.entry import DEFAULT_PORT, LOCAL, PLAIN_HTTP, HttpOptions, TargetEntry, TargetsError
from collector.targets.labels import merge_discovered_labels, merge_listed_labels
from contract.messages import Labels, NodeRole
from contract.names import MESSAGE_LIMIT_BYTES
from runtime.quoting import cut

#: Maximum number of targets of one collector, so that their snapshot stays below the limit of a message.
TARGETS_LIMIT: Final = 4000
#: Maximum size of the names, addresses and labels of all targets, for the same reason.
NAMES_BYTES: Final = 1024 * 1024
#: Size of a node in a snapshot, without name, address and labels; ``"labels":{},`` counts.
NODE_BYTES: Final = 592


@dataclass(frozen=True)
class Target:
    """One node to scrape. ``node`` is its unique name, ``address`` is ``host:port``, or ``local``."""

    node: str
    address: str
    role: NodeRole
    host: str
    port: int
    #: ``node`` is the address until the node has reported its name.
    is_discovered: bool = False
    http: HttpOptions = PLAIN_HTTP
    #: Whether no machine exists behind the target.
    is_simulated: bool = False
    #: Sorted by name; targets of one group share them.
    labels: Labels = field(default_factory=dict, hash=False)

    @property
    def is_local(self) -> bool:
        """Whether the target is this machine."""
        return self.address == LOCAL


def name_targets(files: Iterable[Sequence[TargetEntry]], host_name: str) -> tuple[Target, ...]:
    """Return the targets of the entries of all files, sorted by name; discovered entries are left out.

    ``host_name``: the name of the entry ``local``.

    Raises:
        TargetsError: names conflict, there are too many targets, or their names and labels are too long together.
    """
    entries = merge_entries(entry for entry in chain.from_iterable(files) if not entry.is_discovered)
    if len(entries) > TARGETS_LIMIT:
        raise TargetsError(sentences.too_many_targets(len(entries), TARGETS_LIMIT))
    targets = _named(entries, host_name)
    names, labels, room = names_bytes(targets), labels_bytes(targets), room_for_names(len(targets))
    if names > room:
        raise TargetsError(sentences.names_too_long(names, room))
    if names + labels > room:
        raise TargetsError(sentences.names_and_labels_too_long(names, labels, room))
    return targets


def room_for_names(count: int) -> int:
    """Return the maximum size of the names, addresses and labels of ``count`` targets, in bytes."""
    return min(NAMES_BYTES, MESSAGE_LIMIT_BYTES - count * NODE_BYTES)


def names_bytes(targets: Iterable[Target]) -> int:
    """Return the size of the names and addresses of the targets, in bytes."""
    return sum(len(target.node.encode()) + len(target.address.encode()) for target in targets)


def labels_bytes(targets: Iterable[Target]) -> int:
    """Return the size of the labels of the targets in JSON, without the braces, in bytes."""
    return sum(len(json.encode(target.labels)) - len("{}") for target in targets if target.labels)


def discovered_targets(entries: Iterable[TargetEntry], listed: Iterable[Target]) -> list[Target]:
    """Return the targets of the discovered entries, in order; each address once, without the listed addresses.

    An address of several sources has the labels of all of them; the first value of a label counts.
    """
    known = {target.address.lower() for target in listed}
    targets: dict[str, Target] = {}
    for entry in entries:
        address = entry.address
        key = address.lower()
        if not entry.is_discovered or key in known:
            continue
        previous = targets.get(key)
        if previous is not None:
            if entry.labels:
                targets[key] = replace(previous, labels=merge_discovered_labels(previous.labels, entry.labels))
            continue
        port = entry.port or DEFAULT_PORT
        targets[key] = Target(
            address, address, entry.role, entry.host, port, is_discovered=True, http=entry.http, labels=entry.labels
        )
    return list(targets.values())


def merge_entries(entries: Iterable[TargetEntry]) -> list[TargetEntry]:
    """Return one entry per address; an address under both ``workers`` and ``master`` is the master.

    The labels of a discovered address never conflict, because other programs write them for Prometheus, which has two
    targets then: the first value of a label counts.

    Raises:
        TargetsError: an address has two names, two different sets of HTTP options, or two values of a label.
    """
    by_address: dict[str, TargetEntry] = {}
    for entry in entries:
        key = entry.address.lower()
        previous = by_address.get(key)
        if previous is None:
            by_address[key] = entry
            continue
        if previous.name and entry.name and previous.name != entry.name:
            raise TargetsError(sentences.two_names(entry.address, cut(previous.name), cut(entry.name)))
        if PLAIN_HTTP not in (previous.http, entry.http) and previous.http != entry.http:
            raise TargetsError(sentences.two_ways(entry.address))
        role: NodeRole = "master" if "master" in (previous.role, entry.role) else "worker"
        http = entry.http if previous.http == PLAIN_HTTP else previous.http
        is_simulated = previous.is_simulated or entry.is_simulated
        name = previous.name or entry.name
        if previous.is_discovered:
            labels = merge_discovered_labels(previous.labels, entry.labels)
        else:
            labels = merge_listed_labels(entry.address, previous.labels, entry.labels)
        by_address[key] = replace(previous, name=name, role=role, http=http, is_simulated=is_simulated, labels=labels)
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
            is_host_unique = entry.is_local or (hosts[host.lower()] == 1 and port == DEFAULT_PORT)
            name = host if is_host_unique and host not in given else entry.address
            if name in given:
                raise TargetsError(sentences.no_name_left(entry.address, cut(name)))
        port = entry.port or DEFAULT_PORT
        simulated, labels = entry.is_simulated, entry.labels
        targets.append(
            Target(
                name, entry.address, entry.role, entry.host, port,
                http=entry.http, is_simulated=simulated, labels=labels,
            )
        )  # fmt: skip
    return tuple(sorted(targets, key=lambda target: target.node))
