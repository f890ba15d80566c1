"""Rules of one's own, matches and overrides: which alerts begin, change and end."""

from dataclasses import replace

import pytest

from collector.alerts.active_alert import CurrentTime
from collector.alerts.applied import AppliedRules
from collector.alerts.conditions import ObservedNode
from collector.alerts.evaluate import MISSING_MEASURE_SECONDS, Evaluation, evaluate
from collector.alerts.log import AlertLogWriter
from collector.alerts.message import build_alerts, restore_alerts
from collector.alerts.node_metrics import BOUNDS, COLLECTORS, OFFLINE_SHARE
from collector.alerts.rules import parse_rules
from collector.measures import Measures
from collector.sentences.own_rules import METRICS
from contract.codec import encode
from contract.messages import Node

SWAP = "swap_filling: {metric: swap_usage, threshold: 80, clear: 70, for_seconds: 0"
RACKS = "rack_down: {metric: offline_share, by: rack, threshold: 20, clear: 15, for_seconds: 0"
NOT_APPLIED = "rack=a: the rule rack_down no longer applies"
NO_BUILT_IN = "node_down: {enabled: false}\n"


def moment(seconds):
    return CurrentTime(1000.0 + seconds, 1_795_426_800.0 + seconds)


class Rounds:
    """Evaluates round after round, with the rules of ``text``."""

    def __init__(self, text):
        self.alerts = {}
        self.applied = AppliedRules()
        self.rules = parse_rules(NO_BUILT_IN + text)

    def edit(self, text):
        self.rules = parse_rules(NO_BUILT_IN + text)

    def next(self, seconds, *observations):
        """Make a round; return kind, severity and message of each transition."""
        evaluation = Evaluation(self.alerts, self.rules, self.applied, moment(seconds))
        evaluation.run(observations)
        self.alerts = evaluation.current
        return [(each.kind, each.alert.severity, each.alert.message) for each in evaluation.transitions]

    def hand_over(self):
        """Let another collector continue from the published message."""
        log = AlertLogWriter(epoch=1, position="1-0", now="2026-11-23T09:41:07.120Z")
        message = build_alerts(
            self.alerts.values(), log, cluster="lab", epoch=1, seq=1, timestamp="2026-11-23T09:41:07.120Z"
        )
        self.alerts = restore_alerts(encode(message), moment(0))


def node(name, status="online", *, role="worker", address="", labels=None, **measures):
    seen = Measures(**measures) if status == "online" else None
    return ObservedNode(name, status, None, seen, role, address, labels or {})


def rack(name, online=0, offline=0, unknown=0, **fields):
    statuses = ["online"] * online + ["offline"] * offline + ["unknown"] * unknown
    return [node(f"{name}{number}", status, labels={"rack": name}, **fields) for number, status in enumerate(statuses)]


def test_own_rule_begins_at_its_threshold_and_ends_below_clear():
    rounds = Rounds(SWAP + "}")

    assert rounds.next(0, node("a", swap_usage=79.9), node("b")) == []
    assert rounds.next(1, node("a", swap_usage=80.0)) == [
        ("firing", "warning", "a: swap usage is 80 % (rule swap_filling: from 80 %)")
    ]
    [alert] = rounds.alerts.values()
    assert (alert.id, alert.value, alert.subject) == ("swap_filling/a", 80.0, None)
    assert rounds.next(2, node("a", swap_usage=70.0)) == []
    assert rounds.next(3, node("a", swap_usage=69.9)) == [
        ("resolved", "warning", "a: swap usage is down to 69.9 % (rule swap_filling)")
    ]


def test_own_rules_read_every_measured_field_of_a_node():
    measured = {
        name
        for name, kind in Node.__annotations__.items()
        if name not in ("node", "address", "role", "status", "is_healthy", "status_since", "error", "boot_time",
                        "error_coded", "labels")
    }  # fmt: skip
    assert set(METRICS) == measured == set(COLLECTORS)
    text = "".join(f"own_{metric}: {{metric: {metric}, threshold: 100, for_seconds: 0}}\n" for metric in METRICS)
    seen = node("a", **dict.fromkeys(METRICS, 100))
    assert {alert.rule for alert in evaluate({}, parse_rules(text), [seen], moment(0))[0].values()} >= {
        f"own_{metric}" for metric in METRICS
    }
    assert set(BOUNDS) == {*METRICS, OFFLINE_SHARE}


def test_alert_ends_when_its_measure_is_missing_but_not_when_its_collector_hangs():
    rounds = Rounds(SWAP + "}")
    rounds.next(0, node("a", swap_usage=90.0))

    assert rounds.next(2 * MISSING_MEASURE_SECONDS, node("a", hung_collector="meminfo")) == []
    assert rounds.next(2 * MISSING_MEASURE_SECONDS, node("a", "offline")) == []
    assert rounds.next(2 * MISSING_MEASURE_SECONDS, node("a")) == [
        ("resolved", "warning", "a no longer reports its swap usage (rule swap_filling)")
    ]


