import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import contract
from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.alerts.evaluate import evaluate
from collector.alerts.message import restore_alerts
from collector.alerts.rules import parse_rules
from collector.fleet import cluster_state, previous_nodes, restore_nodes
from collector.node_state import NodeState
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from contract.codec import decode
from contract.messages import Alerts, Snapshot
from runtime.clock import unix_seconds

GOLDEN = Path(contract.__file__).parent / "golden" / "messages"
METRICS = (GOLDEN / "metrics.json").read_bytes()
ALERTS = (GOLDEN / "alerts.json").read_bytes()
NOW = unix_seconds("2026-11-23T09:41:10.000Z")
#: The rule of the golden alert of a group.
RACK_DOWN = "rack_down: {metric: offline_share, by: rack, threshold: 20, severity: critical}\n"


@pytest.fixture
def state(target):
    def make(host, port=9100, **fields):
        return NodeState(target(host, port, **fields), unix_seconds=NOW, interval_seconds=2.0)

    return make


def golden_node(name):
    return next(node for node in decode(METRICS, Snapshot).nodes if node.node == name)


def sample(seconds=0.0):
    return Sample(monotonic_seconds=seconds, load1=0.7)


def test_node_keeps_its_status_and_values_when_a_collector_takes_over(state):
    node = state("node6.lan", labels=golden_node("node6.lan").labels)

    restore_nodes(previous_nodes(METRICS), [node])

    assert node.as_node() == golden_node("node6.lan")
    assert not node.is_recent


def test_labels_are_those_of_the_targets_file_when_a_collector_takes_over(state):
    node = state("node6.lan", labels={"rack": "99"})

    restore_nodes(previous_nodes(METRICS), [node])

    assert node.as_node() == msgspec.structs.replace(golden_node("node6.lan"), labels={"rack": "99"})


def test_status_since_stays_when_the_first_scrape_finds_the_same_status(state):
    online, offline = state("node6.lan"), state("pi-é.lan", 9200, node="pi-é.lan:9200")
    restore_nodes(previous_nodes(METRICS), [online, offline])

    assert not online.update(sample(), unix_seconds=NOW)
    assert not offline.update(ScrapeFailed("http", failures.http_status(500)), unix_seconds=NOW)

    assert online.as_node().status_since == golden_node("node6.lan").status_since
    assert (online.as_node().load1, online.as_node().memory_usage) == (0.7, None)
    assert offline.as_node().status_since == golden_node("pi-é.lan:9200").status_since
    assert offline.as_node().error == "HTTP 500"


def test_status_changes_when_the_first_scrape_finds_another_status(state):
    node = state("node6.lan")
    restore_nodes(previous_nodes(METRICS), [node])

    assert node.update(ScrapeFailed("connect", failures.connection_refused()), unix_seconds=NOW)

    written = node.as_node()
    assert (written.status, written.is_healthy, written.error) == ("offline", False, "connection refused")
    assert written.status_since == "2026-11-23T09:41:10.000Z"
    assert (written.cpu_count, written.memory_total_bytes, written.boot_time) == (None, None, None)


def test_own_scrapes_count_when_they_precede_the_takeover(state):
    same, other = state("node6.lan"), state("pi-é.lan", 9200)
    same.update(sample(), unix_seconds=NOW)
    other.update(sample(), unix_seconds=NOW)

    restore_nodes(previous_nodes(METRICS), [same, other])

    assert (same.as_node().load1, same.as_node().status_since) == (0.7, golden_node("node6.lan").status_since)
    assert (other.as_node().status, other.as_node().status_since) == ("online", "2026-11-23T09:41:10.000Z")


def test_own_scrapes_do_not_count_when_this_process_was_paused_since(state, monkeypatch):
    node = state("node6.lan", labels=golden_node("node6.lan").labels)
    node.update(ScrapeFailed("connect", failures.connection_refused()), unix_seconds=NOW)
    assert node.is_recent
    seen_at = time.monotonic()

    monkeypatch.setattr(time, "monotonic", lambda: seen_at + 7)
    assert not node.is_recent
    [observation] = cluster_state([node], parse_rules(""), []).observations
    assert observation.status == "unknown"
    restore_nodes(previous_nodes(METRICS), [node])

    assert node.as_node() == golden_node("node6.lan")
    node.update(sample(), unix_seconds=NOW)
    assert (node.is_recent, node.as_node().load1) == (True, 0.7)


