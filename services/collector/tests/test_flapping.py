"""The log entries of flapping alerts, over many rounds and takeovers."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.alerts.flapping import FLAPPING_TIMES, NODE_ENTRIES, RECENT_BYTES, WINDOW_SECONDS
from collector.alerts.message import restore_alerts, restore_flap_damping
from collector.alerts.rules import parse_rules
from collector.fleet import ClusterState
from collector.measures import Measures
from collector.rounds import Rounds
from contract.codec import decode, encode
from contract.messages import Alerts, Health, Incident, LogEntry
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL
from contract.scripts import Lease
from runtime.clock import unix_seconds

START = 1_795_426_800.0
INTERVAL = 2.0
DOWN = "node_down/node6.lan"
UP = ObservedNode("node6.lan", "online", None, Measures())
OFFLINE = ObservedNode("node6.lan", "offline", None, None)
UNSEEN = ObservedNode("node6.lan", "unknown", None, None)
#: An alert fires in the first round, or never.
AT_ONCE = "node_down: {for_seconds: 0}"
NEVER = "node_down: {for_seconds: 1000}"
#: Fields that a collector of the previous release does not write.
NEW_FIELDS = {"flapping", "logged", "recent_firings", "recent_pendings"}


class Log:
    """Makes rounds, confirms each of them, and keeps the entries of the log and of the stream of incidents."""

    def __init__(self, rules=AT_ONCE):
        self.rules = rules
        self.entries = []
        self.incidents = []
        self.seconds = 0.0
        self._epoch = 0
        self.raw = None
        self.take_over()

    def take_over(self, *, raw=None):
        """Let another collector continue from the last message."""
        raw = self.raw if raw is None else raw
        # Each process has its own monotonic clock.
        self._epoch += 1
        now = self._now()
        alerts = restore_alerts(raw, now)
        self.rounds = Rounds(
            Lease("me", "lab", INTERVAL),
            epoch=self._epoch,
            position=f"{self._epoch - 1}-0",
            alerts=alerts,
            targets_path=Path("/nodes.yaml"),
            now=now,
            damping=restore_flap_damping(raw, alerts, now),
        )

    def make_round(self, *observations, passed=INTERVAL):
        """Make a round ``passed`` seconds after the last one; return the new log entries."""
        self.seconds += passed
        state = ClusterState((), observations, parse_rules(self.rules), ())
        publication = self.rounds.next_round(state, self._now())
        self.rounds.confirm()
        self.raw = publication.messages.get(ALERTS_CHANNEL, self.raw)
        self.health = publication.messages.get(HEALTH_CHANNEL)
        added = [decode_entry(raw) for _, raw in publication.entries]
        self.entries += added
        self.incidents += [msgspec.json.decode(raw, type=Incident) for raw in publication.incidents.values()]
        return [(entry.transition, entry.alert_id) for entry in added]

    def flap(self, times):
        """Let the node go offline and come back ``times`` times."""
        return [error_text for _ in range(times) for seen in (OFFLINE, UP) for error_text in self.make_round(seen)]

    def wait(self, seen, seconds):
        """Make rounds without any change; return the new log entries."""
        return [error_text for _ in range(round(seconds / INTERVAL)) for error_text in self.make_round(seen)]

    @property
    def active(self):
        """State and flapping count of each active alert in the last message."""
        message = decode(self.raw, Alerts)
        return {alert.id: (alert.state, alert.flapping) for alert in message.active_alerts}

    def _now(self):
        return CurrentTime(1000.0 * self._epoch + self.seconds, START + self.seconds)


def decode_entry(raw):
    return msgspec.json.decode(raw, type=LogEntry)


def most_in_a_window(entries):
    """Return the maximum number of these entries in any ten minutes."""
    times = [unix_seconds(entry.timestamp) for entry in entries]
    return max((sum(1 for other in times if 0 <= other - time < WINDOW_SECONDS) for time in times), default=0)


def test_log_has_one_entry_in_ten_minutes_when_a_node_comes_and_goes_and_nothing_fires():
    log = Log(NEVER)

    # Given an hour in which the node goes and comes back every four seconds
    log.flap(900)

    # Then the first alert is logged as usual, and the others by one entry with their count in ten minutes
    assert [entry.transition for entry in log.entries[:2]] == ["pending", "resolved"]
    rest = log.entries[2:]
    assert {entry.transition for entry in rest} == {"pended"}
    assert 5 <= len(rest) <= 6
    assert most_in_a_window(rest) == 1
    assert {entry.count for entry in rest} <= {149, 150}
    assert rest[0].message == f"node6.lan: node_down was pending {rest[0].count} times and did not fire"
    assert (rest[0].code, rest[0].args["times"], rest[0].since) == ("pended", rest[0].count, log.entries[1].timestamp)
    assert log.incidents == []


def test_every_pending_alert_that_ends_is_counted():
    log = Log(NEVER)
    log.flap(8)
    assert log.wait(UP, 2 * WINDOW_SECONDS) == [("pended", DOWN)]

    assert [entry.count for entry in log.entries] == [1, 1, 7]
    # And the next alert is logged as usual
    assert log.flap(1) == [("pending", DOWN), ("resolved", DOWN)]


def test_firing_alert_is_logged_after_alerts_that_did_not_fire():
    log = Log("node_down: {for_seconds: 10}")
    log.flap(3)

    assert log.wait(OFFLINE, 20) == [("firing", DOWN)]
    assert log.make_round(UP) == [("resolved", DOWN)]


def test_alert_stays_firing_when_it_fired_five_times_in_ten_minutes():
    log = Log()

    assert log.flap(FLAPPING_TIMES - 1) == [("firing", DOWN), ("resolved", DOWN)] * (FLAPPING_TIMES - 1)
    assert log.flap(1) == [("firing", DOWN)]
    assert log.active == {DOWN: ("firing", FLAPPING_TIMES)}

    # Further changes of the condition are no transitions
    assert log.flap(7) == []
    assert log.active == {DOWN: ("firing", FLAPPING_TIMES + 7)}
    log.seconds += 40
    log.make_round(UP)
    assert decode(log.health, Health).firing.warning == 1


def test_flapping_alert_ends_when_its_condition_was_stable_for_ten_minutes():
    log = Log()
    log.flap(12)
    began = log.entries[-1].timestamp

    assert log.wait(UP, WINDOW_SECONDS - INTERVAL) == []
    assert log.make_round(UP) == [("resolved", DOWN)]

    assert log.active == {}
    assert log.entries[-1].message == "node6.lan: node_down no longer flaps; it fired 12 times"
    assert log.entries[-1].flapping == 12
    # Flapping is one incident, after the four incidents before it
    assert [incident.flapping for incident in log.incidents] == [0, 0, 0, 0, 12]
    last = log.incidents[-1]
    assert (last.began, last.ended, last.code) == (began, log.entries[-1].timestamp, "node_offline")
    # And counting starts again
    assert log.flap(1) == [("firing", DOWN), ("resolved", DOWN)]


def test_alert_keeps_flapping_when_its_condition_was_stable_for_less_than_ten_minutes():
    log = Log()
    log.flap(5)

    for _ in range(3):
        assert log.wait(UP, WINDOW_SECONDS - INTERVAL) == []
        assert log.flap(1) == []
    assert log.active == {DOWN: ("firing", 8)}


def test_alert_does_not_flap_when_it_fires_rarely():
    log = Log()

    error_text = [each for _ in range(20) for each in [*log.flap(1), *log.wait(UP, 150)]]

    assert error_text == [("firing", DOWN), ("resolved", DOWN)] * 20


def test_flapping_alert_becomes_an_ordinary_alert_when_it_fires_for_ten_minutes():
    log = Log()
    log.flap(5)
    began = log.entries[-1].timestamp

    assert log.wait(OFFLINE, WINDOW_SECONDS + INTERVAL) == []
    assert log.active == {DOWN: ("firing", 0)}
    assert log.make_round(UP) == [("resolved", DOWN)]

    assert log.entries[-1].message == "node6.lan is online again"
    assert log.incidents[-1].began == began


def test_peak_of_a_flapping_alert_covers_its_whole_period():
    log = Log("memory: {for_seconds: 0}")

    def memory(percent):
        return ObservedNode("node6.lan", "online", None, Measures(memory_usage=percent))

    for percent in (91.0, 92.0, 93.0, 94.0, 95.0, 99.0, 96.0):
        log.make_round(memory(percent))
        log.make_round(memory(10.0))
    log.wait(memory(10.0), WINDOW_SECONDS)

    assert [incident.peak for incident in log.incidents] == [91.0, 92.0, 93.0, 94.0, 99.0]


def test_flapping_alert_stays_when_the_condition_of_its_node_is_unknown():
    log = Log()
    log.flap(5)

    assert log.wait(UNSEEN, 2 * WINDOW_SECONDS) == []
    assert log.active == {DOWN: ("firing", 5)}
    assert log.make_round(UP) == [("resolved", DOWN)]


@pytest.mark.parametrize(
    ("rules", "observations", "message"),
    [
        (AT_ONCE, (), "node6.lan is no longer a target"),
        ("node_down: {enabled: false}", (UP,), "node6.lan: the rule node_down is switched off"),
    ],
)
@pytest.mark.parametrize("last", [UP, OFFLINE])
def test_flapping_alert_ends_immediately_when_its_node_or_rule_is_removed(rules, observations, message, last):
    log = Log()
    log.flap(6)
    log.make_round(last)
    log.rules = rules

    assert log.make_round(*observations) == [("resolved", DOWN)]
    assert log.entries[-1].message == message


def test_flapping_alert_ends_immediately_when_its_detail_is_left_out(online, filesystem):
    log = Log("filesystem_readonly: {for_seconds: 0}")
    for _ in range(6):
        log.make_round(online(filesystems=(filesystem("/", readonly=True),)))
        log.make_round(online(filesystems=(filesystem("/"),)))
    log.rules = "filesystem_readonly: {for_seconds: 0, ignore: [/]}"

    assert log.make_round(online(filesystems=(filesystem("/"),))) == [("resolved", "filesystem_readonly/node6.lan//")]


@pytest.mark.parametrize("last", [UP, OFFLINE])
def test_alert_keeps_flapping_when_another_collector_takes_over(last):
    log = Log("node_down: {for_seconds: 4}")
    for _ in range(7):
        log.wait(OFFLINE, 6)
        log.make_round(UP)
    log.wait(UP, 20)
    log.make_round(last)
    assert log.active == {DOWN: ("firing", 7)}

    log.take_over()

    if last is UP:
        # Stable since the node last came back
        assert log.wait(UP, WINDOW_SECONDS - 24) == []
        assert log.make_round(UP) == [("resolved", DOWN)]
    else:
        # Offline for four more seconds
        assert log.wait(OFFLINE, 4) == []
        assert log.active == {DOWN: ("firing", 8)}
    assert [entry.transition for entry in log.entries].count("firing") == FLAPPING_TIMES


@pytest.mark.parametrize("before", range(1, 5))
def test_firings_count_when_another_collector_takes_over(before):
    log = Log()
    log.flap(before)
    log.make_round(OFFLINE)
    log.take_over()
    log.make_round(UP)

    log.take_over()
    log.flap(8)

    assert [entry.transition for entry in log.entries].count("firing") == FLAPPING_TIMES


def test_count_of_pending_alerts_continues_when_another_collector_takes_over():
    log = Log(NEVER)
    for _ in range(20):
        log.flap(1)
        log.take_over()
        log.make_round(OFFLINE)
        log.take_over()
        log.make_round(UP)
    log.wait(UP, WINDOW_SECONDS)

    assert [(entry.transition, entry.count) for entry in log.entries] == [
        ("pending", 1),
        ("resolved", 1),
        ("pended", 39),
    ]


def as_of_the_last_release(raw):
    """Return the message without the fields that the previous release does not have."""

    def without(value):
        return {name: field for name, field in value.items() if name not in NEW_FIELDS}

    message = without(msgspec.json.decode(raw))
    return encode(message | {"active_alerts": [without(alert) for alert in message["active_alerts"]]})


def test_flapping_starts_again_after_a_takeover_by_the_previous_release():
    log = Log()
    log.flap(7)

    log.take_over(raw=as_of_the_last_release(log.raw))

    # The alert ends in the first round, as in that release; it counts as fired once
    assert log.active == {DOWN: ("firing", 7)}
    assert log.make_round(UP) == [("resolved", DOWN)]
    assert log.flap(9) == [("firing", DOWN), ("resolved", DOWN)] * 3 + [("firing", DOWN)]


def test_log_limits_the_entries_of_a_node_and_adds_the_rest_later(online, filesystem):
    log = Log("filesystem_full: {for_seconds: 0}")
    many = online("many", filesystems=tuple(filesystem(f"/{number:02}", 99.0) for number in range(NODE_ENTRIES + 10)))
    other = online("other", filesystems=(filesystem("/", 99.0),))

    error_text = log.make_round(many, other)

    # Then the alerts of another node are still logged, and the message has all alerts
    assert Counter(entry.node for entry in log.entries) == {"many": NODE_ENTRIES, "other": 1}
    assert len(log.active) == NODE_ENTRIES + 11
    assert [alert.id for alert in decode(log.raw, Alerts).active_alerts if not alert.logged] == [
        f"filesystem_full/many//{number:02}" for number in range(NODE_ENTRIES, NODE_ENTRIES + 10)
    ]
    assert log.make_round(many, other) == []
    # And alerts that still fire are logged when there is room, also by another collector
    log.take_over()
    log.make_round(many, other, passed=WINDOW_SECONDS)
    assert len(log.entries) == len(error_text) + 10
    assert all(alert.logged for alert in decode(log.raw, Alerts).active_alerts)


def test_end_is_not_logged_when_the_beginning_was_not(online, filesystem):
    log = Log("filesystem_full: {for_seconds: 0}")
    many = online(filesystems=tuple(filesystem(f"/{number:02}", 99.0) for number in range(NODE_ENTRIES + 10)))
    log.make_round(many)

    error_text = log.make_round(online(filesystems=(filesystem("/", 1.0),)))

    assert [transition for transition, _ in error_text] == ["resolved"] * NODE_ENTRIES
    assert len(log.incidents) == NODE_ENTRIES


def test_records_for_the_next_collector_are_bounded_when_very_many_nodes_flap():
    log = Log()
    names = [f"n{number:04}{'n' * 60}" for number in range(2000)]
    flapping, others = names[:50], names[50:]
    offline = {name: ObservedNode(name, "offline", None, None) for name in names}
    online = {name: ObservedNode(name, "online", None, Measures()) for name in names}
    for _ in range(5):
        log.make_round(*(offline[name] for name in flapping))
        log.make_round(*(online[name] for name in flapping))

    log.make_round(*offline.values())
    log.make_round(*online.values())

    message = decode(log.raw, Alerts)
    assert len(encode(message.recent_firings)) + len(encode(message.recent_pendings)) <= RECENT_BYTES
    # Flapping alerts come first
    assert {recent.node for recent in message.recent_firings if recent.changed} == set(flapping)
    assert {recent.node for recent in message.recent_firings} & set(others)


_MOMENTS = st.sampled_from([INTERVAL] * 5 + [12.0, 130.0, 590.0, 601.0])


@pytest.mark.parametrize("for_seconds", [0, 4])
@given(st.lists(st.tuples(st.sampled_from([UP, OFFLINE, OFFLINE, UNSEEN]), _MOMENTS, st.integers(0, 9)), max_size=150))
@example([(OFFLINE, 2.0, 1), (OFFLINE, 2.0, 1), (OFFLINE, 2.0, 1), (UP, 2.0, 1)] * 100)
@example([(OFFLINE, 2.0, 1), (UP, 2.0, 0)] * 200)
def test_log_is_bounded_and_consistent_for_any_behaviour_of_a_node(for_seconds, rounds):
    log = Log(f"node_down: {{for_seconds: {for_seconds}}}")
    begun = None
    for seen, passed, chance in rounds:
        if chance == 0:
            log.take_over()
        count = len(log.entries)
        log.make_round(seen, passed=passed)
        for entry in log.entries[count:]:
            if entry.transition == "pended":
                continue
            allowed = {None: {"pending", "firing"}, "pending": {"firing", "resolved"}, "firing": {"resolved"}}
            assert entry.transition in allowed[begun]
            begun = None if entry.transition == "resolved" else entry.transition
        # The alerts that are active by the log are the active alerts with ``logged``
        logged = {alert.id: alert.state for alert in decode(log.raw, Alerts).active_alerts if alert.logged}
        assert logged == ({} if begun is None else {DOWN: begun})
    assert most_in_a_window(log.entries) <= 4 * FLAPPING_TIMES
    assert most_in_a_window([entry for entry in log.entries if entry.transition == "pended"]) <= 1
    assert most_in_a_window([entry for entry in log.entries if entry.transition == "firing"]) <= FLAPPING_TIMES
    # The log has the beginning and the end of each incident
    assert len({incident.id for incident in log.incidents}) == len(log.incidents)
    ended = {entry.timestamp for entry in log.entries if entry.transition == "resolved"}
    assert {incident.ended for incident in log.incidents} <= ended


RACKS = "rack_down: {metric: offline_share, by: rack, threshold: 20, for_seconds: %d}\nnode_down: {enabled: false}"


def rack(name, status):
    measures = Measures() if status == "online" else None
    return ObservedNode(f"{name}1", status, None, measures, labels={"rack": name})


def test_log_has_the_change_when_the_severity_of_a_firing_alert_changes():
    log = Log()
    log.make_round(OFFLINE)
    log.rules = "node_down: {for_seconds: 0, severity: critical}"

    assert log.make_round(OFFLINE) == [("changed", DOWN)]
    assert log.make_round(OFFLINE) == []
    entry = log.entries[-1]
    assert (entry.severity, entry.message, entry.since) == ("critical", "node6.lan is offline", log.entries[-2].since)
    # The next collector has another rules file.
    log.rules = "node_down: {for_seconds: 0, severity: info}"
    log.take_over()
    assert log.make_round(OFFLINE) == [("changed", DOWN)]
    log.make_round(UP)
    assert [incident.severity for incident in log.incidents] == ["info"]


def test_log_has_no_change_when_the_alert_is_pending():
    log = Log(NEVER)
    log.make_round(OFFLINE)
    log.rules = "node_down: {for_seconds: 10, severity: critical}"
    assert log.make_round(OFFLINE) == []
    assert log.wait(OFFLINE, 12) == [("firing", DOWN)]
    assert log.entries[-1].severity == "critical"


def test_log_has_the_change_when_a_flapping_alert_gets_another_severity():
    log = Log()
    log.flap(FLAPPING_TIMES)
    log.rules = "node_down: {for_seconds: 0, severity: critical}"

    assert log.make_round(OFFLINE) == [("changed", DOWN)]
    assert log.make_round(UP) == []
    assert log.wait(UP, WINDOW_SECONDS) == [("resolved", DOWN)]


def test_labels_of_a_flapping_alert_are_those_of_its_beginning():
    log = Log()
    for number in range(2 * FLAPPING_TIMES):
        for status in ("offline", "online"):
            log.make_round(replace(rack("a", status), labels={"rack": f"{number}"}))

    [alert] = decode(log.raw, Alerts).active_alerts
    assert (alert.flapping, alert.labels) == (2 * FLAPPING_TIMES, {"rack": f"{FLAPPING_TIMES - 1}"})


def test_flapping_alert_of_a_collector_before_labels_takes_the_labels_of_its_node():
    log = Log()
    log.flap(FLAPPING_TIMES)
    message = msgspec.json.decode(log.raw)
    for alert in message["active_alerts"]:
        del alert["labels"]
    log.take_over(raw=encode(message))

    for labels in ({"rack": "a"}, {"rack": "b"}):
        log.make_round(replace(OFFLINE, labels=labels))
        log.make_round(replace(UP, labels=labels))

    [alert] = decode(log.raw, Alerts).active_alerts
    assert (alert.flapping, alert.labels) == (FLAPPING_TIMES + 2, {"rack": "a"})


def test_alerts_of_groups_flap_each_by_itself():
    log = Log(RACKS % 0)
    for _ in range(FLAPPING_TIMES):
        log.make_round(rack("a", "offline"), rack("b", "online"))
        log.make_round(rack("a", "online"), rack("b", "online"))
    assert log.active == {"rack_down//rack=a": ("firing", FLAPPING_TIMES)}
    log.take_over()
    assert log.make_round(rack("a", "online"), rack("b", "offline")) == [("firing", "rack_down//rack=b")]

    # The flapping ends only while the share is known.
    assert log.wait(rack("a", "unknown"), WINDOW_SECONDS) == [("resolved", "rack_down//rack=b")]
    assert log.make_round(rack("a", "online")) == [("resolved", "rack_down//rack=a")]
    assert log.entries[-1].message == f"rack=a: rack_down no longer flaps; it fired {FLAPPING_TIMES} times"
    assert {(entry.node, entry.subject.name, entry.labels["rack"]) for entry in log.entries} == {
        ("", "rack=a", "a"),
        ("", "rack=b", "b"),
    }
    assert {incident.subject.name for incident in log.incidents} == {"rack=a", "rack=b"}


@pytest.mark.parametrize("is_handed_over", [False, True])
def test_pending_alerts_of_groups_are_counted_each_by_itself(is_handed_over):
    log = Log(RACKS % 1000)
    for _ in range(3):
        log.make_round(rack("a", "offline"), rack("b", "online"))
        log.make_round(rack("a", "online"), rack("b", "online"))
    log.make_round(rack("a", "online"), rack("b", "offline"))
    if is_handed_over:
        log.take_over()
    log.wait(rack("a", "online"), WINDOW_SECONDS)

    assert [(entry.transition, entry.alert_id, entry.count) for entry in log.entries] == [
        ("pending", "rack_down//rack=a", 1),
        ("resolved", "rack_down//rack=a", 1),
        ("pending", "rack_down//rack=b", 1),
        ("resolved", "rack_down//rack=b", 1),
        ("pended", "rack_down//rack=a", 2),
    ]
    assert (log.entries[-1].labels, log.entries[-1].message) == (
        {"rack": "a"},
        "rack=a: rack_down was pending 2 times and did not fire",
    )


def test_count_of_pending_alerts_is_dropped_when_a_collector_before_groups_took_over_meanwhile():
    log = Log(RACKS % 1000)
    for _ in range(3):
        log.make_round(rack("a", "offline"))
        log.make_round(rack("a", "online"))
    log.take_over(raw=without_subjects(log.raw))
    log.wait(rack("a", "online"), WINDOW_SECONDS)

    assert [entry.alert_id for entry in log.entries] == ["rack_down//rack=a"] * 2


def without_subjects(raw):
    """Return the message as a collector without groups publishes the counts."""
    message = msgspec.json.decode(raw)
    return encode(message | {"recent_pendings": [each | {"subject": None} for each in message["recent_pendings"]]})


def test_log_has_the_alerts_of_very_many_groups():
    log = Log(RACKS % 0)
    log.make_round(*(rack(f"r{number}", "offline") for number in range(2 * NODE_ENTRIES)))

    assert len(log.entries) == 2 * NODE_ENTRIES
