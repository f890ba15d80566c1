"""What of the alerts' transitions the log tells, so that one that flaps does not push out what others did.

An alert that fired ``FLAPPING_TIMES`` times in ``WINDOW_SECONDS`` flaps: it stays firing until its condition has not
changed for as long. After an alert that ended without firing, further ones of the rule and node are counted, and told
by one entry in ``WINDOW_SECONDS``. Beyond ``NODE_ENTRIES`` in that time, no alert of the node begins in the log.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from collector.alerts.conditions import ObservedNode
from collector.alerts.evaluate import ActiveAlert, AlertKey, Change, CurrentTime, why_left_ends
from collector.alerts.rules import Rules
from collector.sentences.alerts import detail_left_out, flapping_over, pended
from contract.codec import encode
from contract.messages import Alerts, Coded, NodeStatus, RecentFirings, RecentPendings, Severity

_Record = TypeVar("_Record", RecentFirings, RecentPendings)
#: How often an alert fires in ``WINDOW_SECONDS`` that flaps.
FLAPPING_TIMES: Final = 5
WINDOW_SECONDS: Final = 600.0
#: Entries of one node in ``WINDOW_SECONDS`` after which the log tells of no further beginnings.
NODE_ENTRIES: Final = 50
#: Bytes of an alerts message that ``recent_firings`` and ``recent_pendings`` take at most, together.
RECENT_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class _Stretch:
    """A time in which an alert flaps."""

    #: As it is shown: firing, since the stretch began.
    alert: ActiveAlert
    #: When its condition last began or ended.
    changed: float


@dataclass(slots=True)
class _Pendings:
    """Alerts of one rule and node that ended without firing, and are in no entry, since a moment."""

    since: float
    severity: Severity
    count: int = 0


class FlapDamping:
    """Follows the alerts as ``evaluate`` has them; says which ones are shown and which transitions are told.

    Times are by the monotonic clock.
    """

    def __init__(self) -> None:
        #: Transitions of conditions so far, told or not.
        self.transitions = 0
        #: When alerts that do not flap fired.
        self._fired: dict[AlertKey, list[float]] = {}
        self._stretches: dict[AlertKey, _Stretch] = {}
        #: By rule and node.
        self._pendings: dict[tuple[str, str], _Pendings] = {}
        #: The alerts that stand in the log with their beginning and without their end.
        self._open: set[AlertKey] = set()
        #: When entries of each node were written.
        self._entries: dict[str, deque[float]] = {}

    @classmethod
    def restored(cls, alerts: dict[AlertKey, ActiveAlert], message: Alerts | None, now: CurrentTime) -> "FlapDamping":
        """Go on from what the collector before published.

        In ``alerts``, those that flap become what their conditions make of them. Of a collector that knows no
        flapping, each alert that fires has fired once.
        """
        self = cls()
        self._open = {key for key, alert in alerts.items() if alert.logged}
        firings = {} if message is None else {recent.id: recent for recent in message.recent_firings}
        for key, alert in list(alerts.items()):
            recent = firings.pop(alert.id, None)
            if alert.flapping:
                self._stretches[key] = _restored_stretch(alerts, alert, recent, now)
            elif recent is not None:
                self._fired[key] = [now.monotonic_of(fired) for fired in recent.fired]
            elif alert.state == "firing":
                self._fired[key] = [alert.since_monotonic_seconds]
        for recent in firings.values():
            detail = recent.id.removeprefix(f"{recent.rule}/{recent.node}").removeprefix("/")
            self._fired[recent.rule, recent.node, detail] = [now.monotonic_of(fired) for fired in recent.fired]
        for pendings in () if message is None else message.recent_pendings:
            self._pendings[pendings.rule, pendings.node] = _Pendings(
                now.monotonic_of(pendings.since), pendings.severity, pendings.count
            )
        return self

    def damp(
        self,
        alerts: dict[AlertKey, ActiveAlert],
        changes: Sequence[Change],
        rules: Rules,
        observations: Sequence[ObservedNode],
        now: CurrentTime,
    ) -> tuple[dict[AlertKey, ActiveAlert], list[Change]]:
        """Return the alerts as they are shown and the transitions that the log tells, in its order.

        ``alerts`` and ``changes`` are those of ``evaluate``. An alert that flaps no more and fires still gets the
        beginning and the worst value of its stretch there.
        """
        seconds = now.monotonic_seconds
        self.transitions += len(changes)
        self._forget(seconds)
        told: list[Change] = []
        self._tell_pendings(now, told)
        for change in changes:
            self._follow(change, seconds, told)
        self._end_stretches(alerts, rules, {seen.node: seen.status for seen in observations}, now, told)
        shown = dict(alerts)
        for key, stretch in self._stretches.items():
            if key in alerts:
                stretch.alert = _lengthened(alerts[key], stretch.alert)
            shown[key] = stretch.alert
        for key, alert in shown.items():
            # What had no room in the log gets in once there is some.
            if alert.state == "firing" and key not in self._open and self._has_room(key):
                self._tell(Change("firing", alert), seconds, told)
            if alert.logged != (key in self._open):
                shown[key] = replace(alert, logged=not alert.logged)
        return shown, told

    def recent(
        self, alerts: Mapping[AlertKey, ActiveAlert], now: CurrentTime
    ) -> tuple[list[RecentFirings], list[RecentPendings]]:
        """Return what the next collector has to know besides the alerts that are shown; ``alerts`` as of ``damp``.

        Where it is too much for a message, what is closest to flapping, or stands for most, comes first.
        """
        firings = [_recent_stretch(stretch, alerts.get(key), now) for key, stretch in self._stretches.items()]
        for key, fired in sorted(self._fired.items(), key=lambda each: (-len(each[1]), each)):
            alert = alerts.get(key)
            if alert is not None and alert.state == "firing" and len(fired) == 1:
                continue  # as its beginning says
            rule, node, detail = key
            name = f"{rule}/{node}/{detail}" if detail else f"{rule}/{node}"
            firings.append(RecentFirings(id=name, rule=rule, node=node, fired=tuple(map(now.written, fired))))
        pendings = [
            RecentPendings(
                rule=rule, node=node, severity=each.severity, since=now.written(each.since), count=each.count
            )
            for (rule, node), each in sorted(self._pendings.items(), key=lambda item: (-item[1].count, item[0]))
        ]
        return _fitting(firings, RECENT_BYTES // 2), _fitting(pendings, RECENT_BYTES // 2)

    def _follow(self, change: Change, now: float, told: list[Change]) -> None:
        alert = change.alert
        key = alert.key
        stretch = self._stretches.get(key)
        if stretch is not None:
            stretch.changed = now
            if change.transition == "firing":
                stretch.alert = replace(stretch.alert, flapping=stretch.alert.flapping + 1)
            return
        match change.transition:
            case "pending":
                if (alert.rule, alert.node) not in self._pendings and self._has_room(key):
                    self._tell(change, now, told)
            case "firing":
                fired = self._fired.setdefault(key, [])
                fired.append(now)
                if len(fired) >= FLAPPING_TIMES:
                    alert = replace(alert, flapping=len(self._fired.pop(key)))
                    self._stretches[key] = _Stretch(alert, now)
                if self._has_room(key):
                    self._tell(replace(change, alert=alert), now, told)
            case "resolved":
                self._resolve(change, now, told)

    def _resolve(self, change: Change, now: float, told: list[Change]) -> None:
        alert = change.alert
        was_logged = alert.key in self._open
        if was_logged:
            self._tell(change, now, told)
        if alert.state == "pending":
            pendings = self._pendings.setdefault((alert.rule, alert.node), _Pendings(now, alert.severity))
            pendings.severity = alert.severity
            pendings.count += not was_logged

    def _end_stretches(
        self,
        alerts: dict[AlertKey, ActiveAlert],
        rules: Rules,
        statuses: Mapping[str, NodeStatus],
        now: CurrentTime,
        told: list[Change],
    ) -> None:
        for key, stretch in list(self._stretches.items()):
            alert, going_on = stretch.alert, alerts.get(key)
            is_calm = now.monotonic_seconds - stretch.changed >= WINDOW_SECONDS and _can_be_seen(alert, statuses)
            if going_on is not None:
                if is_calm and going_on.state == "firing":
                    alerts[key] = replace(_lengthened(going_on, alert), flapping=0)
                    del self._stretches[key]
                continue
            why = _why_ends(alert, rules, statuses, now)
            if why is None and is_calm:
                why = flapping_over(alert.node, alert.rule, alert.detail or None, alert.flapping)
            if why is not None:
                del self._stretches[key]
                if key in self._open:
                    self._tell(Change.end(alert, why), now.monotonic_seconds, told)

    def _tell_pendings(self, now: CurrentTime, told: list[Change]) -> None:
        for (rule, node), pendings in list(self._pendings.items()):
            if now.monotonic_seconds - pendings.since < WINDOW_SECONDS:
                continue
            if not pendings.count:
                del self._pendings[rule, node]
                continue
            alert = ActiveAlert(
                rule=rule,
                node=node,
                detail="",
                severity=pendings.severity,
                state="pending",
                value=None,
                text=pended(node, rule, pendings.count),
                peak=None,
                since=now.written(pendings.since),
                since_monotonic_seconds=pendings.since,
                told_monotonic_seconds=now.monotonic_seconds,
            )
            self._tell(Change("pended", alert, count=pendings.count), now.monotonic_seconds, told)
            pendings.since, pendings.count = now.monotonic_seconds, 0

    def _has_room(self, key: AlertKey) -> bool:
        """Whether the log may tell that the alert begins, or that it fires."""
        return key in self._open or len(self._entries.get(key[1], ())) < NODE_ENTRIES

    def _tell(self, change: Change, now: float, told: list[Change]) -> None:
        told.append(change)
        self._entries.setdefault(change.alert.node, deque()).append(now)
        match change.transition:
            case "resolved":
                self._open.discard(change.alert.key)
            case "pending" | "firing":
                self._open.add(change.alert.key)

    def _forget(self, now: float) -> None:
        for key, fired in list(self._fired.items()):
            fired[:] = [moment for moment in fired if now - moment < WINDOW_SECONDS]
            if not fired:
                del self._fired[key]
        for node, entries in list(self._entries.items()):
            while entries and now - entries[0] >= WINDOW_SECONDS:
                entries.popleft()
            if not entries:
                del self._entries[node]


def _why_ends(alert: ActiveAlert, rules: Rules, statuses: Mapping[str, NodeStatus], now: CurrentTime) -> Coded | None:
    """Return why an alert of no condition ends at once, ``None`` where it stays for now."""
    rule = rules.get(alert.rule)
    if rule is not None and rule.ignores(alert.detail):
        return detail_left_out(alert.node, alert.detail, alert.rule)
    return why_left_ends(alert, rules, statuses, now)


def _can_be_seen(alert: ActiveAlert, statuses: Mapping[str, NodeStatus]) -> bool:
    """Whether the node is in a state in which the alert's condition could change."""
    return statuses.get(alert.node) in (("online", "offline") if alert.rule == "node_down" else ("online",))


