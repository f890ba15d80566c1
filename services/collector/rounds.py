"""What each round publishes, from taking the lease until another collector has it; no input or output."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from collector.alerts.evaluate import ActiveAlert, AlertKey, Moment, evaluate
from collector.alerts.flapping import Damping
from collector.alerts.log import AlertLog
from collector.alerts.message import build_alerts, encode_alerts
from collector.alerts.rules import in_force
from collector.fleet import ClusterState
from collector.health import build_health
from collector.texts.issues import alerts_left_out
from contract.codec import encode
from contract.messages import (
    Alerts,
    ClusterStats,
    Coded,
    Epoch,
    Health,
    LogId,
    Node,
    RulesInForce,
    Seq,
    Snapshot,
    Timestamp,
)
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL
from contract.scripts import Lease, Publication
from runtime.clock import timestamp

#: Seconds after which health, alerts and rules are published without a change.
REPEAT_SECONDS: Final = 30.0


class Rounds:
    """Counts the rounds of an epoch, keeps the alerts, and says what each round publishes."""

    def __init__(
        self,
        lease: Lease,
        *,
        epoch: Epoch,
        position: LogId | None,
        alerts: dict[AlertKey, ActiveAlert],
        targets_path: Path,
        now: Moment,
        damping: Damping | None = None,
    ) -> None:
        self.epoch = epoch
        self.seq = 0
        #: Of the last round, ``None`` before the first.
        self.snapshot: Snapshot | None = None
        #: As they are shown; those that flap stay firing.
        self.alerts = alerts
        self._judged = alerts
        self._damping = Damping.restored(alerts, None, now) if damping is None else damping
        self.log = AlertLog(epoch=epoch, position=position, now=timestamp(now.unix_seconds))
        self._lease = lease
        self._targets_path = targets_path
        self._health = _PublishedContent()
        self._alerts = _PublishedContent()
        self._rules = _PublishedContent()
        #: The last alerts message.
        self._message: Alerts | None = None

    def renew(self, *, epoch: Epoch, position: LogId | None, now: Moment) -> None:
        """Go on with one's own alerts in a new epoch, after Redis forgot the former one."""
        self.epoch, self.seq = epoch, 0
        self.log.renew(epoch=epoch, position=position, now=timestamp(now.unix_seconds))
        self._health, self._alerts, self._rules = _PublishedContent(), _PublishedContent(), _PublishedContent()

    def next_round(self, state: ClusterState, now: Moment, degraded: Sequence[Coded] = ()) -> Publication:
        """Judge the nodes and return what is to be published: metrics always, health, alerts and rules where due.

        ``degraded``: what is wrong with the product itself.
        """
        self.seq += 1
        self._judged, changes = evaluate(self._judged, state.rules, state.observations, now)
        self.alerts, changes = self._damping.damp(self._judged, changes, state.rules, state.observations, now)
        written = timestamp(now.unix_seconds)
        self.log.add(changes, written)
        snapshot = self.snapshot = build_snapshot(
            state.nodes,
            cluster=self._lease.cluster,
            epoch=self.epoch,
            seq=self.seq,
            timestamp=written,
            interval_seconds=self._lease.interval_seconds,
            is_simulated=state.is_simulated,
        )
        states = frozenset((key, alert.state, alert.severity) for key, alert in self.alerts.items())
        content = states, self._damping.transitions
        is_alerts_due = self._alerts.is_due(content, now) or bool(self.log.queue)
        if is_alerts_due:
            self._alerts.offer(content, now)
            firings, pendings = self._damping.recent(self._judged, now)
            self._message = build_alerts(
                self.alerts.values(),
                self.log,
                cluster=self._lease.cluster,
                epoch=self.epoch,
                seq=self.seq,
                timestamp=written,
                recent_firings=firings,
                recent_pendings=pendings,
            )
        health = build_health(
            state.nodes,
            [*state.problems, *self._left_out()],
            self.alerts.values(),
            remarks=state.remarks,
            degraded=degraded,
            targets_path=self._targets_path,
            cluster=self._lease.cluster,
            epoch=self.epoch,
            seq=self.seq,
            timestamp=written,
        )
        messages = {METRICS_CHANNEL: encode_snapshot(snapshot)}
        if self._health.is_due(_content(health), now):
            messages[HEALTH_CHANNEL] = encode(health)
        if is_alerts_due and self._message is not None:
            messages[ALERTS_CHANNEL] = encode_alerts(self._message, self.alerts.values())
        entries = tuple((entry.id, encode(entry)) for entry in self.log.queue)
        return Publication(
            self._lease,
            self.epoch,
            self.seq,
            messages,
            entries,
            rules=self._rules_due(state, now),
            incidents={entry_id: encode(incident) for entry_id, incident in self.log.incidents.items()},
            incidents_since=written,
        )

    def confirm(self) -> None:
        """Note that Redis has the last round."""
        self.log.confirm()
        self._health.confirm()
        self._alerts.confirm()
        self._rules.confirm()

    def _rules_due(self, state: ClusterState, now: Moment) -> bytes | None:
        rules = in_force(state.rules)
        if not self._rules.is_due(rules, now):
            return None
        return encode(
            RulesInForce(
                cluster=self._lease.cluster,
                epoch=self.epoch,
                seq=self.seq,
                timestamp=timestamp(now.unix_seconds),
                rules=rules,
            )
        )

    def _left_out(self) -> list[Coded]:
        """What the alerts message lacks."""
        count = 0 if self._message is None else len(self.alerts) - len(self._message.active_alerts)
        return [alerts_left_out(count)] if count > 0 else []


