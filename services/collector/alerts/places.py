"""What an alert is about, a node or a group of nodes, with the sentences of its beginning and end."""

from collections.abc import Mapping
from dataclasses import dataclass

from collector.alerts.applied import group_labels
from collector.alerts.conditions import ObservedNode, alert_value, begin_sentence, end_sentence
from collector.alerts.rule import Rule
from collector.sentences.alerts import measure_untold
from collector.sentences.own_rules import (
    measure_down,
    measure_high,
    metric_untold,
    offline_share_down,
    offline_share_high,
    rule_no_longer_applies,
)
from contract.messages import Coded, Severity, Subject


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A node, or a detail of the node."""

    observed: ObservedNode
    detail: str
    subject: None = None

    @property
    def node(self) -> str:
        """The name of the node."""
        return self.observed.node

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of an alert that begins now."""
        return self.observed.labels

    def severity(self, rule: Rule) -> Severity:
        """Return the severity of an alert here."""
        return rule.severity_of(self.observed.role)

    def value(self, rule: Rule, measure: float) -> float | None:
        """Return the measure as an alert has it."""
        return alert_value(rule.name, measure) if rule.metric is None else float(measure)

    def begin(self, rule: Rule, value: float | None) -> Coded:
        """Return the sentence that the condition holds."""
        if rule.metric is None:
            return begin_sentence(rule.name, self.observed, self.detail, value)
        return measure_high(self.node, rule.name, rule.metric, value or 0.0, rule.threshold or 0.0)

    def end(self, rule: Rule, value: float | None) -> Coded:
        """Return the sentence that the condition no longer holds."""
        if rule.metric is None:
            return end_sentence(rule.name, self.node, self.detail, value)
        return measure_down(self.node, rule.name, rule.metric, value or 0.0)

    def untold(self, rule: Rule) -> Coded:
        """Return the sentence that the measure is no longer reported."""
        if rule.metric is None:
            return measure_untold(self.node, rule.name)
        return metric_untold(self.node, rule.name, rule.metric)


@dataclass(slots=True)
class GroupPlace:
    """A group, with the counts of its nodes. A node that this collector has not scraped yet is in ``total`` only."""

    detail: str
    offline: int = 0
    known: int = 0
    total: int = 0

    node = ""

    def count(self, observed: ObservedNode) -> None:
        """Add a node of the group."""
        self.total += 1
        if observed.status != "unknown":
            self.known += 1
            self.offline += observed.status == "offline"

    @property
    def share(self) -> float:
        """Percent of the scraped nodes that are offline; at least one node is scraped."""
        return 100 * self.offline / self.known

    def is_decided(self, rule: Rule, *, is_active: bool) -> bool:
        """Whether the nodes that are not scraped yet cannot change whether the condition of ``rule`` holds.

        Nodes that are offline are found last: their scrapes end with a timeout.
        """
        lowest, highest = self.offline, self.offline + self.total - self.known
        low, high = (rule.is_met(100 * count / self.total, is_active=is_active) for count in (lowest, highest))
        return self.known > 0 and low == high

    @property
    def subject(self) -> Subject:
        """The subject of the group's alerts."""
        return Subject(kind="group", name=self.detail)

    @property
    def labels(self) -> Mapping[str, str]:
        """The label that all nodes of the group have."""
        return group_labels(self.detail)

    def severity(self, rule: Rule) -> Severity:
        """Return the severity of an alert of the group."""
        return rule.severity

    def value(self, _rule: Rule, measure: float) -> float | None:
        """Return the share as an alert has it."""
        return round(measure, 1)

    def begin(self, rule: Rule, value: float | None) -> Coded:
        """Return the sentence that the condition holds."""
        threshold = rule.threshold or 0.0
        return offline_share_high(self.detail, rule.name, self.offline, self.known, value or 0.0, threshold)

    def end(self, rule: Rule, value: float | None) -> Coded:
        """Return the sentence that the condition no longer holds."""
        return offline_share_down(self.detail, rule.name, self.offline, self.known, value or 0.0)

    def untold(self, rule: Rule) -> Coded:
        """Return the sentence that the share is no longer known."""
        return rule_no_longer_applies(self.detail, rule.name)


Place = NodePlace | GroupPlace
