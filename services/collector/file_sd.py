"""Prometheus's files of targets: ``[{"targets": ["host:9100", …], "labels": {…}}]``, as YAML or JSON.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
"""

from collector.target_entries import Entry, TargetsError, discovered, host_and_port
from contract.runtime.quoted import quoted


def read_file_sd(document: list[object]) -> list[Entry]:
    """Return the targets of all groups, in their order; labels are not looked at.

    Raises:
        TargetsError: a group or a target is not valid.
    """
    return [entry for number, group in enumerate(document, 1) for entry in _group(group, f"group {number}")]


def _group(raw: object, where: str) -> list[Entry]:
    # A group without targets is one that Prometheus takes; a misspelt one must not end its nodes' alerts.
    if not isinstance(raw, dict) or not set(raw) <= {"targets", "labels"} or not isinstance(raw.get("targets"), list):
        raise TargetsError(f"{where}: {quoted(raw)} must say targets: [host:port, …], and labels at most")
    return [
        discovered(*host_and_port(target, f"{where}, target {number}"))
        for number, target in enumerate(raw["targets"], 1)
    ]
