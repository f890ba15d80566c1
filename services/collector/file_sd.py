"""Prometheus's files of targets: ``[{"targets": ["host:9100", …], "labels": {…}}]``, as YAML or JSON.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
"""

from collector.http_options import HttpOptions, read_http_options
from collector.said import targets as said
from collector.said.literal import literal
from collector.target_entries import Entry, discovered, host_and_port
from collector.targets_error import TargetsError, within
from runtime.quoted import cut, quoted


def read_file_sd(document: list[object]) -> list[Entry]:
    """Return the targets of all groups, in their order; of the labels, ``__scheme__`` alone is looked at.

    Raises:
        TargetsError: a group or a target is not valid.
    """
    entries: list[Entry] = []
    for number, group in enumerate(document):
        with within(number):
            entries += _group(group, f"group/{number + 1}")
    return entries


def _group(raw: object, where: str) -> list[Entry]:
    # A group without targets is one that Prometheus takes; a misspelt one must not end its nodes' alerts.
    if not isinstance(raw, dict) or not set(raw) <= {"targets", "labels"} or not isinstance(raw.get("targets"), list):
        if isinstance(raw, dict):
            # The values are not repeated: one may be a password.
            raise TargetsError(said.group_keys_wrong(where, cut(", ".join(map(quoted, list(raw)[:5])))))
        raise TargetsError(said.group_not_a_mapping(where, literal(raw)))
    http = _http(raw.get("labels"), where)
    entries: list[Entry] = []
    for number, target in enumerate(raw["targets"]):
        with within("targets", number):
            entries.append(discovered(*host_and_port(target, f"{where}/target/{number + 1}"), http))
    return entries


def _http(labels: object, where: str) -> HttpOptions:
    scheme = labels.get("__scheme__") if isinstance(labels, dict) else None
    with within("labels", "__scheme__"):
        return read_http_options({"scheme": scheme}, f"{where}/label/__scheme__")