def _lengthened(alert: ActiveAlert, stretch: ActiveAlert) -> ActiveAlert:
    """Return ``alert`` as one that fires since ``stretch`` began."""
    peaks = [peak for peak in (alert.peak, stretch.peak) if peak is not None]
    return replace(
        alert,
        state="firing",
        since=stretch.since,
        since_monotonic_seconds=stretch.since_monotonic_seconds,
        peak=max(peaks, default=None),
        flapping=stretch.flapping,
        logged=stretch.logged,
    )


def _restored_stretch(
    alerts: dict[AlertKey, ActiveAlert], alert: ActiveAlert, recent: RecentFirings | None, now: CurrentTime
) -> _Stretch:
    if recent is None or recent.changed is None:
        return _Stretch(alert, now.monotonic_seconds)
    if recent.state is None:
        del alerts[alert.key]
    elif recent.state == "pending" and recent.since is not None:
        since = now.monotonic_of(recent.since)
        alerts[alert.key] = replace(
            alert, state="pending", since=recent.since, since_monotonic_seconds=since, published=None
        )
    return _Stretch(alert, now.monotonic_of(recent.changed))


def _recent_stretch(stretch: _Stretch, going_on: ActiveAlert | None, now: CurrentTime) -> RecentFirings:
    alert = stretch.alert
    return RecentFirings(
        id=alert.id,
        rule=alert.rule,
        node=alert.node,
        fired=(),
        changed=now.written(stretch.changed),
        state=None if going_on is None else going_on.state,
        since=None if going_on is None else going_on.since,
    )


def _fitting(records: Iterable[_Record], limit_bytes: int) -> list[_Record]:
    fitting = []
    for record in records:
        limit_bytes -= len(encode(record)) + 1
        if limit_bytes < 0:
            break
        fitting.append(record)
    return fitting
