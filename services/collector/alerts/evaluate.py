"""Apply the rules to the nodes: the alerts of the previous round and the observed nodes give the current alerts."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, Self

import msgspec

from collector.alerts.conditions import (
    ObservedNode,
    Reading,
    alert_value,
    begin_sentence,
    condition_readings,
    detail_gone_sentence,
    end_sentence,
)
from collector.alerts.rules import Rule, Rules
from collector.sentences.alerts import detail_left_out, measure_untold, rule_off, rule_unknown, target_removed
from collector.sentences.sentence import AlertText, code_and_arguments, english
from contract.messages import Alert, AlertState, Coded, Severity, Timestamp
from runtime.clock import timestamp, unix_seconds

#: Seconds after which an alert ends if an online node no longer reports the measure.
MISSING_MEASURE_SECONDS: Final = 60.0
#: Seconds after which a restored alert ends if this release does not have its rule. During a rolling update, a
#: collector of the other release takes the lease back within minutes; after a rollback no collector has the rule.
UNKNOWN_RULE_SECONDS: Final = 86_400.0

#: Rule, node and detail.
AlertKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """The current time, by the monotonic clock for durations and by the wall clock for timestamps."""

    monotonic_seconds: float
    unix_seconds: float

    def to_monotonic(self, written: Timestamp) -> float:
        """Return the monotonic time of a timestamp that another collector wrote, at the latest the current time.

        The upper bound keeps the result out of the future if the wall clock was set back. An invalid timestamp gives
        the current time.
        """
        try:
            ago = max(0.0, self.unix_seconds - unix_seconds(written))
        except ValueError:
            ago = 0.0
        return self.monotonic_seconds - ago

    def to_timestamp(self, monotonic_seconds: float) -> Timestamp:
        """Return the timestamp of a monotonic time."""
        return timestamp(self.unix_seconds - self.monotonic_seconds + monotonic_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlert:
    """An alert that is pending or firing."""

    rule: str
    node: str
    #: For instance a mount point or a sensor; empty for a condition of the whole node.
    detail: str
    severity: Severity
    state: AlertState
    value: float | None
    text: AlertText
    #: The highest value since the condition began.
    peak: float | None
    #: When the condition began.
    since: Timestamp
    since_monotonic_seconds: float
    #: When the condition last held, or when this collector restored the alert.
    confirmed_monotonic_seconds: float
    #: The alert as the previous collector published it, until this collector evaluates its rule: the alert may have
    #: fields of a later release.
    published: msgspec.Raw | None = None
    #: As in ``Alert``.
    flapping: int = 0
    logged: bool = True

    @property
    def key(self) -> AlertKey:
        """Rule, node and detail."""
        return self.rule, self.node, self.detail

    @property
    def id(self) -> str:
        """``rule/node``, or ``rule/node/detail``."""
        return f"{self.rule}/{self.node}/{self.detail}" if self.detail else f"{self.rule}/{self.node}"

    @property
    def message(self) -> str:
        """The sentence of the alert in English."""
        return english(self.text)

    def to_contract(self) -> Alert:
        """Return the alert in the form of the contract."""
        text = code_and_arguments(self.text)
        return Alert(
            id=self.id,
            rule=self.rule,
            node=self.node,
            severity=self.severity,
            type=self.severity,
            state=self.state,
            value=self.value,
            message=self.message,
            since=self.since,
            peak=self.peak,
            code=None if text is None else text.code,
            args={} if text is None else text.args,
            flapping=self.flapping,
            logged=self.logged,
        )


@dataclass(frozen=True, slots=True)
class AlertTransition:
    """A change of an alert's state; ``alert`` is the alert after the change, with its new value and sentence."""

    kind: Literal["pending", "firing", "resolved", "pended"]
    alert: ActiveAlert
    #: For a resolved alert: the alert with its previous sentence.
    alert_before: ActiveAlert | None = None
    #: As in ``LogEntry``.
    count: int = 1

    @classmethod
    def end(cls, alert: ActiveAlert, why: Coded) -> Self:
        """Return the transition that resolves ``alert``."""
        return cls("resolved", replace(alert, text=why), alert_before=alert)


Alerts = Mapping[AlertKey, ActiveAlert]