@pytest.mark.parametrize(
    ("match", "alerted"),
    [
        ("{}", "abcd"),
        ("{rack: [x, y]}", "ab"),
        ("{rack: x*}", "ac"),
        ("{rack: '*'}", "abc"),
        ("{role: master}", "b"),
        ("{address: '10.0.0.?:9100', rack: x1}", "c"),
        ("{node: d}", "d"),
    ],
)
def test_rule_applies_only_to_the_nodes_that_match(match, alerted):
    nodes = [
        node("a", swap_usage=90.0, labels={"rack": "x"}),
        node("b", swap_usage=90.0, labels={"rack": "y"}, role="master"),
        node("c", swap_usage=90.0, labels={"rack": "x1"}, address="10.0.0.7:9100"),
        node("d", swap_usage=90.0),
    ]
    rounds = Rounds(f"{SWAP}, match: {match}}}\nswap: {{enabled: true, for_seconds: 0, match: {match}}}")
    rounds.next(0, *nodes)

    assert sorted(rounds.alerts) == sorted((rule, name, "") for name in alerted for rule in ("swap", "swap_filling"))


def test_first_override_that_matches_counts():
    overrides = "[{match: {rack: x}, threshold: 95}, {match: {rack: '*'}, severity: critical, clear: 60}]"
    built_in = "swap: {enabled: true, for_seconds: 0, threshold: 80, clear: 70"
    for text in (f"{SWAP}, overrides: {overrides}}}", f"{built_in}, overrides: {overrides}}}"):
        rounds = Rounds(text)
        found = rounds.next(
            0, *(node(name, swap_usage=94.0, labels={"rack": name} if name != "z" else {}) for name in "xyz")
        )
        assert [(severity, message[0]) for _, severity, message in found] == [("critical", "y"), ("warning", "z")]
        # The override of the threshold keeps the distance of clear.
        assert rounds.next(1, node("x", swap_usage=95.0, labels={"rack": "x"}))[0][:2] == ("firing", "warning")
        rounds.alerts = {key: alert for key, alert in rounds.alerts.items() if alert.node == "x"}
        assert rounds.next(2, node("x", swap_usage=90.0, labels={"rack": "x"})) == []
        assert rounds.next(3, node("x", swap_usage=84.9, labels={"rack": "x"}))[0][0] == "resolved"


def test_severity_of_an_override_applies_to_the_master_too():
    rules = parse_rules("node_down: {for_seconds: 0, overrides: [{match: {rack: spare}, severity: info}]}")
    seen = [node("a", "offline", role="master", labels={"rack": "spare"}), node("b", "offline", role="master")]

    alerts, _ = evaluate({}, rules, seen, moment(0))

    assert {alert.node: alert.severity for alert in alerts.values()} == {"a": "info", "b": "critical"}


def test_alert_keeps_the_labels_of_its_beginning_when_the_labels_change():
    rounds = Rounds(SWAP + "}")
    rounds.next(0, node("a", swap_usage=90.0, labels={"rack": "x"}))
    rounds.next(1, node("a", swap_usage=91.0, labels={"rack": "y"}))

    [alert] = rounds.alerts.values()
    assert (alert.value, alert.to_contract().labels) == (91.0, {"rack": "x"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the rule swap_filling is no longer in the rules file"),
        (SWAP + ", enabled: false}", "the rule swap_filling is switched off"),
        (SWAP + ", match: {rack: b}}", "the rule swap_filling no longer applies"),
        ("swap_filling: {metric: load1, threshold: 1}", "the rule swap_filling no longer applies"),
        ("swap_filling: {metric: offline_share, by: rack, threshold: 1}", "the rule swap_filling no longer applies"),
    ],
)
@pytest.mark.parametrize("status", ["online", "offline", "unknown"])
@pytest.mark.parametrize("is_handed_over", [False, True])
def test_alert_of_an_own_rule_ends_at_once_when_its_rule_is_gone(text, message, status, is_handed_over):
    rounds = Rounds(SWAP + "}")
    rounds.next(0, node("a", swap_usage=90.0))
    if is_handed_over:
        rounds.hand_over()
    rounds.edit(text)

    ended = [each for each in rounds.next(1, node("a", status, swap_usage=90.0)) if each[0] == "resolved"]

    if "load1" in text and status != "online":
        assert ended == []  # the metric of the rule is unknown
    else:
        assert ended == [("resolved", "warning", f"a: {message}")]


