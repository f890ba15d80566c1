"""Judge the nodes by the rules: the alerts of the round before and what is seen now give the alerts of now."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, Self

import msgspec

from collector.alerts.conditions import ObservedNode, Reading, alert_value, begun, ended, gone, readings
from collector.alerts.rules import Rule, Rules
from collector.sentences.alerts import detail_left_out, measure_untold, rule_off, rule_unknown, target_removed
from collector.sentences.sentence import Text, coded, english
from contract.messages import Alert, AlertState, Coded, Severity, Timestamp
from runtime.clock import timestamp, unix_seconds

#: Seconds after which an alert ends whose value an online node does not tell any more.
UNTOLD_SECONDS: Final = 60.0
#: Seconds after which a restored alert ends that no rule of this release judges. In a rolling update a collector of the
#: other release takes the lease back within minutes; after a way back to this release nobody does.
UNJUDGED_SECONDS: Final = 86_400.0

#: Rule, node and detail.
AlertKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """Now, by the clock that durations are taken from and by the one that timestamps are."""

    monotonic_seconds: float
    unix_seconds: float

    def monotonic_of(self, written: Timestamp) -> float:
        """Return by the monotonic clock when something was that another collector dated, at the latest now.

        A clock that was set back meanwhile must not make it lie in the future.
        """
        try:
            ago = max(0.0, self.unix_seconds - unix_seconds(written))
        except ValueError:
            ago = 0.0
        return self.monotonic_seconds - ago

    def written(self, monotonic_seconds: float) -> Timestamp:
        """Return the timestamp of a moment of the monotonic clock."""
        return timestamp(self.unix_seconds - self.monotonic_seconds + monotonic_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlert:
    """An alert that is pending or firing."""

    rule: str
    node: str
    #: A mount point or a sensor, for instance; empty for a condition of the whole node.
    detail: str
    severity: Severity
    state: AlertState
    value: float | None
    text: Text
    #: The worst value since the condition began; of every rule with a measure the highest.
    peak: float | None
    #: When the condition began.
    since: Timestamp
    since_monotonic_seconds: float
    #: When its condition was last seen to hold, or when the alert was restored.
    told_monotonic_seconds: float
    #: The alert as the collector before published it, until this one judges it: it may have fields of a later release.
    published: msgspec.Raw | None = None
    #: As in ``Alert``.
    flapping: int = 0
    logged: bool = True

    @property
    def key(self) -> AlertKey:
        """What the alert is kept by."""
        return self.rule, self.node, self.detail

    @property
    def id(self) -> str:
        """``rule/node``, or ``rule/node/detail``."""
        return f"{self.rule}/{self.node}/{self.detail}" if self.detail else f"{self.rule}/{self.node}"

    @property
    def message(self) -> str:
        """What is said, in English."""
        return english(self.text)

    def as_message(self) -> Alert:
        """Return the alert as messages have it."""
        text = coded(self.text)
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
class Change:
    """One transition; ``alert`` is as it stands after it, with the value and what is said of it."""

    transition: Literal["pending", "firing", "resolved", "pended"]
    alert: ActiveAlert
    #: Of one that is resolved: the alert with the words that it had before.
    lasted: ActiveAlert | None = None
    #: As in ``LogEntry``.
    count: int = 1

    @classmethod
    def end(cls, alert: ActiveAlert, why: Coded) -> Self:
        """Return the end of an alert."""
        return cls("resolved", replace(alert, text=why), lasted=alert)


Alerts = Mapping[AlertKey, ActiveAlert]


def evaluate(
    alerts: Alerts, rules: Rules, observations: Iterable[ObservedNode], now: CurrentTime
) -> tuple[dict[AlertKey, ActiveAlert], list[Change]]:
    """Return the alerts as of now and the transitions that led to them, in the order in which they are to be logged.

    An alert stays as it is while nothing can be said of its condition: the node is not online, or was not scraped
    yet. It ends with its condition, and with what it was about: a node that is no target any more, a detail that an
    online node has no longer, a rule that is switched off.

    An alert of a collector of another release, whose rule ``rules`` do not have or that is of no node, is for that
    release to end. Here it ends with its node, and ``UNJUDGED_SECONDS`` after it was restored.
    """
    left: dict[tuple[str, str], dict[str, ActiveAlert]] = {}
    for (rule_name, node, detail), alert in alerts.items():
        left.setdefault((rule_name, node), {})[detail] = alert
    current: dict[AlertKey, ActiveAlert] = {}
    changes: list[Change] = []
    enabled = [rule for rule in rules.values() if rule.enabled]
    nodes: set[str] = set()
    for seen in observations:
        nodes.add(seen.node)
        for rule in enabled:
            formers = left.get((rule.name, seen.node), {})
            read = readings(rule.name, seen, formers, ignored_sensors=rule.ignore_sensors)
            if read is None:
                continue
            left.pop((rule.name, seen.node), None)
            for reading in read:
                detail = reading[0]
                if rule.ignore and rule.ignores(detail):
                    continue
                judged = _judged(rule, seen, reading, formers.pop(detail, None), now, changes)
                if judged is not None:
                    current[rule.name, seen.node, detail] = judged
            for former in formers.values():
                changes.append(Change.end(former, _why_gone(former, rule, seen)))
    for formers in left.values():
        for alert in formers.values():
            why = why_left_ends(alert, rules, nodes, now)
            if why is None:
                current[alert.key] = alert
            else:
                changes.append(Change.end(alert, why))
    return current, changes


def _judged(
    rule: Rule,
    seen: ObservedNode,
    reading: Reading,
    former: ActiveAlert | None,
    now: CurrentTime,
    changes: list[Change],
) -> ActiveAlert | None:
    """Return the alert that a reading makes of ``former``, and add the transition to ``changes`` if there is one."""
    detail, measure = reading
    if measure is None:
        if former is None or now.monotonic_seconds - former.told_monotonic_seconds <= UNTOLD_SECONDS:
            return former
        changes.append(Change.end(replace(former, value=None), measure_untold(former.node, rule.name)))
        return None
    value = alert_value(rule.name, measure)
    if not rule.is_true(measure, already=former is not None):
        if former is None or now.monotonic_seconds - former.told_monotonic_seconds < rule.keep_seconds:
            return former
        changes.append(Change.end(replace(former, value=value), ended(rule.name, seen.node, detail, value)))
        return None
    if former is None:
        since, since_monotonic, peak = timestamp(now.unix_seconds), now.monotonic_seconds, value
    else:
        since, since_monotonic = former.since, former.since_monotonic_seconds
        peak = value if former.peak is None or value is None else max(former.peak, value)
    fires = former is not None and former.state == "firing"
    fires = fires or now.monotonic_seconds - since_monotonic >= rule.for_seconds
    alert = ActiveAlert(
        rule=rule.name,
        node=seen.node,
        detail=detail,
        severity=rule.severity_of(seen.role),
        state="firing" if fires else "pending",
        value=value,
        text=begun(rule.name, seen, detail, value),
        peak=peak,
        since=since,
        since_monotonic_seconds=since_monotonic,
        told_monotonic_seconds=now.monotonic_seconds,
    )
    if former is None or former.state != alert.state:
        changes.append(Change(alert.state, alert))
    return alert


def why_left_ends(alert: ActiveAlert, rules: Rules, nodes: Container[str], now: CurrentTime) -> Coded | None:
    """Return why an alert that nothing was read for ends, ``None`` where it stays."""
    if alert.node and alert.node not in nodes:
        return target_removed(alert.node)
    if alert.rule not in rules or not alert.node:
        unjudged = now.monotonic_seconds - alert.told_monotonic_seconds > UNJUDGED_SECONDS
        return rule_unknown(alert.node, alert.rule) if unjudged else None
    return None if rules[alert.rule].enabled else rule_off(alert.node, alert.rule)


def _why_gone(alert: ActiveAlert, rule: Rule, seen: ObservedNode) -> Coded:
    if rule.ignores(alert.detail):
        return detail_left_out(alert.node, alert.detail, rule.name)
    return gone(rule.name, seen, alert.detail)