def test_name_and_role_come_from_the_targets_file_when_they_changed_meanwhile(state):
    node = state("node6.lan", node="head", role="master")

    restore_nodes(previous_nodes(METRICS), [node])

    own = {"node": "head", "role": "master", "labels": {}}
    assert node.as_node() == msgspec.structs.replace(golden_node("node6.lan"), **own)


@pytest.mark.parametrize("raw", [None, b"", b"{", b"{}", METRICS.replace(b'"online"', b'"fine"')])
def test_node_is_unknown_when_there_is_no_readable_message(state, raw):
    node = state("node6.lan")

    restore_nodes(previous_nodes(raw), [node])

    assert node.as_node().status == "unknown"
    assert restore_alerts(raw, CurrentTime(0.0, NOW)) == {}


def test_alerts_continue_without_a_transition_when_a_collector_takes_over(online, offline, filesystem):
    rules = parse_rules(f"filesystem_full: {{for_seconds: 60}}\n{RACK_DOWN}")
    full = replace(online(filesystems=(filesystem("/boot", 91.5),)), labels={"rack": "a"})
    gone = ObservedNode("node7.lan", "unknown", None, None, labels={"rack": "a"})
    now = CurrentTime(5.0, NOW)

    restored = restore_alerts(ALERTS, now)
    alerts, transitions = evaluate(restored, rules, [offline("pi-é.lan:9200"), full, gone, gone, gone], now)

    assert transitions == []
    assert [(alert.id, alert.state, alert.since) for alert in alerts.values()] == [
        ("node_down/pi-é.lan:9200", "firing", "2026-11-23T09:40:01.500Z"),
        ("filesystem_full/node6.lan//boot", "pending", "2026-11-23T09:41:05.120Z"),
        ("rack_down//rack=a", "pending", "2026-11-23T09:41:05.120Z"),
    ]
    golden = {alert.id: (alert.labels, alert.subject) for alert in decode(ALERTS, Alerts).active_alerts}
    assert {alert.id: (alert.labels, alert.subject) for alert in alerts.values()} == golden


@pytest.mark.parametrize(("peak_field", "peak"), [({"peak": 99.0}, 99.0), ({"peak": None}, 91.5), ({}, 91.5)])
def test_peak_stays_when_a_collector_takes_over(online, filesystem, peak_field, peak):
    # Given an alert at 91.5 % of a collector with or without peak values
    message = msgspec.json.decode(ALERTS)
    [alert] = [alert for alert in message["active_alerts"] if alert["rule"] == "filesystem_full"]
    del alert["peak"]
    raw = msgspec.json.encode(message | {"active_alerts": [alert | peak_field]})

    restored = restore_alerts(raw, CurrentTime(0.0, NOW))
    alerts, _ = evaluate(
        restored, parse_rules(""), [online(filesystems=(filesystem("/boot", 90.0),))], CurrentTime(1.0, NOW)
    )

    assert [(alert.value, alert.peak, alert.since) for alert in alerts.values()] == [
        (90.0, peak, "2026-11-23T09:41:05.120Z")
    ]


@pytest.mark.parametrize("written", [{}, {"labels": {}}, {"labels": {"rack": "a"}}])
def test_alert_takes_labels_when_the_previous_collector_wrote_none(offline, written):
    message = msgspec.json.decode(ALERTS)
    [alert] = [alert for alert in message["active_alerts"] if alert["rule"] == "node_down"]
    del alert["labels"]
    raw = msgspec.json.encode(message | {"active_alerts": [alert | written]})
    restored = restore_alerts(raw, CurrentTime(0.0, NOW))
    down = [replace(offline("pi-é.lan:9200"), labels={"rack": rack}) for rack in "bc"]

    for seconds, seen in enumerate(down, 1):
        restored, transitions = evaluate(restored, parse_rules(""), [seen], CurrentTime(seconds, NOW))
        assert transitions == []

    labels = written.get("labels", {"rack": "b"})
    assert [each.labels for each in restored.values()] == [labels]
    # Also when the first reading ends the alert.
    up = ObservedNode("pi-é.lan:9200", "online", None, None, labels={"rack": "b"})
    _, [end] = evaluate(restore_alerts(raw, CurrentTime(0.0, NOW)), parse_rules(""), [up], CurrentTime(99.0, NOW))
    assert (end.kind, end.alert.labels) == ("resolved", labels)


