import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collector.alerts.conditions import ObservedNode
from collector.alerts.evaluate import MISSING_MEASURE_SECONDS, CurrentTime, evaluate
from collector.alerts.rules import built_in_rules, parse_rules
from collector.measures import Measures

UNSEEN = ObservedNode("node6.lan", "unknown", None, None)
# Two rules that one can follow: memory pends for 60 s, node_down fires at once.
RULES = parse_rules("node_down: {for_seconds: 0}\nmemory: {threshold: 90, clear: 85, for_seconds: 60}")


class Judge:
    """Judges round after round and keeps the alerts."""

    def __init__(self, at, rules=RULES):
        self.alerts = {}
        self.rules = rules
        self._at = at

    def see(self, seconds, *observations):
        self.alerts, changes = evaluate(self.alerts, self.rules, observations, self._at(seconds))
        return [(change.kind, change.alert.id) for change in changes]

    def told(self, seconds, *observations):
        self.alerts, changes = evaluate(self.alerts, self.rules, observations, self._at(seconds))
        return [change.alert.message for change in changes]

    @property
    def states(self):
        return {alert.id: alert.state for alert in self.alerts.values()}


@pytest.fixture
def judge(at):
    return Judge(at)


def test_alert_is_pending_then_firing_then_resolved_when_a_condition_lasts(judge, online):
    memory = "memory/node6.lan"

    assert judge.see(0, online(memory_usage=50.0)) == []
    assert judge.see(10, online(memory_usage=90.0)) == [("pending", memory)]
    assert judge.see(69, online(memory_usage=99.0)) == []
    assert judge.see(70, online(memory_usage=91.0)) == [("firing", memory)]
    assert judge.see(80, online(memory_usage=95.0)) == []
    assert judge.see(90, online(memory_usage=84.9)) == [("resolved", memory)]
    assert judge.alerts == {}


def test_alert_keeps_the_time_the_condition_began_when_it_fires(judge, online, at):
    judge.see(10, online(memory_usage=90.0))
    judge.see(100, online(memory_usage=93.4))

    (alert,) = judge.alerts.values()
    assert (alert.state, alert.since, alert.value) == ("firing", "2026-11-23T09:40:10.000Z", 93.4)
    assert alert.message == "node6.lan: memory is 93.4 % in use"


def test_alert_says_its_worst_value_since_it_began_when_values_come_and_go(at, online):
    alerts, peaks = {}, []
    for seconds, value in enumerate([90.0, 97.5, 91.0, 95.0, 84.0]):
        alerts, changes = evaluate(alerts, RULES, [online(memory_usage=value)], at(20 * seconds))
        peaks += [alert.peak for alert in alerts.values()]

    assert peaks == [90.0, 97.5, 97.5, 97.5]
    [change] = changes
    assert (change.kind, change.alert.value, change.alert.peak) == ("resolved", 84.0, 97.5)


def test_worst_offset_of_a_clock_is_the_largest_distance_when_it_goes_both_ways(at, online):
    alerts = {}
    for seconds, offset in enumerate([3.0, -9.0, 4.0]):
        alerts, _ = evaluate(alerts, RULES, [online(clock_offset_seconds=offset)], at(seconds))

    assert [(alert.value, alert.peak) for alert in alerts.values()] == [(4.0, 9.0)]


@pytest.mark.parametrize(("role", "severity"), [("worker", "warning"), ("master", "critical")])
def test_missing_node_is_as_bad_as_its_role_when_the_rules_say_nothing_else(at, offline, role, severity):
    alerts, _ = evaluate({}, RULES, [dataclasses.replace(offline(), role=role)], at(0))

    assert [alert.severity for alert in alerts.values()] == [severity]


def test_pending_alert_is_resolved_when_its_condition_ends_early(judge, online):
    judge.see(0, online(memory_usage=90.0))

    assert judge.see(30, online(memory_usage=10.0)) == [("resolved", "memory/node6.lan")]


def test_alert_does_not_flap_when_a_value_wavers_around_the_threshold(judge, online):
    changes = [
        judge.see(seconds, online(memory_usage=value)) for seconds, value in enumerate([90, 89, 91, 86, 90.0] * 4)
    ]

    assert [change for some in changes for change in some] == [("pending", "memory/node6.lan")]


def test_alert_fires_at_once_when_it_need_not_last(judge, offline):
    assert judge.see(0, offline()) == [("firing", "node_down/node6.lan")]


