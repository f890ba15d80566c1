"""Parse a targets file: ``nodes.yaml``, or a Prometheus file. The type of its document decides.

A Prometheus file is ``[{"targets": ["host:9100", …], "labels": {…}}]``, as YAML or JSON.
Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from collector.sentences import targets as sentences
from collector.sentences.files import yaml_invalid_or_ipv6
from collector.sentences.sentence import literal
from collector.targets.entry import (
    HTTP_FIELDS,
    LOCAL,
    NAME_LIMIT,
    PLAIN_HTTP,
    HttpOptions,
    TargetEntry,
    TargetsError,
    discovered_entry,
    host_and_port,
    located_at,
    read_http_options,
    usable_name,
)
from collector.targets.target import merge_entries
from collector.yaml_file import UnsupportedYaml, YamlError, line_of, read_yaml
from contract.messages import Coded, NodeRole
from runtime.quoting import cut, quoted

_NODES: Final = ("workers", "master")
#: Key of a file of simulated nodes, for instance for a demo.
_SIMULATED: Final = "simulated"
_KEYS: Final = (*_NODES, _SIMULATED)
_FIELDS: Final = ("host", "name", *HTTP_FIELDS)
#: Similarity, from 0 to 1, from which on an unknown word counts as a misspelling of a known word. The limit for keys is
#: higher because other unknown keys are ignored; unknown fields are always an error.
_KEY_SIMILARITY: Final = 0.75
_FIELD_SIMILARITY: Final = 0.6


def parse_entries(text: str) -> tuple[TargetEntry, ...]:
    """Parse a targets file; return one entry per address.

    Raises:
        TargetsError: the text is neither YAML nor JSON, an entry is not valid, or an address has two names.
    """
    document = _document(text)
    try:
        return tuple(merge_entries(read_file_sd(document) if isinstance(document, list) else read_nodes(document)))
    except TargetsError as error:
        line = line_of(text, error.position) if error.position else None
        if line is None:
            raise
        raise TargetsError(error.why, line) from None


def is_explicitly_empty(text: str) -> bool:
    """Whether a text without entries lists no nodes on purpose: ``workers: []``, or a list of groups.

    Raises:
        TargetsError: as ``parse_entries``.
    """
    document = _document(text)
    return isinstance(document, list) or has_empty_worker_list(document)


def _document(text: str) -> object:
    # JSON first if possible: the YAML reader does not support all JSON escapes.
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    try:
        return read_yaml(text)
    except UnsupportedYaml as error:
        raise TargetsError(error.why, error.line) from None
    except YamlError as error:
        why = error.why if error.line is None else yaml_invalid_or_ipv6(str(error.why.args["error"]))
        raise TargetsError(why, error.line) from None


def read_nodes(document: object) -> list[TargetEntry]:
    """Return the entries under ``workers`` and ``master``; ``simulated: true`` applies to all of them.

    Other keys are ignored. They are an error if they look misspelt, or if both ``workers`` and ``master`` are missing.

    Raises:
        TargetsError: an entry is not valid, or a key is misspelt.
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
    return [replace(entry, is_simulated=is_simulated) for entry in _listed(document)]


def _listed(document: dict[object, object]) -> list[TargetEntry]:
    raw_workers = document.get("workers")
    if raw_workers is None:
        raw_workers = []
    if not isinstance(raw_workers, list):
        with located_at("workers"):
            raise TargetsError(sentences.workers_not_a_list())
    workers: list[TargetEntry] = []
    for number, raw in enumerate(raw_workers):
        with located_at("workers", number):
            workers.append(_entry(raw, f"workers/{number + 1}", "worker"))
    raw_master = document.get("master")
    if raw_master is None:
        return workers
    with located_at("master"):
        master = _entry(raw_master, "master", "master")
    return _with_master(workers, master)


def has_empty_worker_list(document: object) -> bool:
    """Whether the document has ``workers: []``."""
    return isinstance(document, dict) and document.get("workers") == []


def _check_keys(document: dict[object, object]) -> None:
    unknown = [key for key in document if key not in _NODES]
    for key in unknown:
        if key == _SIMULATED:
            continue
        closest = _closest(key, _KEYS, _KEY_SIMILARITY)
        if closest and closest not in document:
            with located_at(str(key)):
                raise TargetsError(sentences.key_misspelt(quoted(key), closest))
    if unknown and len(unknown) == len(document):
        with located_at(str(unknown[0])):
            raise TargetsError(sentences.keys_unknown(quoted(unknown[0])))


def _entry(raw: object, where: str, role: NodeRole) -> TargetEntry:
    if not isinstance(raw, dict):
        return TargetEntry(*host_and_port(raw, where), None, role)
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
    entry = TargetEntry(*host_and_port(raw["host"], where), name, role, http=read_http_options(raw, where))
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


def _with_master(workers: list[TargetEntry], master: TargetEntry) -> list[TargetEntry]:
    """Add the master. If the master and the only worker on its host name one port between them, both get that port."""
    on_host = [i for i, worker in enumerate(workers) if worker.host.lower() == master.host.lower()]
    if len(on_host) == 1 and master.host != LOCAL:
        worker = workers[on_host[0]]
        if worker.port is None or master.port is None:
            port = worker.port or master.port
            workers = [*workers]
            workers[on_host[0]] = replace(worker, port=port)
            master = replace(master, port=port)
    return [*workers, master]


def read_file_sd(document: list[object]) -> list[TargetEntry]:
    """Return the targets of all groups, in order; ``__scheme__`` is the only label that is read.

    Raises:
        TargetsError: a group or a target is not valid.
    """
    entries: list[TargetEntry] = []
    for number, group in enumerate(document):
        with located_at(number):
            entries += _group(group, f"group/{number + 1}")
    return entries


def _group(raw: object, where: str) -> list[TargetEntry]:
    # Unlike in Prometheus, a group without targets is an error: a misspelt key must not end the alerts of the nodes.
    if not isinstance(raw, dict) or not set(raw) <= {"targets", "labels"} or not isinstance(raw.get("targets"), list):
        if isinstance(raw, dict):
            # The error does not contain the values: one may be a password.
            raise TargetsError(sentences.group_keys_wrong(where, cut(", ".join(map(quoted, list(raw)[:5])))))
        raise TargetsError(sentences.group_not_a_mapping(where, literal(raw)))
    http = _http_options(raw.get("labels"), where)
    entries: list[TargetEntry] = []
    for number, target in enumerate(raw["targets"]):
        with located_at("targets", number):
            entries.append(discovered_entry(*host_and_port(target, f"{where}/target/{number + 1}"), http))
    return entries


def _http_options(labels: object, where: str) -> HttpOptions:
    scheme = labels.get("__scheme__") if isinstance(labels, dict) else None
    with located_at("labels", "__scheme__"):
        return read_http_options({"scheme": scheme}, f"{where}/label/__scheme__")
