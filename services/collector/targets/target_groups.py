"""Prometheus' list of target groups, the document of ``file_sd`` files and of ``http_sd`` answers.

It is ``[{"targets": ["host:9100", …], "labels": {…}}]``.
Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
"""

from typing import NamedTuple

from collector.sentences import targets as sentences
from collector.sentences.sentence import literal
from collector.targets.entry import (
    HttpOptions,
    TargetEntry,
    TargetsError,
    discovered_entry,
    host_and_port,
    located_at,
    read_http_options,
)
from collector.targets.labels import LeftOutLabels, read_prometheus_labels
from collector.targets.target import merge_entries
from contract.messages import Coded
from runtime.quoting import cut, quoted


class TargetGroups(NamedTuple):
    """The entries of a document, one per address, with their labels; and the labels that are left out, if any."""

    entries: tuple[TargetEntry, ...]
    left_out: LeftOutLabels | None = None


def read_target_groups(document: list[object]) -> TargetGroups:
    """Return the targets of all groups, in order. Of the labels with two underscores, only ``__scheme__`` is read.

    Raises:
        TargetsError: a group or a target is not valid. A label is never a reason: it is left out.
    """
    entries: list[TargetEntry] = []
    reasons: list[Coded] = []
    for number, group in enumerate(document):
        with located_at(number):
            entries += _group(group, f"group/{number + 1}", reasons)
    left_out = LeftOutLabels(len(reasons), reasons[0]) if reasons else None
    return TargetGroups(tuple(merge_entries(entries)), left_out)


def _group(raw: object, where: str, reasons: list[Coded]) -> list[TargetEntry]:
    # Unlike in Prometheus, a group without targets is an error: a misspelt key must not end the alerts of the nodes.
    if not isinstance(raw, dict) or not set(raw) <= {"targets", "labels"} or not isinstance(raw.get("targets"), list):
        if isinstance(raw, dict):
            # The error does not contain the values: one may be a password.
            raise TargetsError(sentences.group_keys_wrong(where, cut(", ".join(map(quoted, list(raw)[:5])))))
        raise TargetsError(sentences.group_not_a_mapping(where, literal(raw)))
    http = _http_options(raw.get("labels"), where)
    labels, left_out = read_prometheus_labels(raw.get("labels"), where)
    reasons += left_out
    entries: list[TargetEntry] = []
    for number, target in enumerate(raw["targets"]):
        with located_at("targets", number):
            host, port = host_and_port(target, f"{where}/target/{number + 1}")
            entries.append(discovered_entry(host, port, http, labels))
    return entries


def _http_options(labels: object, where: str) -> HttpOptions:
    scheme = labels.get("__scheme__") if isinstance(labels, dict) else None
    with located_at("labels", "__scheme__"):
        return read_http_options({"scheme": scheme}, f"{where}/label/__scheme__")
