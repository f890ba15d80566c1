"""The labels of a node: read from a targets file, checked and merged."""

import datetime
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from collector.sentences import targets as sentences
from collector.targets.entry import TargetsError, located_at
from contract.messages import LABELS_BYTES, Coded, Labels
from runtime.quoting import cut, quoted

#: Names that Prometheus accepts in every release.
#: Source: https://prometheus.io/docs/concepts/data_model/
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
#: Prometheus keeps names with this prefix for itself.
_RESERVED: Final = "__"


class LeftOutLabels(NamedTuple):
    """Labels of a Prometheus document that no node has: their number, and why the first label is left out."""

    labels: int
    why: Coded


def labels_bytes(labels: Mapping[str, str]) -> int:
    """Return the size of all names and values in UTF-8."""
    return sum(len(name) + len(value.encode()) for name, value in labels.items())


def read_labels(raw: object, where: str) -> Labels:
    """Return the labels of an entry or a group of ``nodes.yaml``; empty values stay, because they remove labels.

    Raises:
        TargetsError: a label is not valid; the text does not contain its value.
    """
    if raw is None:
        return {}
    with located_at("labels"):
        if not isinstance(raw, dict):
            raise TargetsError(sentences.labels_not_a_mapping(where))
        for name, value in raw.items():
            why = _invalid_reason(name, value, where)
            if why is not None:
                with located_at(name):
                    raise TargetsError(why)
        _check_size(raw, where)
    return raw


def with_group_labels(group: Labels, own: Labels, where: str) -> Labels:
    """Return the labels of an entry: the entry's own labels win. A label with an empty value is no label.

    Raises:
        TargetsError: the labels are too long together.
    """
    if not own:
        return group
    labels = _without_empty({**group, **own})
    with located_at("labels"):
        _check_size(labels, where)
    return labels


def read_prometheus_labels(raw: object, where: str) -> tuple[Labels, list[Coded]]:
    """Return the labels of a group of a Prometheus document, and for each label that is left out, why.

    A label never makes the document invalid: other programs write these documents, for Prometheus. Labels with two
    leading underscores are Prometheus' own.
    """
    labels: Labels = {}
    reasons: list[Coded] = []
    if not isinstance(raw, dict):
        return labels, [] if raw is None else [sentences.labels_not_a_mapping(where)]
    left_bytes = LABELS_BYTES
    for name, value in sorted(raw.items()):
        if name.startswith(_RESERVED) or value == "":
            continue
        why = _invalid_reason(name, value, where)
        if why is None:
            left_bytes -= labels_bytes({name: value})
            if left_bytes >= 0:
                labels[name] = value
                continue
            left_bytes += labels_bytes({name: value})
            why = sentences.label_without_room(where, cut(name), LABELS_BYTES)
        reasons.append(why)
    return labels, reasons


def merge_listed_labels(address: str, first: Labels, second: Labels) -> Labels:
    """Return the labels of an address that is listed twice.

    Raises:
        TargetsError: a label has two values, or the labels are too long together.
    """
    if not first or not second or first == second:
        return first or second
    for name in sorted(first.keys() & second.keys()):
        if first[name] != second[name]:
            raise TargetsError(sentences.two_label_values(address, name, first[name], second[name]))
    labels = _without_empty({**first, **second})
    _check_size(labels, address)
    return labels


def merge_discovered_labels(first: Labels, second: Labels) -> Labels:
    """Return the labels of an address that is discovered twice; the first value counts, and labels without room go."""
    if not first or not second or first == second:
        return first or second
    labels = dict(first)
    for name, value in second.items():
        if name not in labels and labels_bytes(labels) + labels_bytes({name: value}) <= LABELS_BYTES:
            labels[name] = value
    return dict(sorted(labels.items()))


def _without_empty(labels: Labels) -> Labels:
    return {name: value for name, value in sorted(labels.items()) if value}


def _check_size(labels: Labels, where: str) -> None:
    size = labels_bytes(labels)
    if size > LABELS_BYTES:
        raise TargetsError(sentences.labels_too_long(where, size, LABELS_BYTES))


def _invalid_reason(name: str, value: object, where: str) -> Coded | None:
    if not _NAME.fullmatch(name):
        return sentences.label_name_invalid(where, quoted(name))
    if name.startswith(_RESERVED):
        return sentences.label_reserved(where, cut(name))
    if not isinstance(value, str):
        return sentences.label_not_a_text(where, cut(name), _kind(value))
    if not value.isprintable():
        return sentences.label_not_printable(where, cut(name))
    return None


def _kind(value: object) -> str:
    """Return what YAML made of a value without quotes: a key of ``sentences.VALUE_KINDS``."""
    match value:
        case None:
            return "empty"
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case datetime.date():  # datetime is a subclass
            return "date"
        case list():
            return "list"
    return "mapping"
