import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import contract
from collector.alerts.active_alert import CurrentTime
from collector.alerts.message import restore_alerts
from collector.alerts.rules import parse_rules
from collector.fleet import cluster_state
from collector.health import build_health
from collector.node_state import NodeState
from collector.rounds import build_snapshot
from collector.sentences.issues import collector_hangs, no_file_matches
from contract.codec import decode, encode
from contract.messages import Firing, Health, Snapshot

GOLDEN = Path(contract.__file__).parent / "golden" / "messages"
HEAD = {"cluster": "lab", "epoch": 1795426867, "seq": 4211, "timestamp": "2026-11-23T09:41:07.120Z"}


@pytest.fixture
def nodes():
    """The nodes of the golden snapshot, in another order."""
    return decode((GOLDEN / "metrics.json").read_bytes(), Snapshot).nodes[::-1]


def test_snapshot_is_the_golden_one_for_the_golden_nodes(nodes):
    snapshot = build_snapshot(nodes, **HEAD, interval_seconds=2.0)

    assert json.loads(encode(snapshot)) == json.loads((GOLDEN / "metrics.json").read_text())


@pytest.mark.parametrize("simulated", [(), ("b",), ("a", "b")])
def test_cluster_state_is_simulated_when_any_node_is(target, simulated):
    targets = [replace(target(name), is_simulated=name in simulated) for name in ("a", "b")]
    states = [NodeState(each, unix_seconds=0.0, interval_seconds=2.0) for each in targets]

    assert cluster_state(states, parse_rules(""), []).is_simulated == bool(simulated)


def test_averages_are_of_online_nodes_that_know_the_value_when_some_do_not(nodes):
    online = next(node for node in nodes if node.status == "online")
    other = msgspec.structs.replace(online, node="b", cpu_usage=None, memory_usage=20.05, temperature=None)

    stats = build_snapshot([*nodes, other], **HEAD, interval_seconds=2.0).cluster_stats

    assert (stats.total_nodes, stats.online_nodes) == (4, 2)
    assert (stats.avg_cpu, stats.avg_memory, stats.avg_temperature) == (12.3, 34.0, 51.2)


def test_averages_are_unknown_when_there_are_no_nodes():
    stats = build_snapshot([], **HEAD, interval_seconds=2.0).cluster_stats

    assert (stats.total_nodes, stats.avg_cpu, stats.avg_disk) == (0, None, None)


@pytest.fixture
def alerts():
    """The golden alerts; the critical one fires."""
    return list(restore_alerts((GOLDEN / "alerts.json").read_bytes(), CurrentTime(0.0, 0.0)).values())


def health(nodes, problems=(), alerts=()):
    return build_health(nodes, problems, alerts, targets_path=Path("/etc/nodes.yaml"), **HEAD)


def test_health_is_the_golden_one_for_the_golden_nodes_and_alerts(nodes, alerts):
    assert health(nodes, alerts=alerts) == decode((GOLDEN / "health.json").read_bytes(), Health)


@pytest.mark.parametrize(
    ("firing", "pending", "counts", "worst"),
    [
        ([], ["critical"], Firing(), None),
        (["info", "warning", "warning"], ["critical"], Firing(warning=2, info=1), "warning"),
        (["info", "critical"], [], Firing(critical=1, info=1), "critical"),
        (["info"], [], Firing(info=1), "info"),
    ],
)
def test_health_counts_firing_alerts_and_names_the_worst_when_some_are_active(alerts, firing, pending, counts, worst):
    active = [replace(alerts[0], severity=severity, state="firing") for severity in firing]
    active += [replace(alerts[0], severity=severity, state="pending") for severity in pending]

    message = health([], alerts=active)

    assert (message.firing, message.worst_firing_severity) == (counts, worst)


def test_health_names_the_file_and_the_exporter_when_there_are_no_targets():
    message = health([])

    assert message.overall_status == "unknown"
    assert message.issues == (
        "No targets: list your nodes in /etc/nodes.yaml, for instance: workers: [node1.lan, node2.lan]. "
        "On each of them, install the exporter with: sudo apt-get install -y prometheus-node-exporter",
    )


def test_health_names_the_command_for_an_exporter_when_no_node_answers(nodes):
    offline = [node for node in nodes if node.status == "offline"]

    message = health(offline)

    assert message.overall_status == "critical"
    assert message.issues == (
        "No node answers: install the exporter on each node with: sudo apt-get install -y prometheus-node-exporter "
        "(targets are in /etc/nodes.yaml)",
        "pi-é.lan:9200 is offline: connection refused",
    )


def test_health_names_no_command_for_an_exporter_when_all_failing_nodes_have_one(nodes):
    [down] = [node for node in nodes if node.status == "offline"]
    why = "HTTP 401: the user name or the password is wrong"

    message = health([msgspec.structs.replace(down, error=why)])

    assert message.issues == (f"pi-é.lan:9200 is offline: {why}",)


def test_health_lists_the_first_issues_and_counts_the_others_when_there_are_very_many(nodes):
    down = next(node for node in nodes if node.status == "offline")
    many = [msgspec.structs.replace(down, node=f"node{number:03}") for number in range(999)]

    issues = health(many, [no_file_matches("/etc/nodes/*.yaml")]).issues

    assert len(issues) == 21
    assert issues[0] == "No file matches /etc/nodes/*.yaml"
    assert issues[2] == "node000 is offline: connection refused"
    assert issues[20] == "… and 981 more"


def test_health_lists_remarks_on_online_nodes_last(nodes):
    message = build_health(
        nodes, (), (), targets_path=Path("/etc/nodes.yaml"), remarks=[collector_hangs("pi", "filesystem")], **HEAD
    )

    assert message.issues[-1] == (
        "pi lacks values: the filesystem collector of its exporter hangs "
        "(often because the server of a mount is unreachable)"
    )
    assert message.overall_status == health(nodes).overall_status
