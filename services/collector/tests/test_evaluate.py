import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.alerts.evaluate import MISSING_MEASURE_SECONDS, evaluate
from collector.alerts.rules import built_in_rules, parse_rules
from collector.measures import Measures

UNSEEN = ObservedNode("node6.lan", "unknown", None, None)
# Two simple rules: memory is pending for 60 s, node_down fires immediately.
RULES = parse_rules("node_down: {for_seconds: 0}\nmemory: {threshold: 90, clear: 85, for_seconds: 60}")


class Evaluator:
    """Evaluates round after round and keeps the alerts."""

    def __init__(self, at, rules=RULES):
        self.alerts = {}
        self.rules = rules
        self._at = at

    def transitions(self, seconds, *observations):
        self.alerts, transitions = evaluate(self.alerts, self.rules, observations, self._at(seconds))
        return [(transition.kind, transition.alert.id) for transition in transitions]

    def messages(self, seconds, *observations):
        self.alerts, transitions = evaluate(self.alerts, self.rules, observations, self._at(seconds))
        return [transition.alert.message for transition in transitions]

    @property
    def states(self):
        return {alert.id: alert.state for alert in self.alerts.values()}


@pytest.fixture
def evaluator(at):
    return Evaluator(at)


def test_alert_is_pending_then_firing_then_resolved_when_a_condition_lasts(evaluator, online):
    memory = "memory/node6.lan"

    assert evaluator.transitions(0, online(memory_usage=50.0)) == []
    assert evaluator.transitions(10, online(memory_usage=90.0)) == [("pending", memory)]
    assert evaluator.transitions(69, online(memory_usage=99.0)) == []
    assert evaluator.transitions(70, online(memory_usage=91.0)) == [("firing", memory)]
    assert evaluator.transitions(80, online(memory_usage=95.0)) == []
    assert evaluator.transitions(90, online(memory_usage=84.9)) == [("resolved", memory)]
    assert evaluator.alerts == {}


def test_alert_keeps_the_time_the_condition_began_when_it_fires(evaluator, online, at):
    evaluator.transitions(10, online(memory_usage=90.0))
    evaluator.transitions(100, online(memory_usage=93.4))

    (alert,) = evaluator.alerts.values()
    assert (alert.state, alert.since, alert.value) == ("firing", "2026-11-23T09:40:10.000Z", 93.4)
    assert alert.message == "node6.lan: memory is 93.4 % in use"


def test_alert_has_its_worst_value_since_it_began_when_values_change(at, online):
    alerts, peaks = {}, []
    for seconds, value in enumerate([90.0, 97.5, 91.0, 95.0, 84.0]):
        alerts, transitions = evaluate(alerts, RULES, [online(memory_usage=value)], at(20 * seconds))
        peaks += [alert.peak for alert in alerts.values()]

    assert peaks == [90.0, 97.5, 97.5, 97.5]
    [transition] = transitions
    assert (transition.kind, transition.alert.value, transition.alert.peak) == ("resolved", 84.0, 97.5)


def test_peak_of_a_clock_offset_is_the_largest_distance_in_either_direction(at, online):
    alerts = {}
    for seconds, offset in enumerate([3.0, -9.0, 4.0]):
        alerts, _ = evaluate(alerts, RULES, [online(clock_offset_seconds=offset)], at(seconds))

    assert [(alert.value, alert.peak) for alert in alerts.values()] == [(4.0, 9.0)]


@pytest.mark.parametrize(("role", "severity"), [("worker", "warning"), ("master", "critical")])
def test_missing_node_has_the_severity_of_its_role_by_default(at, offline, role, severity):
    alerts, _ = evaluate({}, RULES, [dataclasses.replace(offline(), role=role)], at(0))

    assert [alert.severity for alert in alerts.values()] == [severity]


def test_pending_alert_is_resolved_when_its_condition_ends_early(evaluator, online):
    evaluator.transitions(0, online(memory_usage=90.0))

    assert evaluator.transitions(30, online(memory_usage=10.0)) == [("resolved", "memory/node6.lan")]


def test_alert_does_not_flap_when_a_value_wavers_around_the_threshold(evaluator, online):
    transitions = [
        evaluator.transitions(seconds, online(memory_usage=value))
        for seconds, value in enumerate([90, 89, 91, 86, 90.0] * 4)
    ]

    assert [transition for some in transitions for transition in some] == [("pending", "memory/node6.lan")]


def test_alert_fires_immediately_when_its_rule_has_no_duration(evaluator, offline):
    assert evaluator.transitions(0, offline()) == [("firing", "node_down/node6.lan")]


def test_duration_is_by_the_monotonic_clock_when_the_wall_clock_jumps(evaluator, online, at):
    evaluator.transitions(0, online(memory_usage=95.0))

    late = dataclasses.replace(at(59), unix_seconds=at(59).unix_seconds + 86_400)
    _, transitions = evaluate(evaluator.alerts, RULES, [online(memory_usage=95.0)], late)

    assert transitions == []


