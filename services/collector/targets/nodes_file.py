"""Read the document of ``nodes.yaml``: ``workers`` and ``master``, in the file itself and in its groups."""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final

from collector.sentences import targets as sentences
from collector.sentences.sentence import literal
from collector.targets.entry import (
    HTTP_FIELDS,
    LOCAL,
    NAME_LIMIT,
    PLAIN_HTTP,
    TargetEntry,
    TargetsError,
    host_and_port,
    located_at,
    read_http_options,
    usable_name,
)
from collector.targets.labels import read_labels, with_group_labels
from collector.targets.ranges import Ranges, has_range
from contract.messages import Coded, Labels, NodeRole
from runtime.quoting import cut, quoted

_NODES: Final = ("workers", "master")
_GROUPS: Final = "groups"
#: Key of a file of simulated nodes, for instance for a demo.
_SIMULATED: Final = "simulated"
_KEYS: Final = (*_NODES, _GROUPS, _SIMULATED)
_GROUP_KEYS: Final = frozenset({*_NODES, "labels"})
_FIELDS: Final = ("host", "name", *HTTP_FIELDS, "labels")
#: Similarity, from 0 to 1, from which on an unknown word counts as a misspelling of a known word. The limit for keys is
#: higher because other unknown keys are ignored; unknown fields are always an error.
_KEY_SIMILARITY: Final = 0.75
_FIELD_SIMILARITY: Final = 0.6


def read_nodes(document: object) -> list[TargetEntry]:
    """Return the entries of the file and of its groups, workers first; ``simulated: true`` applies to all of them.

    Other keys are ignored. They are an error if they look misspelt, or if the file has no key with nodes.

    Raises:
        TargetsError: an entry or a group is not valid, or a key is misspelt.
    """
    if document is None:
        return []
    if not isinstance(document, dict):
        raise TargetsError(sentences.nodes_not_a_mapping())
    _check_keys(document)
    is_simulated = document.get(_SIMULATED, False)
    if not isinstance(is_simulated, bool):
        with located_at(_SIMULATED):
            raise TargetsError(sentences.simulated_not_a_flag(literal(is_simulated)))
    entries = _Reader().entries(document)
    return [replace(entry, is_simulated=True) for entry in entries] if is_simulated else entries


def lists_no_nodes_on_purpose(document: object) -> bool:
    """Whether every ``workers`` of a document without nodes is ``workers: []``, in the file and in its groups."""
    if not isinstance(document, dict):
        return False
    groups = document.get(_GROUPS)
    if groups is None:
        # The file may end here because its end is missing.
        return _GROUPS not in document and document.get("workers") == []
    holders = [document, *groups] if "workers" in document else groups
    return bool(holders) and all(holder.get("workers") == [] for holder in holders)


class _Reader:
    """Reads the entries of one document."""

    def __init__(self) -> None:
        self._ranges = Ranges()
        self._workers: list[TargetEntry] = []
        self._masters: list[TargetEntry] = []

    def entries(self, document: dict[str, Any]) -> list[TargetEntry]:
        self._read(document, "workers", "master", {})
        groups = document.get(_GROUPS)
        if groups is not None:
            with located_at(_GROUPS):
                self._read_groups(groups)
        for index, master in enumerate(self._masters):
            self._workers, self._masters[index] = _with_one_port(self._workers, master)
        return self._workers + self._masters

    def _read_groups(self, groups: object) -> None:
        if not isinstance(groups, list):
            raise TargetsError(sentences.groups_not_a_list())
        for number, group in enumerate(groups):
            where = f"group/{number + 1}"
            with located_at(number):
                if not isinstance(group, dict):
                    raise TargetsError(sentences.node_group_not_a_mapping(where, literal(group)))
                if not set(group) <= _GROUP_KEYS or not any(key in group for key in _NODES):
                    raise TargetsError(
                        sentences.node_group_keys_wrong(where, cut(", ".join(map(quoted, list(group)[:5]))))
                    )
                labels = with_group_labels({}, read_labels(group.get("labels"), where), where)
                self._read(group, f"{where}/entry", f"{where}/master", labels)

    def _read(self, holder: dict[str, Any], workers: str, master: str, labels: Labels) -> None:
        """Read ``workers`` and ``master`` of the file or of a group; ``workers``, ``master``: the names of both."""
        raw_workers = holder.get("workers")
        if raw_workers is None:
            raw_workers = []
        if not isinstance(raw_workers, list):
            with located_at("workers"):
                raise TargetsError(sentences.workers_not_a_list())
        for number, raw in enumerate(raw_workers):
            with located_at("workers", number):
                self._workers += self._entries(raw, f"{workers}/{number + 1}", "worker", labels)
        if holder.get("master") is not None:
            with located_at("master"):
                self._masters += self._entries(holder["master"], master, "master", labels)

    def _entries(self, raw: object, where: str, role: NodeRole, labels: Labels) -> list[TargetEntry]:
        """Return the entry, or the entries of all hosts of its ranges."""
        host = raw.get("host") if isinstance(raw, dict) else raw
        if not isinstance(host, str) or not has_range(host.strip()):
            return [_entry(raw, where, role, labels)]
        hosts = self._ranges.expand(host.strip(), where)
        if not isinstance(raw, dict):
            return [_entry(each, where, role, labels) for each in hosts]
        if raw.get("name") is not None:
            raise TargetsError(sentences.range_with_name(where))
        first = _entry({**raw, "host": hosts[0]}, where, role, labels)
        rest = [host_and_port(each, where) for each in hosts[1:]]
        return [first, *(replace(first, host=host, port=port) for host, port in rest)]


