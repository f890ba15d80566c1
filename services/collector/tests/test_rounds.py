import dataclasses
import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

import contract
from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.alerts.flapping import NODE_ENTRIES
from collector.alerts.message import restore_alerts
from collector.alerts.rules import parse_rules
from collector.fleet import ClusterState
from collector.rounds import REPEAT_SECONDS, Rounds
from collector.sentences.failures import certificate_of_another_name
from collector.sentences.sentence import english
from collector.targets.target import TARGETS_LIMIT
from contract.codec import decode
from contract.messages import Alerts, Firing, Health, RulesInForce, Snapshot
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL
from contract.scripts import Lease
from runtime.clock import unix_seconds

GOLDEN = Path(contract.__file__).parent / "golden" / "messages"
LEASE = Lease("me", "lab", 2.0)


@pytest.fixture
def nodes():
    return decode((GOLDEN / "metrics.json").read_bytes(), Snapshot).nodes


@pytest.fixture
def new_rounds(at):
    def make(epoch=1795426867, position="1795426867-6", alerts=None, now=at(0)):  # noqa: B008 (a constant)
        return Rounds(
            LEASE, epoch=epoch, position=position, alerts=alerts or {}, targets_path=Path("/nodes.yaml"), now=now
        )

    return make


@pytest.fixture
def state(nodes):
    def make(*observations, rules="node_down: {for_seconds: 0}", problems=(), nodes=nodes, is_simulated=False):
        return ClusterState(nodes, observations, parse_rules(rules), problems, is_simulated=is_simulated)

    return make


def test_snapshot_is_marked_simulated_when_a_node_is(new_rounds, state, at):
    rounds = new_rounds()

    def simulated(is_simulated, seconds):
        published = rounds.next_round(state(is_simulated=is_simulated), at(seconds)).messages[METRICS_CHANNEL]
        return decode(published, Snapshot).simulated

    assert [simulated(*given) for given in ((False, 0), (True, 2), (False, 4))] == [False, True, False]


def test_restored_alert_is_published_unchanged_when_its_rule_is_unknown(new_rounds, state, online, at):
    message = msgspec.json.decode((GOLDEN / "alerts.json").read_bytes())
    unknown = message["active_alerts"][0] | {"id": "quorum//racks", "rule": "quorum", "node": "", "about": {"n": 1}}
    known = message["active_alerts"][1] | {"silenced": True}
    raw = msgspec.json.encode(message | {"active_alerts": [unknown, known]})
    rounds = new_rounds(alerts=restore_alerts(raw, at(0)))

    def active(*observations):
        published = rounds.next_round(state(*observations), at(REPEAT_SECONDS)).messages[ALERTS_CHANNEL]
        decode(published, Alerts)
        return msgspec.json.decode(published)["active_alerts"]

    # The node of the second alert is unknown first, and is evaluated later.
    unseen = ObservedNode(known["node"], "unknown", None, None)
    assert active(unseen) == sorted([unknown, known], key=lambda alert: alert["id"])
    assert active(online(known["node"])) == [unknown]


def test_rules_in_force_are_published_after_a_change_and_periodically(new_rounds, state, online, at):
    def told(seconds, rules, confirmed=True):
        publication = rounds.next_round(state(online(), rules=rules), at(seconds))
        if confirmed:
            rounds.confirm()
        return publication.rules and decode(publication.rules, RulesInForce)

    rounds, rules = new_rounds(), "memory: {threshold: 95, clear: 92}"

    first = told(0, rules, confirmed=False)
    assert (first.epoch, first.seq) == (rounds.epoch, 1)
    [memory] = [rule for rule in first.rules if rule.name == "memory"]
    assert (memory.enabled, memory.severity, memory.threshold, memory.clear) == (True, "warning", 95, 92)
    assert len(first.rules) == len(parse_rules(""))
    # Redis did not accept the rules first, and accepts them later.
    assert told(2, rules) is not None
    assert told(4, rules) is None
    assert told(6, "cpu: {enabled: true}") is not None
    assert told(8, "cpu: {enabled: true}") is None
    assert told(6 + REPEAT_SECONDS, "cpu: {enabled: true}") is not None


def channels(publication):
    return [channel.removeprefix("cluster:") for channel in publication.messages]


def alerts_of(publication):
    return decode(publication.messages[ALERTS_CHANNEL], Alerts)