@pytest.mark.parametrize("seconds", [1, 3600])
def test_alerts_stay_unchanged_when_the_condition_of_their_node_is_unknown(evaluator, online, offline, seconds):
    evaluator.transitions(0, online(memory_usage=95.0), offline("b"))
    before = evaluator.states

    assert evaluator.transitions(seconds, offline(), ObservedNode("b", "unknown", None, None)) == [
        ("firing", "node_down/node6.lan")
    ]
    assert evaluator.states == before | {"node_down/node6.lan": "firing"}
    assert evaluator.transitions(seconds + 1, UNSEEN, ObservedNode("b", "unknown", None, None)) == []


def test_alert_stays_when_an_online_node_does_not_report_its_value_for_a_moment(evaluator, online):
    evaluator.transitions(0, online(memory_usage=95.0))

    assert evaluator.transitions(MISSING_MEASURE_SECONDS, online()) == []
    assert evaluator.transitions(61, online(memory_usage=95.0)) == [("firing", "memory/node6.lan")]


def test_alert_ends_when_an_online_node_no_longer_reports_its_value(evaluator, online):
    evaluator.transitions(0, online(memory_usage=95.0))

    assert evaluator.messages(MISSING_MEASURE_SECONDS + 1, online()) == ["node6.lan no longer reports its memory usage"]


def test_each_filesystem_has_its_own_alert_when_several_fill_up(evaluator, online, filesystem):
    def node(*usages):
        return online(filesystems=tuple(filesystem(mount, usage) for mount, usage in usages))

    assert evaluator.transitions(0, node(("/", 95), ("/boot", 91.5), ("/srv", 20))) == [
        ("pending", "filesystem_full/node6.lan//"),
        ("pending", "filesystem_full/node6.lan//boot"),
    ]
    assert evaluator.messages(1, node(("/", 20), ("/srv", 20))) == [
        "node6.lan: / is down to 20 % full",
        "node6.lan: /boot is no longer mounted",
    ]


def test_alert_neither_begins_nor_ends_when_a_readonly_filesystem_was_never_writable(evaluator, online, filesystem):
    never = replace(filesystem("/", readonly=True), was_writable=False)
    assert evaluator.transitions(0, online(filesystems=(never,))) == []

    evaluator.transitions(1, online(filesystems=(filesystem("/", readonly=True),)))

    assert evaluator.transitions(12, online(filesystems=(never,))) == [("firing", "filesystem_readonly/node6.lan//")]
    assert evaluator.messages(13, online(filesystems=(filesystem("/"),))) == ["node6.lan: / is writable again"]


def test_alert_of_a_full_filesystem_ends_when_it_becomes_readonly(evaluator, online, filesystem):
    evaluator.transitions(0, online(filesystems=(filesystem("/", 99),)))

    assert evaluator.messages(1, online(filesystems=(filesystem("/", 99, readonly=True),))) == [
        "node6.lan: / is read-only",
        "node6.lan: / is mounted read-only",
    ]


def test_filesystem_alert_stays_when_the_size_is_unknown(evaluator, online, filesystem):
    evaluator.transitions(0, online(filesystems=(filesystem("/", readonly=True),)))

    assert (
        evaluator.transitions(5, online(filesystems=(replace(filesystem("/"), size_bytes=None, readonly=None),))) == []
    )
    assert evaluator.states == {"filesystem_readonly/node6.lan//": "pending"}


def test_filesystem_alerts_stay_when_the_filesystem_collector_hangs(evaluator, online, filesystem):
    full = [filesystem("/", 99.0), filesystem("/data", readonly=True)]
    assert len(evaluator.transitions(0, online(filesystems=full))) == 2
    evaluator.transitions(600, online(filesystems=full))

    assert evaluator.transitions(600 + 2 * MISSING_MEASURE_SECONDS, online(hung_collector="filesystem")) == []
    assert set(evaluator.states.values()) == {"firing"}
    # Other rules are still evaluated.
    assert evaluator.transitions(800, online(hung_collector="filesystem", memory_usage=95.0)) == [
        ("pending", "memory/node6.lan")
    ]
    assert len(evaluator.transitions(801, online(filesystems=[filesystem("/")], memory_usage=95.0))) == 2


def test_alert_ends_when_the_rule_ignores_its_filesystem(evaluator, online, filesystem):
    node = online(filesystems=(filesystem("/media/usb", readonly=True),))
    evaluator.transitions(0, node)
    evaluator.rules = parse_rules("filesystem_readonly: {ignore: [/media/*]}")

    assert evaluator.messages(1, node) == ["node6.lan: the rule filesystem_readonly ignores /media/usb"]
    assert evaluator.transitions(2, node) == []


