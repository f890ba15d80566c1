"""Rules of one's own over edits of the file and restarts, as a client of the published messages sees them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.alerts.message import restore_alerts, restore_flap_damping
from collector.alerts.rules import RulesFile
from collector.fleet import ClusterState
from collector.measures import Measures
from collector.rounds import Rounds
from contract.codec import decode
from contract.messages import Alerts, Incident, LogEntry, RulesInForce
from contract.names import ALERTS_CHANNEL
from contract.scripts import Lease

OWN = """
swap_filling: {metric: swap_usage, threshold: 80, for_seconds: 0, severity: %s}
rack_down: {metric: offline_share, by: rack, threshold: 20, for_seconds: 0}
node_down: {enabled: false}
"""
FULL = ObservedNode("a", "online", None, Measures(swap_usage=90.0), labels={"rack": "x"})
OFFLINE = ObservedNode("b", "offline", None, None, labels={"rack": "x"})


class Collector:
    """Follows a rules file, makes rounds, and keeps the log."""

    def __init__(self, path):
        self._path = path
        self.raw = None
        self.rules_in_force = ()
        self.seconds = 0.0
        self._epoch = 0
        self.restart()

    def restart(self):
        self.file = RulesFile(self._path)
        self._epoch += 1
        alerts = restore_alerts(self.raw, self._now())
        self._rounds = Rounds(
            Lease("me", "lab", 2.0),
            epoch=self._epoch,
            position="0-1",
            alerts=alerts,
            targets_path=Path("/nodes.yaml"),
            now=self._now(),
            damping=restore_flap_damping(self.raw, alerts, self._now()),
        )

    def edit(self, text):
        self._path.write_text(text)
        asyncio.run(self.file.refresh())

    def next(self, *observations):
        """Make a round; return the new log entries and incidents."""
        self.seconds += 2.0
        publication = self._rounds.next_round(ClusterState((), observations, self.file.rules, ()), self._now())
        self._rounds.confirm()
        self.raw = publication.messages.get(ALERTS_CHANNEL, self.raw)
        if publication.rules is not None:
            self.rules_in_force = decode(publication.rules, RulesInForce).rules
        entries = [msgspec.json.decode(raw, type=LogEntry) for _, raw in publication.entries]
        incidents = [msgspec.json.decode(raw, type=Incident) for raw in publication.incidents.values()]
        return entries, incidents

    @property
    def active(self):
        return {alert.id: alert for alert in decode(self.raw, Alerts).active_alerts}

    def _now(self):
        return CurrentTime(1000.0 * self._epoch + self.seconds, 1_795_426_800.0 + self.seconds)


@pytest.fixture
def collector(tmp_path):
    path = tmp_path / "alerts.yaml"
    path.write_text(OWN % "warning")
    return Collector(path)


def test_alerts_incidents_and_rules_have_labels_and_subjects(collector):
    entries, _ = collector.next(FULL, OFFLINE)

    assert [(each.transition, each.alert_id, each.labels) for each in entries] == [
        ("firing", "swap_filling/a", {"rack": "x"}),
        ("firing", "rack_down//rack=x", {"rack": "x"}),
    ]
    assert collector.active["rack_down//rack=x"].subject.name == "rack=x"
    in_force = {rule.name: rule for rule in collector.rules_in_force}
    assert (in_force["rack_down"].metric, in_force["rack_down"].by) == ("offline_share", "rack")

    entries, incidents = collector.next(
        replace(FULL, measures=Measures(swap_usage=1.0), labels={}), replace(OFFLINE, status="online", labels={})
    )
    assert [(each.alert_id, each.labels, each.subject and each.subject.name) for each in incidents] == [
        ("swap_filling/a", {"rack": "x"}, None),
        ("rack_down//rack=x", {"rack": "x"}, "rack=x"),
    ]


def test_edit_of_the_severity_is_an_entry_and_a_broken_file_changes_nothing(collector):
    collector.next(FULL, OFFLINE)

    collector.edit(OWN % "critical")
    entries, _ = collector.next(FULL, OFFLINE)
    assert [(each.transition, each.alert_id, each.severity) for each in entries] == [
        ("changed", "swap_filling/a", "critical")
    ]
    collector.edit(OWN % "fatal")
    assert (collector.file.problem.code, collector.file.problem.args["line"]) == ("rules_file_invalid", 2)
    assert collector.next(FULL, OFFLINE) == ([], [])
    assert collector.active["swap_filling/a"].severity == "critical"


@pytest.mark.parametrize("is_restarted", [False, True])
def test_alerts_end_with_the_reason_when_their_rules_are_removed(collector, is_restarted):
    collector.next(FULL, OFFLINE)

    collector.edit("node_down: {enabled: false}")
    if is_restarted:
        collector.restart()
    entries, incidents = collector.next(FULL, OFFLINE)

    assert sorted((each.transition, each.message) for each in entries) == [
        ("resolved", "a: the rule swap_filling is no longer in the rules file"),
        ("resolved", "rack=x: the rule rack_down is no longer in the rules file"),
    ]
    assert len(incidents) == 2
    assert collector.active == {}


EDITS = (
    OWN % "warning",
    OWN % "critical",
    "",
    "swap_filling: {metric: load1, threshold: 5, for_seconds: 0}\n",
    "rack_down: {metric: offline_share, by: zone, threshold: 50, for_seconds: 4}\n",
    "rack_down: {metric: swap_usage, threshold: 50, for_seconds: 0, match: {rack: x*}}\n",
    "swap_filling: {metric: offline_share, by: rack, threshold: 1, overrides: [{match: {rack: y}, severity: info}]}\n",
)
_NODES = st.lists(
    st.builds(
        lambda name, status, swap, load, labels: ObservedNode(
            name, status, None, Measures(swap_usage=swap, load1=load) if status == "online" else None, labels=labels
        ),
        st.sampled_from("abc"),
        st.sampled_from(["online", "offline", "unknown"]),
        st.none() | st.sampled_from([1.0, 90.0]),
        st.sampled_from([0.0, 9.0]),
        st.sampled_from([{}, {"rack": "x"}, {"rack": "y", "zone": "n"}]),
    ),
    max_size=3,
    unique_by=lambda observed: observed.node,
)


@given(st.lists(st.tuples(_NODES, st.integers(0, 20), st.booleans()), max_size=20))
def test_log_is_consistent_for_any_edits_labels_and_restarts(tmp_path_factory, rounds):
    path = tmp_path_factory.mktemp("rules") / "alerts.yaml"
    path.write_text(EDITS[0])
    collector, logged = Collector(path), {}
    for observations, edit, is_restarted in rounds:
        if edit < len(EDITS):
            path.write_text(EDITS[edit])
            collector.file = RulesFile(path)
        if is_restarted:
            collector.restart()
        entries, _ = collector.next(*observations)
        for entry in entries:
            before = logged.pop(entry.alert_id, None)
            allowed = {None: ("pending", "firing"), "pending": ("firing", "resolved")}
            assert entry.transition in allowed.get(before and before[0], ("changed", "resolved"))
            assert bool(entry.node) is (entry.subject is None)
            if entry.transition != "resolved":
                state = "firing" if entry.transition == "changed" else entry.transition
                logged[entry.alert_id] = state, entry.severity, entry.labels
        active = {
            alert.id: (alert.state, alert.severity, alert.labels) for alert in collector.active.values() if alert.logged
        }
        # Alerts that are pending for the second time are in no entry.
        assert {name: seen for name, seen in active.items() if seen[0] == "firing"} == {
            name: seen for name, seen in logged.items() if seen[0] == "firing"
        }