def test_active_alerts_are_the_golden_ones_when_the_same_conditions_hold(
    new_rounds, state, offline, online, filesystem, at
):
    rules = """
node_down: {for_seconds: 60, severity: critical, match: {node: pi*}}
filesystem_full: {for_seconds: 60}
rack_down: {metric: offline_share, by: rack, threshold: 20, severity: critical}
"""
    down, full = offline("pi-é.lan:9200"), online(filesystems=(filesystem("/boot", 91.5),))
    full = dataclasses.replace(full, labels={"rack": "a", "zone": "north"})
    lost = dataclasses.replace(offline("node7.lan"), labels={"rack": "a"})
    rounds, written = new_rounds(), "2026-11-23T09:41:07.120Z"

    def moment(text):
        return CurrentTime(unix_seconds(text), unix_seconds(text))

    rounds.next_round(state(down, rules=rules), moment("2026-11-23T09:40:01.500Z"))
    rounds.next_round(state(down, full, lost, rules=rules), moment("2026-11-23T09:41:05.120Z"))
    message = alerts_of(rounds.next_round(state(down, full, lost, rules=rules), moment(written)))

    golden = decode((GOLDEN / "alerts.json").read_bytes(), Alerts)
    assert message.active_alerts == golden.active_alerts
    assert message.alert_count == golden.alert_count
    # The golden message carries the firing of the same alert.
    firing = next(entry for entry in message.entries if entry.transition == "firing")
    assert msgspec.structs.replace(firing, id="1795426867-7", timestamp=written) == golden.entries[0]


def test_round_publishes_metrics_health_and_alerts_when_it_is_the_first(new_rounds, state, at):
    publication = new_rounds().next_round(state(), at(0))

    assert channels(publication) == ["metrics", "health", "alerts"]
    assert (publication.epoch, publication.seq, publication.lease) == (1795426867, 1, LEASE)
    for raw in publication.messages.values():
        head = json.loads(raw)
        assert (head["v"], head["cluster"], head["epoch"], head["seq"]) == (1, "lab", 1795426867, 1)


def test_round_publishes_only_metrics_when_health_and_alerts_are_unchanged(new_rounds, state, at):
    rounds = new_rounds()
    rounds.next_round(state(), at(0))
    rounds.confirm()

    publication = rounds.next_round(state(), at(2))

    assert (channels(publication), publication.seq) == (["metrics"], 2)


def test_round_repeats_health_and_alerts_when_their_last_publication_is_old(new_rounds, state, at):
    rounds = new_rounds()
    rounds.next_round(state(), at(0))
    rounds.confirm()
    assert channels(rounds.next_round(state(), at(REPEAT_SECONDS - 1))) == ["metrics"]

    publication = rounds.next_round(state(), at(REPEAT_SECONDS))

    assert channels(publication) == ["metrics", "health", "alerts"]
    assert alerts_of(publication).entries == ()
    assert alerts_of(publication).previous_alert_id == alerts_of(publication).last_alert_id == "1795426867-6"


def test_round_publishes_due_messages_again_when_the_previous_round_was_not_confirmed(new_rounds, state, offline, at):
    rounds = new_rounds()
    rounds.next_round(state(), at(0))
    rounds.confirm()

    first = rounds.next_round(state(offline(), problems=["The rules file is broken."]), at(2))
    second = rounds.next_round(state(offline(), problems=["The rules file is broken."]), at(4))

    assert channels(first) == channels(second) == ["metrics", "health", "alerts"]
    assert (first.seq, second.seq) == (2, 3)
    assert first.entries == second.entries
    assert [entry.id for entry in alerts_of(second).entries] == ["1795426867-1"]
    assert alerts_of(second).previous_alert_id == "1795426867-6"
    rounds.confirm()
    assert channels(rounds.next_round(state(offline(), problems=["The rules file is broken."]), at(6))) == ["metrics"]


def test_round_publishes_alerts_and_health_when_only_a_severity_changed(new_rounds, state, offline, at):
    rounds = new_rounds()
    rounds.next_round(state(offline()), at(0))
    rounds.confirm()

    publication = rounds.next_round(state(offline(), rules="node_down: {for_seconds: 0, severity: info}"), at(2))

    assert channels(publication) == ["metrics", "health", "alerts"]
    assert decode(publication.messages[HEALTH_CHANNEL], Health).firing == Firing(info=1)
    assert alerts_of(publication).active_alerts[0].severity == "info"
    assert alerts_of(publication).active_alerts[0].type == "info"


