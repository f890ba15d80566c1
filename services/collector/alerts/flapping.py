"""Limit the transitions in the alert log, so that a flapping alert does not push out the entries of other alerts.

An alert that fired ``FLAPPING_TIMES`` times in ``WINDOW_SECONDS`` flaps: it stays firing until its condition has not
changed for ``WINDOW_SECONDS``. After an alert that ended without firing, further such alerts of the rule and node are
counted, and one entry in ``WINDOW_SECONDS`` reports the count. After ``NODE_ENTRIES`` entries of a node in
``WINDOW_SECONDS``, the log has no further beginnings of that node's alerts. In place of the node, an alert without a
node has its subject.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from collector.alerts.active_alert import ActiveAlert, AlertKey, AlertTransition, CurrentTime
from collector.alerts.applied import group_labels
from collector.alerts.end_reasons import Present, end_reason
from collector.sentences.alerts import detail_left_out, flapping_over, pended
from contract.codec import encode
from contract.messages import Alerts, Coded, RecentFirings, RecentPendings, Severity, Subject

_Record = TypeVar("_Record", RecentFirings, RecentPendings)
#: Name of a node and an empty text, or an empty text and the name of a subject.
_Place = tuple[str, str]
#: Number of firings in ``WINDOW_SECONDS`` that make an alert flap.
FLAPPING_TIMES: Final = 5
WINDOW_SECONDS: Final = 600.0
#: Number of entries of one node in ``WINDOW_SECONDS`` after which the log has no further beginnings of its alerts.
NODE_ENTRIES: Final = 50
#: Maximum size of ``recent_firings`` and ``recent_pendings`` together in an alerts message.
RECENT_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class _FlappingPeriod:
    """A period in which an alert flaps."""

    #: The alert as clients see it: firing since the beginning of the period.
    alert: ActiveAlert
    #: When the condition last began or ended.
    changed: float


@dataclass(slots=True)
class _UnfiredAlerts:
    """Alerts of one rule and node that ended without firing and are not in the log, counted from ``since``."""

    since: float
    severity: Severity
    count: int = 0
    #: Of alerts without a node.
    subject: Subject | None = None


class FlapDamping:
    """Decides which alerts clients see and which transitions the log has.

    All times are monotonic seconds.
    """

    def __init__(self) -> None:
        #: Number of transitions so far, including transitions that the log does not have.
        self.transitions = 0
        #: When each alert that does not flap fired.
        self._fired: dict[AlertKey, list[float]] = {}
        self._flapping: dict[AlertKey, _FlappingPeriod] = {}
        #: By rule and place.
        self._unfired: dict[tuple[str, _Place], _UnfiredAlerts] = {}
        #: Alerts with a beginning and without an end in the log, and their severities in the log.
        self._open_in_log: dict[AlertKey, Severity] = {}
        #: Times of the entries of each place.
        self._entries: dict[_Place, deque[float]] = {}

    @classmethod
    def restored(cls, alerts: dict[AlertKey, ActiveAlert], message: Alerts | None, now: CurrentTime) -> "FlapDamping":
        """Return the state that the previous collector published.

        Changes ``alerts``: each flapping alert gets the state of its condition, or is removed if the condition does not
        hold. If the previous collector does not support flapping, each firing alert counts as fired once.
        """
        self = cls()
        self._open_in_log = {key: alert.severity for key, alert in alerts.items() if alert.logged}
        firings = {} if message is None else {recent.id: recent for recent in message.recent_firings}
        for key, alert in list(alerts.items()):
            recent = firings.pop(alert.id, None)
            if alert.flapping:
                self._flapping[key] = _restored_period(alerts, alert, recent, now)
            elif recent is not None:
                self._fired[key] = [now.to_monotonic(fired) for fired in recent.fired]
            elif alert.state == "firing":
                self._fired[key] = [alert.since_monotonic_seconds]
        for recent in firings.values():
            detail = recent.id.removeprefix(f"{recent.rule}/{recent.node}").removeprefix("/")
            self._fired[recent.rule, recent.node, detail] = [now.to_monotonic(fired) for fired in recent.fired]
        for pendings in () if message is None else message.recent_pendings:
            if not pendings.node and pendings.subject is None:
                continue  # A collector before 0.8 took over meanwhile: which group this was is unknown.
            place = pendings.node, "" if pendings.subject is None else pendings.subject.name
            self._unfired[pendings.rule, place] = _UnfiredAlerts(
                now.to_monotonic(pendings.since), pendings.severity, pendings.count, pendings.subject
            )
        return self

    def damp(
        self,
        alerts: dict[AlertKey, ActiveAlert],
        transitions: Sequence[AlertTransition],
        present: Present,
        now: CurrentTime,
    ) -> tuple[dict[AlertKey, ActiveAlert], list[AlertTransition]]:
        """Return the alerts as clients see them, and the transitions for the log in the order of the log.

        ``alerts`` and ``transitions`` are a result of ``Evaluation``. Changes ``alerts``: an alert that stops flapping
        and is still firing gets the beginning and the peak of its flapping period.
        """
        seconds = now.monotonic_seconds
        self.transitions += len(transitions)
        self._forget(seconds)
        logged_transitions: list[AlertTransition] = []
        self._log_unfired(present, now, logged_transitions)
        for transition in transitions:
            self._follow(transition, seconds, logged_transitions)
        self._end_flapping(alerts, present, now, logged_transitions)
        shown = dict(alerts)
        for key, period in self._flapping.items():
            if key in alerts:
                period.alert = _prolonged(alerts[key], period.alert)
            shown[key] = period.alert
        for key, alert in shown.items():
            if alert.state == "firing" and key not in self._open_in_log and self._has_room(key):
                # The log had no room for this alert before, and has room now.
                self._log(AlertTransition("firing", alert), seconds, logged_transitions)
            elif alert.state == "firing" and self._open_in_log.get(key, alert.severity) != alert.severity:
                self._log(AlertTransition("changed", alert), seconds, logged_transitions)
            if alert.logged != (key in self._open_in_log):
                shown[key] = replace(alert, logged=not alert.logged)
        return shown, logged_transitions

    def recent(
        self, alerts: Mapping[AlertKey, ActiveAlert], now: CurrentTime
    ) -> tuple[list[RecentFirings], list[RecentPendings]]:
        """Return the records that the next collector needs in addition to the published alerts.

        ``alerts`` as after ``damp``. If a message has no room for all records, it has the alerts that are closest to
        flapping and the highest counts.
        """
        firings = [_recent_firings(period, alerts.get(key), now) for key, period in self._flapping.items()]
        for key, fired in sorted(self._fired.items(), key=lambda each: (-len(each[1]), each)):
            alert = alerts.get(key)
            if alert is not None and alert.state == "firing" and len(fired) == 1:
                continue  # The beginning of the alert is the time of this firing.
            rule, node, detail = key
            name = f"{rule}/{node}/{detail}" if detail else f"{rule}/{node}"
            firings.append(RecentFirings(id=name, rule=rule, node=node, fired=tuple(map(now.to_timestamp, fired))))
        pendings = [
            RecentPendings(
                rule=rule,
                node=node,
                severity=each.severity,
                since=now.to_timestamp(each.since),
                count=each.count,
                subject=each.subject,
            )
            for (rule, (node, _)), each in sorted(self._unfired.items(), key=lambda item: (-item[1].count, item[0]))
        ]
        return _records_within(firings, RECENT_BYTES // 2), _records_within(pendings, RECENT_BYTES // 2)

    def _follow(self, transition: AlertTransition, now: float, logged_transitions: list[AlertTransition]) -> None:
        alert = transition.alert
        key = alert.key
        period = self._flapping.get(key)
        if period is not None:
            period.changed = now
            if transition.kind == "firing":
                period.alert = replace(period.alert, flapping=period.alert.flapping + 1)
            return
        match transition.kind:
            case "pending":
                if (alert.rule, _place(key)) not in self._unfired and self._has_room(key):
                    self._log(transition, now, logged_transitions)
            case "firing":
                fired = self._fired.setdefault(key, [])
                fired.append(now)
                if len(fired) >= FLAPPING_TIMES:
                    alert = replace(alert, flapping=len(self._fired.pop(key)))
                    self._flapping[key] = _FlappingPeriod(alert, now)
                if self._has_room(key):
                    self._log(replace(transition, alert=alert), now, logged_transitions)
            case "resolved":
                self._resolve(transition, now, logged_transitions)

    def _resolve(self, transition: AlertTransition, now: float, logged_transitions: list[AlertTransition]) -> None:
        alert = transition.alert
        was_logged = alert.key in self._open_in_log
        if was_logged:
            self._log(transition, now, logged_transitions)
        if alert.state == "pending":
            unfired = self._unfired.setdefault((alert.rule, _place(alert.key)), _UnfiredAlerts(now, alert.severity))
            unfired.severity, unfired.subject = alert.severity, alert.subject
            unfired.count += not was_logged

    def _end_flapping(
        self,
        alerts: dict[AlertKey, ActiveAlert],
        present: Present,
        now: CurrentTime,
        logged_transitions: list[AlertTransition],
    ) -> None:
        for key, period in list(self._flapping.items()):
            alert, current = period.alert, alerts.get(key)
            is_calm = now.monotonic_seconds - period.changed >= WINDOW_SECONDS and _is_condition_known(alert, present)
            if current is not None:
                if is_calm and current.state == "firing":
                    alerts[key] = replace(_prolonged(current, alert), flapping=0)
                    del self._flapping[key]
                continue
            why = _immediate_end_reason(alert, present, now)
            if why is None and is_calm:
                detail = alert.detail if alert.node and alert.detail else None
                why = flapping_over(alert.about, alert.rule, detail, alert.flapping)
            if why is not None:
                del self._flapping[key]
                if key in self._open_in_log:
                    self._log(AlertTransition.end(alert, why), now.monotonic_seconds, logged_transitions)

    def _log_unfired(self, present: Present, now: CurrentTime, logged_transitions: list[AlertTransition]) -> None:
        for (rule, (node, name)), unfired in list(self._unfired.items()):
            if now.monotonic_seconds - unfired.since < WINDOW_SECONDS:
                continue
            if not unfired.count:
                del self._unfired[rule, (node, name)]
                continue
            alert = ActiveAlert(
                rule=rule,
                node=node,
                detail=name,
                severity=unfired.severity,
                state="pending",
                value=None,
                text=pended(node or name, rule, unfired.count),
                peak=None,
                since=now.to_timestamp(unfired.since),
                since_monotonic_seconds=unfired.since,
                confirmed_monotonic_seconds=now.monotonic_seconds,
                labels=_labels(node, name, present),
                subject=unfired.subject,
            )
            self._log(AlertTransition("pended", alert, count=unfired.count), now.monotonic_seconds, logged_transitions)
            unfired.since, unfired.count = now.monotonic_seconds, 0

    def _has_room(self, key: AlertKey) -> bool:
        """Whether the log has room for an entry that the alert is pending or firing."""
        return key in self._open_in_log or len(self._entries.get(_place(key), ())) < NODE_ENTRIES

    def _log(self, transition: AlertTransition, now: float, logged_transitions: list[AlertTransition]) -> None:
        logged_transitions.append(transition)
        key = transition.alert.key
        self._entries.setdefault(_place(key), deque()).append(now)
        match transition.kind:
            case "resolved":
                self._open_in_log.pop(key, None)
            case "pending" | "firing" | "changed":
                self._open_in_log[key] = transition.alert.severity

    def _forget(self, now: float) -> None:
        for key, fired in list(self._fired.items()):
            fired[:] = [moment for moment in fired if now - moment < WINDOW_SECONDS]
            if not fired:
                del self._fired[key]
        for place, entries in list(self._entries.items()):
            while entries and now - entries[0] >= WINDOW_SECONDS:
                entries.popleft()
            if not entries:
                del self._entries[place]


def _place(key: AlertKey) -> _Place:
    _, node, detail = key
    return (node, "") if node else ("", detail)


def _labels(node: str, subject_name: str, present: Present) -> Mapping[str, str]:
    """Return the labels of a node or of a subject."""
    if not node:
        return group_labels(subject_name)
    observed = present.nodes.get(node)
    return {} if observed is None else observed.labels


def _immediate_end_reason(alert: ActiveAlert, present: Present, now: CurrentTime) -> Coded | None:
    """Return why a flapping alert whose condition does not hold ends immediately; ``None`` if the alert stays."""
    rule = present.rules.get(alert.rule)
    if rule is not None and rule.ignores(alert.detail):
        return detail_left_out(alert.node, alert.detail, alert.rule)
    return end_reason(alert, present, now)


def _is_condition_known(alert: ActiveAlert, present: Present) -> bool:
    """Whether the condition of the alert is known in the current state of its node or group."""
    if not alert.node:
        group = present.groups.get((alert.rule, alert.detail))
        return group is not None and group.known == group.total
    observed = present.nodes.get(alert.node)
    known = ("online", "offline") if alert.rule == "node_down" else ("online",)
    return observed is not None and observed.status in known


def _prolonged(alert: ActiveAlert, shown: ActiveAlert) -> ActiveAlert:
    """Return ``alert`` as firing since the beginning of its flapping period; ``shown`` is the alert of that period."""
    peaks = [peak for peak in (alert.peak, shown.peak) if peak is not None]
    return replace(
        alert,
        state="firing",
        since=shown.since,
        since_monotonic_seconds=shown.since_monotonic_seconds,
        peak=max(peaks, default=None),
        flapping=shown.flapping,
        logged=shown.logged,
        labels=alert.labels if shown.lacks_labels else shown.labels,
    )


def _restored_period(
    alerts: dict[AlertKey, ActiveAlert], alert: ActiveAlert, recent: RecentFirings | None, now: CurrentTime
) -> _FlappingPeriod:
    if recent is None or recent.changed is None:
        return _FlappingPeriod(alert, now.monotonic_seconds)
    if recent.state is None:
        del alerts[alert.key]
    elif recent.state == "pending" and recent.since is not None:
        since = now.to_monotonic(recent.since)
        alerts[alert.key] = replace(
            alert, state="pending", since=recent.since, since_monotonic_seconds=since, published=None
        )
    return _FlappingPeriod(alert, now.to_monotonic(recent.changed))


def _recent_firings(period: _FlappingPeriod, current: ActiveAlert | None, now: CurrentTime) -> RecentFirings:
    alert = period.alert
    return RecentFirings(
        id=alert.id,
        rule=alert.rule,
        node=alert.node,
        fired=(),
        changed=now.to_timestamp(period.changed),
        state=None if current is None else current.state,
        since=None if current is None else current.since,
    )


def _records_within(records: Iterable[_Record], limit_bytes: int) -> list[_Record]:
    fitting = []
    for record in records:
        limit_bytes -= len(encode(record)) + 1
        if limit_bytes < 0:
            break
        fitting.append(record)
    return fitting
