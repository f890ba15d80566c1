"""``nodes.yaml``: the nodes that people list."""

from dataclasses import replace

from collector.target_entries import LOCAL, NAME_LIMIT, Entry, TargetsError, host_and_port, usable_name
from contract.messages import NodeRole
from contract.runtime.quoted import quoted


def read_nodes(document: object) -> list[Entry]:
    """Return the entries under ``workers`` and the one under ``master``. Other keys are not looked at.

    Raises:
        TargetsError: an entry is not valid.
    """
    if document is None:
        return []
    if not isinstance(document, dict):
        raise TargetsError("it must say workers: [host, host:port, …] and master: host")
    raw_workers = document.get("workers")
    if raw_workers is None:
        raw_workers = []
    if not isinstance(raw_workers, list):
        raise TargetsError("workers must be a list, for instance: workers: [node1.lan, node2.lan]")
    workers = [_entry(raw, f"workers, entry {number}", "worker") for number, raw in enumerate(raw_workers, 1)]
    master = document.get("master")
    return workers if master is None else _with_master(workers, _entry(master, "master", "master"))


def _entry(raw: object, where: str, role: NodeRole) -> Entry:
    if not isinstance(raw, dict):
        return Entry(*host_and_port(raw, where), None, role)
    if "host" not in raw or not set(raw) <= {"host", "name"}:
        raise TargetsError(f"{where}: {quoted(raw)} takes the fields host (which may be host:port) and name, no others")
    given = raw.get("name")
    name = usable_name(given)
    if given is not None and name is None:
        raise TargetsError(f"{where}: name {quoted(given)} is not a text of up to {NAME_LIMIT} printable characters")
    return Entry(*host_and_port(raw["host"], where), name, role)


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
