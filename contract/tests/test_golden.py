"""Every golden example is exactly what its type writes, and every type has one."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract import events, messages, node_events, rest
from contract.codec import encode
from contract.messages import Argument, Coded  # noqa: F401 (an argument may be coded)

GOLDEN = Path(__file__).parents[1] / "golden"


class SaidExample(msgspec.Struct):
    """A code of the collector's and its English text, which the collector's own tests hold together."""

    code: str
    args: dict[str, Argument]
    text: str


TYPES: dict[str, Any] = {
    "codes": tuple[SaidExample, ...],
    "messages/metrics": messages.Snapshot,
    "messages/health": messages.Health,
    "messages/alerts": messages.Alerts,
    "messages/rules": messages.RulesInForce,
    "messages/log_entry": messages.LogEntry,
    "messages/log_started": messages.LogEntry,
    "messages/log_pended": messages.LogEntry,
    "messages/incident": messages.Incident,
    "messages/node_event": node_events.NodeEvent,
    "events/root.connection_confirmed": events.ConnectionConfirmed,
    "events/root.redis_cluster_metrics": messages.Snapshot,
    "events/root.redis_cluster_health": messages.Health,
    "events/root.redis_cluster_alerts": messages.Alerts,
    "events/health.health_connected": events.HealthConnected,
    "events/health.health_update": messages.Health,
    "events/health.health_response": events.HealthResponse,
    "events/monitoring.monitoring_connected": events.MonitoringConnected,
    "events/monitoring.cluster_status_response": events.ClusterStatusResponse,
    "events/monitoring.nodes_status_response": events.NodesStatusResponse,
    "events/monitoring.subscribe_to_updates": events.Subscription,
    "events/monitoring.subscribed_to_updates": events.SubscribedToUpdates,
    "events/monitoring.cluster_metrics": messages.Snapshot,
    "events/monitoring.cluster_metrics_delta": messages.Delta,
    "events/monitoring.alerts_update": messages.Alerts,
    "events/error": events.Error,
    "rest/health_report": rest.HealthReport,
    "rest/health_report_redis_down": rest.HealthReport,
    "rest/overview": rest.Overview,
    "rest/nodes": tuple[messages.Node, ...],
    "rest/node": messages.Node,
    "rest/alert_log_page": rest.AlertLogPage,
    "rest/incidents_page": rest.IncidentsPage,
    "rest/history": rest.History,
    "rest/history_top": rest.HistoryTop,
    "rest/history_moment": rest.HistoryMoment,
    "rest/history_marks": rest.HistoryMarks,
    "rest/problem": rest.Problem,
    "rest/problem_limit_exceeded": rest.Problem,
    "rest/session": rest.SessionReport,
    "rest/session_open": rest.SessionReport,
    "rest/published": rest.Published,
}


def test_golden_examples_are_all_typed() -> None:
    found = {str(path.relative_to(GOLDEN).with_suffix("")) for path in GOLDEN.rglob("*.json")}
    assert {name for name in found if not name.startswith("deltas/")} == set(TYPES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_type_decodes_and_encodes_its_golden_example_unchanged(name: str) -> None:
    raw = (GOLDEN / f"{name}.json").read_bytes()
    message = msgspec.json.decode(raw, type=TYPES[name], strict=True)
    written = json.loads(encode(message))
    assert written == json.loads(raw)


def test_every_event_has_a_golden_example() -> None:
    constants = {
        value
        for name, value in vars(events).items()
        if name.isupper() and isinstance(value, str) and not name.endswith("NAMESPACE")
    }
    constants |= set(events.EVENT_OF_CHANNEL.values())
    constants -= set(events.EVENT_OF_CHANNEL)
    constants -= {events.REQUEST_HEALTH, events.REQUEST_CLUSTER_STATUS, events.REQUEST_NODES_STATUS}  # without argument
    examples = {path.stem.rpartition(".")[2] for path in (GOLDEN / "events").glob("*.json")}
    assert examples == constants