def test_group_has_one_alert_while_too_many_of_its_nodes_are_offline():
    rounds = Rounds(RACKS + ", severity: critical}")

    assert rounds.next(0, *rack("a", online=9, offline=1), *rack("b", online=4, offline=1), node("c", "offline")) == [
        ("firing", "critical", "rack=b: 1 of 5 nodes is offline, 20 % (rule rack_down: from 20 %)")
    ]
    [alert] = rounds.alerts.values()
    written = alert.to_contract()
    assert (written.id, written.node, written.labels, written.value) == ("rack_down//rack=b", "", {"rack": "b"}, 20.0)
    assert (written.subject.kind, written.subject.name) == ("group", "rack=b")
    assert rounds.next(1, *rack("b", online=5, offline=1)) == []
    assert rounds.next(2, *rack("b", online=6, offline=1)) == [
        ("resolved", "critical", "rack=b: only 1 of 7 nodes is offline, 14.3 % (rule rack_down)")
    ]


def test_share_counts_only_matching_nodes_that_were_scraped():
    rounds = Rounds(RACKS + ", match: {role: worker}}")

    assert rounds.next(0, *rack("a", online=5), *rack("a", offline=9, role="master")) == []
    assert rounds.next(1, *rack("a", online=1, offline=1, unknown=2))[0][2].startswith("rack=a: 1 of 2 nodes is")


def test_group_alert_neither_begins_nor_ends_while_unscraped_nodes_can_change_the_result():
    rounds = Rounds(RACKS + "}")

    # 1 of 6 nodes is below the threshold if all others are online.
    assert rounds.next(0, *rack("a", online=2, offline=1, unknown=3)) == []
    assert rounds.next(1, *rack("a", online=5, offline=1)) == []
    assert rounds.next(2, *rack("a", online=7, offline=3))[0][0] == "firing"
    rounds.hand_over()
    # Offline nodes are found last.
    assert rounds.next(3, *rack("a", online=7, unknown=3)) == []
    assert rounds.next(4, *rack("a", online=7, offline=1, unknown=2)) == []
    assert rounds.next(5, *rack("a", online=7, offline=3)) == []
    assert [alert.state for alert in rounds.alerts.values()] == ["firing"]
    assert rounds.next(6, *rack("a", online=9, unknown=1))[0][0] == "resolved"


def test_alert_of_a_group_continues_when_another_collector_takes_over():
    rounds = Rounds(RACKS + "}")
    rounds.next(0, *rack("a", online=1, offline=1))
    before = {key: alert.to_contract() for key, alert in rounds.alerts.items()}
    rounds.hand_over()

    assert rounds.next(1, *rack("a", unknown=2)) == []
    assert rounds.next(2, *rack("a", online=1, offline=1)) == []
    assert {key: alert.to_contract() for key, alert in rounds.alerts.items()} == before


@pytest.mark.parametrize(
    ("text", "observations", "message"),
    [
        (RACKS + "}", rack("b", online=2), "rack=a no longer has nodes (rule rack_down)"),
        ("", rack("a", offline=2), "rack=a: the rule rack_down is no longer in the rules file"),
        (RACKS + ", enabled: false}", rack("a", offline=2), "rack=a: the rule rack_down is switched off"),
        (RACKS.replace("by: rack", "by: zone") + "}", rack("a", offline=2), NOT_APPLIED),
        (SWAP.replace("swap_filling", "rack_down") + "}", rack("a", offline=2), NOT_APPLIED),
    ],
)  # fmt: skip
def test_alert_of_a_group_ends_when_its_group_or_rule_is_gone(text, observations, message):
    rounds = Rounds(RACKS + "}")
    rounds.next(0, *rack("a", online=1, offline=1))
    rounds.edit(text)

    assert rounds.next(1, *observations) == [("resolved", "warning", message)]


def test_override_of_a_group_rule_matches_the_group():
    rounds = Rounds(RACKS + ", overrides: [{match: {rack: b*}, threshold: 50, severity: info}]}")
    found = rounds.next(0, *rack("a", online=1, offline=1), *rack("b1", online=3, offline=1), *rack("b2", offline=1))

    assert [(severity, message.partition(":")[0]) for _, severity, message in found] == [
        ("warning", "rack=a"),
        ("info", "rack=b2"),
    ]


def test_nodes_are_matched_once_until_rules_or_labels_change():
    nodes = [node(f"n{number}", swap_usage=1.0, labels={"rack": "a"}) for number in range(50)]
    rounds = Rounds(f"{SWAP}, match: {{rack: a}}}}\n{RACKS}}}")
    for second in range(3):
        rounds.next(second, *nodes)
    assert rounds.applied.comparisons == 50

    rounds.next(4, replace(nodes[0], labels={"rack": "b"}), *nodes[1:])
    assert rounds.applied.comparisons == 51
    rounds.edit(SWAP + "}")
    rounds.next(5, *nodes)
    assert rounds.applied.comparisons == 101
    # Nodes that are gone are forgotten.
    rounds.next(6, *(node(f"m{number}") for number in range(200)))
    rounds.next(7, node("m1"))
    rounds.next(8, *nodes)
    assert rounds.applied.comparisons == 101 + 200 + 50
