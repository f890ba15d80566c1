"""Apply the rules to the nodes: the alerts of the previous round and the observed nodes give the current alerts."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from collector.alerts.active_alert import ActiveAlert, AlertKey, Alerts, AlertTransition, CurrentTime
from collector.alerts.applied import AppliedRules, OwnRule
from collector.alerts.conditions import ObservedNode, condition_readings
from collector.alerts.end_reasons import Present, detail_end_reason, end_reason, reads_another_metric
from collector.alerts.node_metrics import COLLECTORS
from collector.alerts.places import GroupPlace, NodePlace, Place
from collector.alerts.rule import Rule, Rules
from collector.sentences.own_rules import rule_no_longer_applies
from runtime.clock import timestamp

#: Seconds after which an alert ends if an online node no longer reports the measure.
MISSING_MEASURE_SECONDS: Final = 60.0


def evaluate(
    alerts: Alerts, rules: Rules, observations: Iterable[ObservedNode], now: CurrentTime
) -> tuple[dict[AlertKey, ActiveAlert], list[AlertTransition]]:
    """Return the current alerts and the transitions that led to them, in the order of the log.

    An alert stays unchanged while its condition is unknown: the node is not online, or was not scraped yet. An alert
    ends when its condition ends, its node is no longer a target, an online node no longer has its detail, or its rule
    is switched off, removed or no longer applies.

    A collector of another release may have left an alert of a rule that ``rules`` do not have. Only a collector of that
    release can resolve such an alert. This collector ends the alert when its node is removed, or
    ``UNKNOWN_RULE_SECONDS`` after it was restored.
    """
    evaluation = Evaluation(alerts, rules, AppliedRules(), now)
    evaluation.run(observations)
    return evaluation.current, evaluation.transitions


class Evaluation:
    """One round; the result is in ``current``, ``transitions`` and ``present``."""

    def __init__(self, alerts: Alerts, rules: Rules, applied: AppliedRules, now: CurrentTime) -> None:
        self.current: dict[AlertKey, ActiveAlert] = {}
        self.transitions: list[AlertTransition] = []
        self.nodes: dict[str, ObservedNode] = {}
        self.groups: dict[tuple[str, str], GroupPlace] = {}
        self.present = Present(rules, applied, self.nodes, self.groups)
        self._rules = rules
        self._applied = applied
        self._now = now
        #: Alerts of the previous round without a reading, by rule and node, then by detail.
        self._unread: dict[tuple[str, str], dict[str, ActiveAlert]] = {}
        for (rule, node, detail), alert in alerts.items():
            self._unread.setdefault((rule, node), {})[detail] = alert
        self._alerted = {node for _, node, _ in alerts}

    def run(self, observations: Iterable[ObservedNode]) -> None:
        """Evaluate all rules for all nodes and groups."""
        self._applied.follow(self._rules)
        for observed in observations:
            self.nodes[observed.node] = observed
            node_rules = self._applied.of_node(observed)
            for rule in node_rules.built_in:
                self._read_built_in(rule, observed)
            if node_rules.own and observed.measures is not None and observed.status != "unknown":
                self._read_own(node_rules.own, observed)
            for key in node_rules.groups:
                group = self.groups.get(key)
                if group is None:
                    group = self.groups[key] = GroupPlace(key[1])
                group.count(observed)
        self._applied.forget_others(self.nodes.keys())
        for (name, _), group in sorted(self.groups.items()):
            self._read_group(self._applied.of_group(self._rules[name], group.detail), group)
        for unread in self._unread.values():
            for alert in unread.values():
                why = end_reason(alert, self.present, self._now)
                if why is None:
                    self.current[alert.key] = alert
                else:
                    self.transitions.append(AlertTransition.end(alert, why))

    def _read_built_in(self, rule: Rule, observed: ObservedNode) -> None:
        previous_alerts = self._unread.get((rule.name, observed.node), {}) if observed.node in self._alerted else {}
        readings = condition_readings(rule.name, observed, previous_alerts, ignored_sensors=rule.ignore_sensors)
        if readings is None:
            return
        self._unread.pop((rule.name, observed.node), None)
        for detail, measure in readings:
            if not previous_alerts and (measure is None or not rule.is_met(measure, is_active=False)):
                continue  # most readings: no alert before and no alert now
            if rule.ignore and rule.ignores(detail):
                continue
            self._step(rule, NodePlace(observed, detail), measure, previous_alerts.pop(detail, None))
        for previous in previous_alerts.values():
            self.transitions.append(AlertTransition.end(previous, detail_end_reason(previous, rule, observed)))

    def _read_own(self, own_rules: Iterable[OwnRule], observed: ObservedNode) -> None:
        measures, is_alerted = observed.measures, observed.node in self._alerted
        assert measures is not None
        for rule, read, threshold in own_rules:
            measure = read(measures)
            if not is_alerted and (measure is None or measure < threshold):
                continue  # most readings: no alert before and no alert now
            if measures.hung_collector is not None and measures.hung_collector in COLLECTORS.get(rule.metric or "", ()):
                continue
            previous = self._unread.get((rule.name, observed.node), {}).pop("", None)
            self._step(rule, NodePlace(observed, ""), measure, previous)

    def _read_group(self, rule: Rule, group: GroupPlace) -> None:
        previous_alerts = self._unread.get((rule.name, ""), {})
        if group.is_decided(rule, is_active=group.detail in previous_alerts):
            self._step(rule, group, group.share, previous_alerts.pop(group.detail, None))

    def _step(self, rule: Rule, place: Place, measure: float | None, previous: ActiveAlert | None) -> None:
        """Continue, begin or end the alert of ``rule`` at ``place``."""
        if previous is not None and previous.lacks_labels:
            previous = replace(previous, labels=place.labels, lacks_labels=False)
        if previous is not None and reads_another_metric(previous, rule):
            why = rule_no_longer_applies(previous.about, rule.name)
            self.transitions.append(AlertTransition.end(previous, why))
            previous = None
        alert = self._evaluated(rule, place, measure, previous)
        if alert is not None:
            self.current[alert.key] = alert

    def _evaluated(
        self, rule: Rule, place: Place, measure: float | None, previous: ActiveAlert | None
    ) -> ActiveAlert | None:
        """Return the alert after a reading, ``None`` if there is no alert; add the transition."""
        now = self._now
        unconfirmed_seconds = 0.0 if previous is None else now.monotonic_seconds - previous.confirmed_monotonic_seconds
        if measure is None:
            if previous is None or unconfirmed_seconds <= MISSING_MEASURE_SECONDS:
                return previous
            self.transitions.append(AlertTransition.end(replace(previous, value=None), place.untold(rule)))
            return None
        value = place.value(rule, measure)
        if not rule.is_met(measure, is_active=previous is not None):
            if previous is None or unconfirmed_seconds < rule.keep_seconds:
                return previous
            self.transitions.append(AlertTransition.end(replace(previous, value=value), place.end(rule, value)))
            return None
        if previous is None:
            since, since_monotonic, peak = timestamp(now.unix_seconds), now.monotonic_seconds, value
        else:
            since, since_monotonic = previous.since, previous.since_monotonic_seconds
            peak = value if previous.peak is None or value is None else max(previous.peak, value)
        is_firing = previous is not None and previous.state == "firing"
        is_firing = is_firing or now.monotonic_seconds - since_monotonic >= rule.for_seconds
        alert = ActiveAlert(
            rule=rule.name,
            node=place.node,
            detail=place.detail,
            severity=place.severity(rule),
            state="firing" if is_firing else "pending",
            value=value,
            text=place.begin(rule, value),
            peak=peak,
            since=since,
            since_monotonic_seconds=since_monotonic,
            confirmed_monotonic_seconds=now.monotonic_seconds,
            labels=place.labels if previous is None else previous.labels,
            subject=place.subject,
        )
        if previous is None or previous.state != alert.state:
            self.transitions.append(AlertTransition(alert.state, alert))
        return alert