def test_duration_is_by_the_monotonic_clock_when_the_wall_clock_jumps(judge, online, at):
    judge.see(0, online(memory_usage=95.0))

    late = dataclasses.replace(at(59), unix_seconds=at(59).unix_seconds + 86_400)
    _, changes = evaluate(judge.alerts, RULES, [online(memory_usage=95.0)], late)

    assert changes == []


@pytest.mark.parametrize("seconds", [1, 3600])
def test_alerts_stay_as_they_are_when_nothing_can_be_said_of_their_node(judge, online, offline, seconds):
    judge.see(0, online(memory_usage=95.0), offline("b"))
    before = judge.states

    assert judge.see(seconds, offline(), ObservedNode("b", "unknown", None, None)) == [
        ("firing", "node_down/node6.lan")
    ]
    assert judge.states == before | {"node_down/node6.lan": "firing"}
    assert judge.see(seconds + 1, UNSEEN, ObservedNode("b", "unknown", None, None)) == []


def test_alert_goes_on_when_an_online_node_does_not_tell_its_value_for_a_moment(judge, online):
    judge.see(0, online(memory_usage=95.0))

    assert judge.see(MISSING_MEASURE_SECONDS, online()) == []
    assert judge.see(61, online(memory_usage=95.0)) == [("firing", "memory/node6.lan")]


def test_alert_ends_when_an_online_node_does_not_tell_its_value_any_more(judge, online):
    judge.see(0, online(memory_usage=95.0))

    assert judge.told(MISSING_MEASURE_SECONDS + 1, online()) == ["node6.lan no longer reports its memory usage"]


def test_each_filesystem_has_its_own_alert_when_several_fill_up(judge, online, filesystem):
    def node(*usages):
        return online(filesystems=tuple(filesystem(mount, usage) for mount, usage in usages))

    assert judge.see(0, node(("/", 95), ("/boot", 91.5), ("/srv", 20))) == [
        ("pending", "filesystem_full/node6.lan//"),
        ("pending", "filesystem_full/node6.lan//boot"),
    ]
    assert judge.told(1, node(("/", 20), ("/srv", 20))) == [
        "node6.lan: / is down to 20 % full",
        "node6.lan: /boot is no longer mounted",
    ]


def test_alert_neither_begins_nor_ends_when_a_filesystem_is_readonly_and_nobody_has_seen_it_writable(
    judge, online, filesystem
):
    never = replace(filesystem("/", readonly=True), was_writable=False)
    assert judge.see(0, online(filesystems=(never,))) == []

    judge.see(1, online(filesystems=(filesystem("/", readonly=True),)))

    assert judge.see(12, online(filesystems=(never,))) == [("firing", "filesystem_readonly/node6.lan//")]
    assert judge.told(13, online(filesystems=(filesystem("/"),))) == ["node6.lan: / is writable again"]


def test_alert_of_a_full_filesystem_ends_when_it_becomes_readonly(judge, online, filesystem):
    judge.see(0, online(filesystems=(filesystem("/", 99),)))

    assert judge.told(1, online(filesystems=(filesystem("/", 99, readonly=True),))) == [
        "node6.lan: / is read-only",
        "node6.lan: / is mounted read-only",
    ]


def test_filesystem_alert_goes_on_when_its_size_cannot_be_told(judge, online, filesystem):
    judge.see(0, online(filesystems=(filesystem("/", readonly=True),)))

    assert judge.see(5, online(filesystems=(replace(filesystem("/"), size_bytes=None, readonly=None),))) == []
    assert judge.states == {"filesystem_readonly/node6.lan//": "pending"}


def test_filesystem_alerts_stay_when_the_collector_that_tells_of_them_hangs(judge, online, filesystem):
    full = [filesystem("/", 99.0), filesystem("/data", readonly=True)]
    assert len(judge.see(0, online(filesystems=full))) == 2
    judge.see(600, online(filesystems=full))

    assert judge.see(600 + 2 * MISSING_MEASURE_SECONDS, online(hung_collector="filesystem")) == []
    assert set(judge.states.values()) == {"firing"}
    # Other rules go on.
    assert judge.see(800, online(hung_collector="filesystem", memory_usage=95.0)) == [("pending", "memory/node6.lan")]
    assert len(judge.see(801, online(filesystems=[filesystem("/")], memory_usage=95.0))) == 2


def test_alert_ends_when_its_filesystem_is_left_out_by_the_rule(judge, online, filesystem):
    node = online(filesystems=(filesystem("/media/usb", readonly=True),))
    judge.see(0, node)
    judge.rules = parse_rules("filesystem_readonly: {ignore: [/media/*]}")

    assert judge.told(1, node) == ["node6.lan: the rule filesystem_readonly ignores /media/usb"]
    assert judge.see(2, node) == []