def evaluate(
    alerts: Alerts, rules: Rules, observations: Iterable[ObservedNode], now: CurrentTime
) -> tuple[dict[AlertKey, ActiveAlert], list[AlertTransition]]:
    """Return the current alerts and the transitions that led to them, in the order of the log.

    An alert stays unchanged while its condition is unknown: the node is not online, or was not scraped yet. An alert
    ends when its condition ends, its node is no longer a target, an online node no longer has its detail, or its rule
    is switched off.

    A collector of another release may have left an alert without a node, or an alert of a rule that ``rules`` do not
    have. Only a collector of that release can resolve such an alert. This collector ends the alert when its node is
    removed, or ``UNKNOWN_RULE_SECONDS`` after it was restored.
    """
    unread: dict[tuple[str, str], dict[str, ActiveAlert]] = {}
    for (rule_name, node, detail), alert in alerts.items():
        unread.setdefault((rule_name, node), {})[detail] = alert
    current: dict[AlertKey, ActiveAlert] = {}
    transitions: list[AlertTransition] = []
    enabled = [rule for rule in rules.values() if rule.enabled]
    nodes: set[str] = set()
    for observed in observations:
        nodes.add(observed.node)
        for rule in enabled:
            previous_alerts = unread.get((rule.name, observed.node), {}) if unread else {}
            readings = condition_readings(rule.name, observed, previous_alerts, ignored_sensors=rule.ignore_sensors)
            if readings is None:
                continue
            unread.pop((rule.name, observed.node), None)
            for reading in readings:
                detail, measure = reading
                if not previous_alerts and (measure is None or not rule.is_met(measure, is_active=False)):
                    continue  # most readings: no alert before and no alert now
                if rule.ignore and rule.ignores(detail):
                    continue
                alert_now = _evaluated(rule, observed, reading, previous_alerts.pop(detail, None), now, transitions)
                if alert_now is not None:
                    current[rule.name, observed.node, detail] = alert_now
            for previous in previous_alerts.values():
                transitions.append(AlertTransition.end(previous, _detail_end_reason(previous, rule, observed)))
    for previous_alerts in unread.values():
        for alert in previous_alerts.values():
            why = end_reason(alert, rules, nodes, now)
            if why is None:
                current[alert.key] = alert
            else:
                transitions.append(AlertTransition.end(alert, why))
    return current, transitions


def _evaluated(
    rule: Rule,
    observed: ObservedNode,
    reading: Reading,
    previous: ActiveAlert | None,
    now: CurrentTime,
    transitions: list[AlertTransition],
) -> ActiveAlert | None:
    """Return the alert after a reading, ``None`` if there is no alert; add the transition to ``transitions``."""
    detail, measure = reading
    if measure is None:
        if previous is None or now.monotonic_seconds - previous.confirmed_monotonic_seconds <= MISSING_MEASURE_SECONDS:
            return previous
        transitions.append(AlertTransition.end(replace(previous, value=None), measure_untold(previous.node, rule.name)))
        return None
    value = alert_value(rule.name, measure)
    if not rule.is_met(measure, is_active=previous is not None):
        if previous is None or now.monotonic_seconds - previous.confirmed_monotonic_seconds < rule.keep_seconds:
            return previous
        transitions.append(
            AlertTransition.end(replace(previous, value=value), end_sentence(rule.name, observed.node, detail, value))
        )
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
        node=observed.node,
        detail=detail,
        severity=rule.severity_of(observed.role),
        state="firing" if is_firing else "pending",
        value=value,
        text=begin_sentence(rule.name, observed, detail, value),
        peak=peak,
        since=since,
        since_monotonic_seconds=since_monotonic,
        confirmed_monotonic_seconds=now.monotonic_seconds,
    )
    if previous is None or previous.state != alert.state:
        transitions.append(AlertTransition(alert.state, alert))
    return alert


def end_reason(alert: ActiveAlert, rules: Rules, nodes: Container[str], now: CurrentTime) -> Coded | None:
    """Return why an alert without a reading ends; ``None`` if the alert stays."""
    if alert.node and alert.node not in nodes:
        return target_removed(alert.node)
    if alert.rule not in rules or not alert.node:
        has_expired = now.monotonic_seconds - alert.confirmed_monotonic_seconds > UNKNOWN_RULE_SECONDS
        return rule_unknown(alert.node, alert.rule) if has_expired else None
    return None if rules[alert.rule].enabled else rule_off(alert.node, alert.rule)


def _detail_end_reason(alert: ActiveAlert, rule: Rule, observed: ObservedNode) -> Coded:
    if rule.ignores(alert.detail):
        return detail_left_out(alert.node, alert.detail, rule.name)
    return detail_gone_sentence(rule.name, observed, alert.detail)
