"""The nodes to scrape, what they are called and where their exporters listen."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from collector.target_entries import DEFAULT_PORT, LOCAL, Entry, TargetsError, read_entries
from contract.messages import NodeRole

#: Targets that one collector takes: their snapshot stays below the limit of a message.
TARGETS_LIMIT: Final = 4000


@dataclass(frozen=True)
class Target:
    """One node to scrape. ``node`` is its unique name, ``address`` is ``host:port``, or ``local``."""

    node: str
    address: str
    role: NodeRole
    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether it is this machine."""
        return self.address == LOCAL


def parse_entries(text: str) -> tuple[Entry, ...]:
    """Read a targets file; return one entry for each address.

    Raises:
        TargetsError: the text is not YAML, an entry is not valid, or an address has two names.
    """
    workers, master = read_entries(text)
    return tuple(_merged(workers if master is None else _with_master(workers, master)))


def name_targets(files: Iterable[Sequence[Entry]], host_name: str) -> tuple[Target, ...]:
    """Return the targets of the entries of all files, in the order of names.

    ``host_name`` is this machine's, the name of the entry ``local``.

    Raises:
        TargetsError: names clash, or there are too many targets.
    """
    entries = _merged(chain.from_iterable(files))
    if len(entries) > TARGETS_LIMIT:
        raise TargetsError(f"{len(entries)} targets are more than the {TARGETS_LIMIT} that one collector takes")
    return _named(entries, host_name)


def _with_master(workers: list[Entry], master: Entry) -> list[Entry]:
    """Add the master; where only one of it and the one worker of its host names a port, that port is both's."""
    of_host = [i for i, worker in enumerate(workers) if worker.host.lower() == master.host.lower()]
    if len(of_host) == 1 and master.host != LOCAL:
        worker = workers[of_host[0]]
        if worker.port is None or master.port is None:
            port = worker.port or master.port
            workers = [*workers]
            workers[of_host[0]] = replace(worker, port=port)
            master = replace(master, port=port)
    return [*workers, master]


def _merged(entries: Iterable[Entry]) -> list[Entry]:
    """Return one entry for each address; an address under both ``workers`` and ``master`` is the master."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        key = entry.address.lower()
        former = merged.get(key)
        if former is None:
            merged[key] = entry
            continue
        if former.name and entry.name and former.name != entry.name:
            raise TargetsError(f"{entry.address} has two names: {former.name!r} and {entry.name!r}")
        role: NodeRole = "master" if "master" in (former.role, entry.role) else "worker"
        merged[key] = replace(former, name=former.name or entry.name, role=role)
    return list(merged.values())


def _named(entries: list[Entry], host_name: str) -> tuple[Target, ...]:
    given = Counter(entry.name for entry in entries if entry.name)
    for given_name, count in given.items():
        if count > 1:
            raise TargetsError(f"the name {given_name!r} is given to {count} nodes")
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
                raise TargetsError(f"{entry.address} has no name left: {name!r} is given to another node")
        targets.append(Target(name, entry.address, entry.role, entry.host, entry.port or DEFAULT_PORT))
    return tuple(sorted(targets, key=lambda target: target.node))