def test_alerts_end_when_their_node_is_no_target_any_more(judge, online, offline):
    judge.see(0, offline("gone"), online(memory_usage=95.0))

    assert judge.told(1, online(memory_usage=95.0)) == ["gone is no longer a target"]


@pytest.mark.parametrize("status", ["online", "offline"])
def test_alerts_end_when_their_rule_is_switched_off(judge, online, offline, status):
    judge.see(0, online(memory_usage=95.0))
    judge.rules = parse_rules("memory: {enabled: false}\nnode_down: {enabled: false}")

    seen = online(memory_usage=95.0) if status == "online" else offline()
    assert judge.told(1, seen) == ["node6.lan: the rule memory is switched off"]


def test_alert_takes_the_new_severity_without_a_transition_when_the_rule_changes(judge, offline):
    judge.see(0, offline())
    judge.rules = parse_rules("node_down: {for_seconds: 0, severity: info}")

    assert judge.see(1, offline()) == []
    assert [alert.severity for alert in judge.alerts.values()] == ["info"]


def test_firing_alert_goes_on_firing_when_its_rule_takes_longer_now(judge, offline):
    judge.see(0, offline())
    judge.rules = parse_rules("node_down: {for_seconds: 3600}")

    assert judge.see(1, offline()) == []
    assert judge.states == {"node_down/node6.lan": "firing"}


def test_cpu_makes_no_alert_when_its_rule_is_off_as_it_comes(at, online):
    judge = Judge(at, built_in_rules())

    assert judge.see(0, online(cpu_usage=100.0)) == []
    judge.rules = parse_rules("cpu: {enabled: true}")
    assert judge.see(1, online(cpu_usage=100.0)) == [("pending", "cpu/node6.lan")]


@pytest.mark.parametrize(
    ("fields", "begun", "ended"),
    [
        ({"temperature": 82.44}, "node6.lan: temperature is 82.4 °C", "node6.lan: temperature is down to 20 °C"),
        (
            {"clock_offset_seconds": 3.21},
            "node6.lan: the clock is 3.2 s ahead of the collector's",
            "node6.lan: the clock is right to within 0.1 s",
        ),
        (
            {"clock_offset_seconds": -3600.0},
            "node6.lan: the clock is 3,600 s behind the collector's",
            "node6.lan: the clock is right to within 0.1 s",
        ),
        ({"cpu_usage": 99.0}, "node6.lan: CPU is at 99 %", "node6.lan: CPU is down to 1 %"),
    ],
)
def test_messages_say_what_is_wrong_and_that_it_ended_when_a_value_passes_its_limits(at, online, fields, begun, ended):
    judge = Judge(at, parse_rules("cpu: {enabled: true}"))

    assert judge.told(0, online(**fields)) == [begun]
    assert ended in judge.told(1, online(temperature=20.0, clock_offset_seconds=-0.1, cpu_usage=1.0))


def test_messages_say_what_is_wrong_and_that_it_ended_when_a_node_or_disk_fails(judge, online, offline, filesystem):
    assert judge.told(0, offline()) == ["node6.lan is offline: connection refused"]
    assert judge.told(1, online(filesystems=(filesystem("/", readonly=True),))) == [
        "node6.lan is online again",
        "node6.lan: / is mounted read-only",
    ]
    assert judge.told(2, online(filesystems=(filesystem("/"),))) == ["node6.lan: / is writable again"]


_STATUSES = st.sampled_from(["online", "offline", "unknown"])


@given(st.lists(st.tuples(_STATUSES, st.none() | st.floats(0, 100), st.floats(0, 40)), max_size=30))
def test_transitions_follow_from_one_another_when_a_node_does_anything(rounds):
    alerts, logged, seconds = {}, {}, 0.0
    for status, memory, passed in rounds:
        seconds += passed
        measures = Measures(memory_usage=memory) if status == "online" else None
        seen = ObservedNode("a", status, "error" if status == "offline" else None, measures)
        alerts, changes = evaluate(alerts, RULES, [seen], CurrentTime(seconds, seconds))
        for change in changes:
            allowed = {
                None: {"pending", "firing"} if change.alert.rule == "node_down" else {"pending"},
                "pending": {"firing", "resolved"},
                "firing": {"resolved"},
            }
            assert change.kind in allowed[logged.get(change.alert.id)]
            logged[change.alert.id] = None if change.kind == "resolved" else change.kind
        # What the log says is active is what is active.
        assert {alert.id: alert.state for alert in alerts.values()} == {
            name: state for name, state in logged.items() if state is not None
        }