def test_pending_alert_fires_in_time_when_a_collector_takes_over(online, filesystem):
    rules = parse_rules("filesystem_full: {for_seconds: 60}")
    full = online(filesystems=(filesystem("/boot", 91.5),))
    restored = restore_alerts(ALERTS, CurrentTime(0.0, NOW))  # pending for 4.88 s

    pending = {key: alert for key, alert in restored.items() if alert.node == "node6.lan"}
    _, early = evaluate(pending, rules, [full], CurrentTime(55.0, NOW))
    _, due = evaluate(pending, rules, [full], CurrentTime(55.2, NOW))

    assert [transition.kind for transition in early] == []
    assert [transition.kind for transition in due] == ["firing"]


def test_pending_alert_does_not_fire_early_when_the_clock_was_set_back():
    restored = restore_alerts(ALERTS, CurrentTime(100.0, NOW - 86_400))

    assert {alert.since_monotonic_seconds for alert in restored.values()} == {100.0}


def later_release(**fields):
    """Return an alerts message with one alert of a collector of a later release."""
    alert = {
        "id": "throttled/node6.lan/cpu0",
        "rule": "throttled",
        "node": "node6.lan",
        "severity": "warning",
        "type": "warning",
        "state": "firing",
        "value": 3.0,
        "message": "node6.lan is throttled",
        "since": "2026-11-23T09:40:01.500Z",
        "labels": {"rack": "a"},
        "silenced": False,
    } | fields
    return alert, msgspec.json.encode(msgspec.json.decode(ALERTS) | {"active_alerts": [alert]})


OF_A_GROUP = {"id": "quorum//racks", "rule": "quorum", "node": "", "subject": {"kind": "group", "name": "racks"}}


@pytest.mark.parametrize("fields", [{}, OF_A_GROUP])
def test_alert_of_an_unknown_rule_stays_as_it_was_published_when_a_collector_takes_over(online, offline, fields):
    alert, raw = later_release(**fields)
    alerts = restore_alerts(raw, CurrentTime(0.0, NOW))

    for seconds, seen in ((1, online()), (2, offline()), (86_400, online())):
        alerts, transitions = evaluate(
            alerts, parse_rules("node_down: {enabled: false}"), [seen], CurrentTime(seconds, NOW)
        )
        assert transitions == []

    [kept] = alerts.values()
    assert kept.id == alert["id"]
    assert kept.published is not None
    assert msgspec.json.decode(bytes(kept.published)) == alert


@pytest.mark.parametrize("fields", [{}, OF_A_GROUP])
def test_alert_of_an_unknown_rule_ends_after_a_day_without_evaluation(online, fields):
    alert, raw = later_release(**fields)

    alerts, [transition] = evaluate(
        restore_alerts(raw, CurrentTime(0.0, NOW)), parse_rules(""), [online()], CurrentTime(86_401.0, NOW + 86_401)
    )

    assert alerts == {}
    assert (transition.kind, transition.alert.id) == ("resolved", alert["id"])
    assert transition.alert.message.endswith(f"this collector does not know the rule {alert['rule']}")
    assert transition.alert.message.startswith(alert["node"])


def test_alert_of_an_unknown_rule_ends_when_its_node_is_no_longer_a_target(online):
    _, raw = later_release()

    _, [transition] = evaluate(
        restore_alerts(raw, CurrentTime(0.0, NOW)), parse_rules(""), [online("other")], CurrentTime(1.0, NOW)
    )

    assert transition.alert.message == "node6.lan is no longer a target"


def test_restored_alert_of_a_known_rule_ends_when_the_rule_is_switched_off(online):
    _, raw = later_release(id="memory/node6.lan", rule="memory")

    _, [transition] = evaluate(
        restore_alerts(raw, CurrentTime(0.0, NOW)),
        parse_rules("memory: {enabled: false}"),
        [online()],
        CurrentTime(1.0, NOW),
    )

    assert transition.alert.message == "node6.lan: the rule memory is switched off"


def test_alerts_are_resolved_when_their_node_is_no_longer_a_target():
    restored = restore_alerts(ALERTS, CurrentTime(0.0, NOW))

    _, transitions = evaluate(restored, parse_rules(""), [], CurrentTime(0.0, NOW))

    assert sorted((transition.kind, transition.alert.node) for transition in transitions) == [
        ("resolved", ""),
        ("resolved", "node6.lan"),
        ("resolved", "pi-é.lan:9200"),
    ]