def test_round_publishes_health_when_only_an_error_changed(new_rounds, state, nodes, at):
    rounds = new_rounds()
    rounds.next_round(state(), at(0))
    rounds.confirm()
    changed = [msgspec.structs.replace(node, error=node.error and "HTTP 500") for node in nodes]

    publication = rounds.next_round(state(nodes=changed), at(2))

    assert channels(publication) == ["metrics", "health"]
    assert json.loads(publication.messages[HEALTH_CHANNEL])["issues"] == ["pi-é.lan:9200 is offline: HTTP 500"]


def test_rounds_keep_alerts_when_redis_was_emptied(new_rounds, state, offline, at):
    rounds = new_rounds()
    rounds.next_round(state(offline()), at(0))
    rounds.confirm()
    rounds.next_round(state(offline(), offline("b")), at(2))

    rounds.renew(epoch=1795426999, position=None, now=at(4))
    publication = rounds.next_round(state(offline(), offline("b")), at(4))

    message = alerts_of(publication)
    assert (publication.epoch, publication.seq) == (1795426999, 1)
    assert channels(publication) == ["metrics", "health", "alerts"]
    # Entries of the emptied log are not repeated, but pending entries are.
    assert [(entry.id, entry.transition, entry.node) for entry in message.entries] == [
        ("1795426999-1", "started", None),
        ("1795426999-2", "firing", "b"),
    ]
    assert [alert.node for alert in message.active_alerts] == ["b", "node6.lan"]
    assert message.previous_alert_id is None
    assert [name for name, _ in publication.entries] == ["1795426999-1", "1795426999-2"]


def test_snapshot_has_the_nodes_of_the_state_when_they_are_published(new_rounds, state, nodes, at):
    publication = new_rounds().next_round(state(ObservedNode("x", "unknown", None, None)), at(0))

    assert decode(publication.messages[METRICS_CHANNEL], Snapshot).nodes == nodes


def test_snapshot_fits_a_message_when_all_of_very_many_nodes_are_offline_for_a_long_reason(
    new_rounds, state, nodes, at
):
    # Given reasons that are too long to send as texts and as codes
    why = certificate_of_another_name(f"{'h' * 60}.lan")
    [offline, *_] = [node for node in nodes if node.status == "offline"]
    many = tuple(
        replace(offline, node=f"{number:04}{'n' * 60}", error=english(why), error_coded=why)
        for number in range(TARGETS_LIMIT)
    )

    raw = new_rounds().next_round(state(nodes=many), at(0)).messages[METRICS_CHANNEL]

    # Then the message fits, and lacks only the codes
    assert len(raw) <= MESSAGE_LIMIT_BYTES
    assert {(node.error, node.error_coded) for node in decode(raw, Snapshot).nodes} == {(english(why), None)}
    few = new_rounds().next_round(state(nodes=many[:9]), at(0)).messages[METRICS_CHANNEL]
    assert [node.error_coded for node in decode(few, Snapshot).nodes] == [why] * 9


def test_round_fits_a_message_when_some_nodes_have_very_many_alerts(new_rounds, state, online, filesystem, at):
    # Given a node with one alert among many nodes with the maximum of alerts
    rules = "filesystem_full: {for_seconds: 0}\nfilesystem_readonly: {for_seconds: 0}"
    mounts = [f"/{number:03}{'m' * 250}" for number in range(64)]
    hostile = [
        online(f"a{number}", filesystems=tuple(filesystem(mount, 100.0, readonly=True) for mount in mounts))
        for number in range(60)
    ]
    well = online("well", filesystems=(filesystem("/", 100.0),))
    rounds = new_rounds()

    publication = rounds.next_round(state(*hostile, well, rules=rules), at(0))

    # Then each message fits, and reports omitted alerts
    assert all(len(message) <= MESSAGE_LIMIT_BYTES for message in publication.messages.values())
    alerts = alerts_of(publication)
    assert alerts.alert_count == 60 * 64 + 1
    assert len(alerts.active_alerts) < alerts.alert_count
    assert "filesystem_full/well//" in [alert.id for alert in alerts.active_alerts]
    assert {alert.node for alert in alerts.active_alerts} == {seen.node for seen in (*hostile, well)}
    left_out = alerts.alert_count - len(alerts.active_alerts)
    health = decode(publication.messages[HEALTH_CHANNEL], Health)
    assert (
        health.issues[0] == f"{left_out:,} alerts are missing from the lists, because the size of a message is limited"
    )
    # And the log has the maximum of entries for each node
    assert len(publication.entries) == 60 * NODE_ENTRIES + 1
