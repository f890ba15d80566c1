"""Reads and writes the alert log of an installation."""

from typing import Any

from tests.drivers.installation import Installation
from tests.drivers.waiting import eventually

#: A node without an exporter, in the collector's own pod.
MISSING_NODE = {"host": "127.0.0.1:1", "name": "gone"}


def entries(deployment: Installation) -> list[dict[str, Any]]:
    """Return all entries, oldest first."""
    found: list[dict[str, Any]] = deployment.rest.json("/api/alerts/log?limit=1000")["entries"]
    return found


def make_alerts(deployment: Installation) -> list[dict[str, Any]]:
    """Let an alert fire and end; return the log."""
    known = len(entries(deployment))
    deployment.set_nodes([MISSING_NODE])
    fires = lambda: any(each["transition"] == "firing" for each in entries(deployment)[known:])  # noqa: E731
    eventually(fires, within_seconds=60, what="an alert fires")
    deployment.set_nodes([])
    ends = lambda: entries(deployment)[-1]["transition"] == "resolved"  # noqa: E731
    eventually(ends, within_seconds=60, what="the alert has ended")
    return entries(deployment)


def require_kept(deployment: Installation, log: list[dict[str, Any]]) -> None:
    """Check that the log keeps ``log`` as its beginning, and that it was started once."""
    assert log
    eventually(lambda: entries(deployment)[: len(log)] == log, within_seconds=60, what="the log is kept")
    assert [each["transition"] for each in entries(deployment)].count("started") == 1