def _check_keys(document: dict[str, Any]) -> None:
    unknown = [key for key in document if key not in (*_NODES, _GROUPS)]
    for key in unknown:
        if key == _SIMULATED:
            continue
        closest = _closest(key, _KEYS, _KEY_SIMILARITY)
        # A key like "group" is a misspelling only if it has a list, because unknown keys are ignored.
        if closest and closest not in document and (closest != _GROUPS or isinstance(document[key], list)):
            with located_at(str(key)):
                raise TargetsError(sentences.key_misspelt(quoted(key), closest))
    if unknown and len(unknown) == len(document):
        with located_at(str(unknown[0])):
            raise TargetsError(sentences.keys_unknown(quoted(unknown[0])))


def _entry(raw: object, where: str, role: NodeRole, group_labels: Labels) -> TargetEntry:
    if not isinstance(raw, dict):
        return TargetEntry(*host_and_port(raw, where), None, role, labels=group_labels)
    for field in raw:
        if field not in _FIELDS:
            # The error does not contain the value, which may be a password.
            raise TargetsError(_unknown_field(field, where))
    if "host" not in raw:
        raise TargetsError(sentences.entry_without_host(where))
    given = raw.get("name")
    name = usable_name(given)
    if given is not None and name is None:
        raise TargetsError(sentences.entry_name_invalid(where, literal(given), NAME_LIMIT))
    host, port = host_and_port(raw["host"], where)
    http = read_http_options(raw, where)
    labels = with_group_labels(group_labels, read_labels(raw.get("labels"), where), where)
    entry = TargetEntry(host, port, name, role, http=http, labels=labels)
    if entry.is_local and entry.http != PLAIN_HTTP:
        raise TargetsError(sentences.entry_local_with_http(where))
    return entry


def _unknown_field(field: object, where: str) -> Coded:
    """Return the error for an unknown field: the field to write instead, or all fields."""
    name = str(field)
    if name in sentences.INSTEAD:
        return sentences.entry_field_of_others(where, name)
    closest = _closest(field, _FIELDS, _FIELD_SIMILARITY)
    if closest is not None:
        return sentences.entry_field_misspelt(where, quoted(field), closest)
    return sentences.entry_field_unknown(where, quoted(field), ", ".join(_FIELDS))


def _closest(word: object, known: Iterable[str], similarity: float) -> str | None:
    """Return the most similar known word; ``None`` if no known word is similar enough."""
    return next(iter(get_close_matches(str(word).lower()[:NAME_LIMIT], known, 1, similarity)), None)


def _with_one_port(workers: list[TargetEntry], master: TargetEntry) -> tuple[list[TargetEntry], TargetEntry]:
    """Return workers and master. If the master and the only worker on its host name one port, both get that port."""
    on_host = [i for i, worker in enumerate(workers) if worker.host.lower() == master.host.lower()]
    if len(on_host) == 1 and master.host != LOCAL:
        worker = workers[on_host[0]]
        if worker.port is None or master.port is None:
            port = worker.port or master.port
            workers = [*workers]
            workers[on_host[0]] = replace(worker, port=port)
            master = replace(master, port=port)
    return workers, master