def test_alerts_end_when_their_node_is_no_longer_a_target(evaluator, online, offline):
    evaluator.transitions(0, offline("gone"), online(memory_usage=95.0))

    assert evaluator.messages(1, online(memory_usage=95.0)) == ["gone is no longer a target"]


@pytest.mark.parametrize("status", ["online", "offline"])
def test_alerts_end_when_their_rule_is_switched_off(evaluator, online, offline, status):
    evaluator.transitions(0, online(memory_usage=95.0))
    evaluator.rules = parse_rules("memory: {enabled: false}\nnode_down: {enabled: false}")

    seen = online(memory_usage=95.0) if status == "online" else offline()
    assert evaluator.messages(1, seen) == ["node6.lan: the rule memory is switched off"]


def test_alert_gets_the_new_severity_without_a_transition_when_the_rule_changes(evaluator, offline):
    evaluator.transitions(0, offline())
    evaluator.rules = parse_rules("node_down: {for_seconds: 0, severity: info}")

    assert evaluator.transitions(1, offline()) == []
    assert [alert.severity for alert in evaluator.alerts.values()] == ["info"]


def test_firing_alert_stays_firing_when_the_duration_of_its_rule_increases(evaluator, offline):
    evaluator.transitions(0, offline())
    evaluator.rules = parse_rules("node_down: {for_seconds: 3600}")

    assert evaluator.transitions(1, offline()) == []
    assert evaluator.states == {"node_down/node6.lan": "firing"}


def test_cpu_makes_no_alert_by_default(at, online):
    evaluator = Evaluator(at, built_in_rules())

    assert evaluator.transitions(0, online(cpu_usage=100.0)) == []
    evaluator.rules = parse_rules("cpu: {enabled: true}")
    assert evaluator.transitions(1, online(cpu_usage=100.0)) == [("pending", "cpu/node6.lan")]


@pytest.mark.parametrize(
    ("fields", "begun", "ended"),
    [
        ({"temperature": 82.44}, "node6.lan: temperature is 82.4 °C", "node6.lan: temperature is down to 20 °C"),
        (
            {"clock_offset_seconds": 3.21},
            "node6.lan: the clock is 3.2 s ahead of the collector's",
            "node6.lan: the clock is right within 0.1 s",
        ),
        (
            {"clock_offset_seconds": -3600.0},
            "node6.lan: the clock is 3,600 s behind the collector's",
            "node6.lan: the clock is right within 0.1 s",
        ),
        ({"cpu_usage": 99.0}, "node6.lan: CPU is at 99 %", "node6.lan: CPU is down to 1 %"),
    ],
)
def test_messages_name_the_problem_and_its_end_when_a_value_crosses_its_thresholds(at, online, fields, begun, ended):
    evaluator = Evaluator(at, parse_rules("cpu: {enabled: true}"))

    assert evaluator.messages(0, online(**fields)) == [begun]
    assert ended in evaluator.messages(1, online(temperature=20.0, clock_offset_seconds=-0.1, cpu_usage=1.0))


def test_messages_name_the_problem_and_its_end_when_a_node_or_disk_fails(evaluator, online, offline, filesystem):
    assert evaluator.messages(0, offline()) == ["node6.lan is offline: connection refused"]
    assert evaluator.messages(1, online(filesystems=(filesystem("/", readonly=True),))) == [
        "node6.lan is online again",
        "node6.lan: / is mounted read-only",
    ]
    assert evaluator.messages(2, online(filesystems=(filesystem("/"),))) == ["node6.lan: / is writable again"]


_STATUSES = st.sampled_from(["online", "offline", "unknown"])


@given(st.lists(st.tuples(_STATUSES, st.none() | st.floats(0, 100), st.floats(0, 40)), max_size=30))
def test_transitions_are_consistent_for_any_behaviour_of_a_node(rounds):
    alerts, logged, seconds = {}, {}, 0.0
    for status, memory, passed in rounds:
        seconds += passed
        measures = Measures(memory_usage=memory) if status == "online" else None
        seen = ObservedNode("a", status, "error" if status == "offline" else None, measures)
        alerts, transitions = evaluate(alerts, RULES, [seen], CurrentTime(seconds, seconds))
        for transition in transitions:
            allowed = {
                None: {"pending", "firing"} if transition.alert.rule == "node_down" else {"pending"},
                "pending": {"firing", "resolved"},
                "firing": {"resolved"},
            }
            assert transition.kind in allowed[logged.get(transition.alert.id)]
            logged[transition.alert.id] = None if transition.kind == "resolved" else transition.kind
        # The alerts that are active by the log are the active alerts.
        assert {alert.id: alert.state for alert in alerts.values()} == {
            name: state for name, state in logged.items() if state is not None
        }