class _PublishedContent:
    """What of one channel Redis has, and since when: due again on a change and after ``REPEAT_SECONDS``."""

    def __init__(self) -> None:
        self._content: object = None
        self._at = float("-inf")
        self._offered: tuple[object, float] | None = None

    def is_due(self, content: object, now: Moment) -> bool:
        """Whether the content is to be published now; if so, it counts as offered."""
        self._offered = None
        if content == self._content and now.monotonic_seconds - self._at < REPEAT_SECONDS:
            return False
        self.offer(content, now)
        return True

    def offer(self, content: object, now: Moment) -> None:
        """Note that the content is on its way."""
        self._offered = content, now.monotonic_seconds

    def confirm(self) -> None:
        """Note that what is on its way has arrived."""
        if self._offered is not None:
            self._content, self._at = self._offered
            self._offered = None


def _content(health: Health) -> Health:
    return replace(health, epoch=0, seq=0, timestamp="")


def build_snapshot(
    nodes: Sequence[Node],
    *,
    cluster: str,
    epoch: Epoch,
    seq: Seq,
    timestamp: Timestamp,
    interval_seconds: float,
    is_simulated: bool = False,
) -> Snapshot:
    """Return the snapshot of ``nodes``, which may come in any order; ``is_simulated``: any of them is."""
    return Snapshot(
        cluster=cluster,
        epoch=epoch,
        seq=seq,
        timestamp=timestamp,
        interval_seconds=interval_seconds,
        simulated=is_simulated,
        cluster_stats=_stats(nodes),
        nodes=tuple(sorted(nodes, key=lambda node: node.node)),
    )


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Return ``snapshot`` as it is published: without the codes of errors where it is too long for a message with them.

    ``error`` says the same in English, and readers drop a message that is too long.
    """
    raw = encode(snapshot)
    if len(raw) <= MESSAGE_LIMIT_BYTES:
        return raw
    return encode(replace(snapshot, nodes=tuple(replace(node, error_coded=None) for node in snapshot.nodes)))


def _stats(nodes: Sequence[Node]) -> ClusterStats:
    online = [node for node in nodes if node.status == "online"]
    return ClusterStats(
        total_nodes=len(nodes),
        online_nodes=len(online),
        avg_cpu=_average([node.cpu_usage for node in online]),
        avg_memory=_average([node.memory_usage for node in online]),
        avg_disk=_average([node.disk_usage for node in online]),
        avg_temperature=_average([node.temperature for node in online]),
    )


def _average(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 1) + 0.0 if known else None
