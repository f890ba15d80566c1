"""Make the messages of each round, from taking the lease until another collector takes over; no input or output."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from collector.alerts.active_alert import ActiveAlert, AlertKey, CurrentTime
from collector.alerts.applied import AppliedRules
from collector.alerts.evaluate import Evaluation
from collector.alerts.flapping import FlapDamping
from collector.alerts.log import AlertLogWriter
from collector.alerts.message import build_alerts, encode_alerts
from collector.alerts.rule import Rules
from collector.alerts.rules import rules_in_force
from collector.fleet import ClusterState
from collector.health import build_health
from collector.sentences.issues import alerts_left_out
from contract.codec import encode
from contract.messages import (
    Alerts,
    ClusterStats,
    Coded,
    Epoch,
    Health,
    LogId,
    Node,
    RuleInForce,
    RulesInForce,
    Seq,
    Snapshot,
    Timestamp,
)
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL
from contract.scripts import Lease, Publication
from runtime.clock import timestamp

#: Seconds after which unchanged health, alerts and rules are published again.
REPEAT_SECONDS: Final = 30.0


class Rounds:
    """Counts the rounds of an epoch, keeps the alerts, and makes the messages of each round."""

    def __init__(
        self,
        lease: Lease,
        *,
        epoch: Epoch,
        position: LogId | None,
        alerts: dict[AlertKey, ActiveAlert],
        targets_path: Path,
        now: CurrentTime,
        damping: FlapDamping | None = None,
    ) -> None:
        self.epoch = epoch
        self.seq = 0
        #: Snapshot of the last round, until the caller takes the snapshot.
        self.snapshot: Snapshot | None = None
        #: Published alerts: flapping alerts stay firing.
        self.alerts = alerts
        self._undamped = alerts
        self._damping = FlapDamping.restored(alerts, None, now) if damping is None else damping
        self.log = AlertLogWriter(epoch=epoch, position=position, now=timestamp(now.unix_seconds))
        self._applied = AppliedRules()
        #: The rules of the last round, and the same rules in the form of the contract.
        self._in_force: tuple[Rules, tuple[RuleInForce, ...]] = ({}, ())
        self._lease = lease
        self._targets_path = targets_path
        self._health = _PublishedContent()
        self._alerts = _PublishedContent()
        self._rules = _PublishedContent()
        #: The last alerts message.
        self._message: Alerts | None = None

    def renew(self, *, epoch: Epoch, position: LogId | None, now: CurrentTime) -> None:
        """Continue with the same alerts in a new epoch, after Redis lost the previous one."""
        self.epoch, self.seq = epoch, 0
        self.log.renew(epoch=epoch, position=position, now=timestamp(now.unix_seconds))
        self._health, self._alerts, self._rules = _PublishedContent(), _PublishedContent(), _PublishedContent()

    def next_round(self, state: ClusterState, now: CurrentTime, degraded: Sequence[Coded] = ()) -> Publication:
        """Evaluate the alerts and return the round's publication: metrics always; health, alerts and rules if due.

        ``degraded``: degradations of the product itself.
        """
        self.seq += 1
        evaluation = Evaluation(self._undamped, state.rules, self._applied, now)
        evaluation.run(state.observations)
        self._undamped = evaluation.current
        self.alerts, changes = self._damping.damp(evaluation.current, evaluation.transitions, evaluation.present, now)
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
        are_alerts_due = self._alerts.is_due(content, now) or bool(self.log.queue)
        if are_alerts_due:
            self._alerts.mark_pending(content, now)
            firings, pendings = self._damping.recent(self._undamped, now)
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
            [*state.problems, *self._omissions()],
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
        if are_alerts_due and self._message is not None:
            messages[ALERTS_CHANNEL] = encode_alerts(self._message, self.alerts.values())
        entries = tuple((entry.id, encode(entry)) for entry in self.log.queue)
        return Publication(
            self._lease,
            self.epoch,
            self.seq,
            messages,
            entries,
            rules=self._due_rules(state, now),
            incidents={entry_id: encode(incident) for entry_id, incident in self.log.incidents.items()},
            incidents_since=written,
        )

    def confirm(self) -> None:
        """Note that the last round is published."""
        self.log.confirm()
        self._health.confirm()
        self._alerts.confirm()
        self._rules.confirm()

    def _due_rules(self, state: ClusterState, now: CurrentTime) -> bytes | None:
        if state.rules is not self._in_force[0]:
            self._in_force = state.rules, rules_in_force(state.rules)
        rules = self._in_force[1]
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

    def _omissions(self) -> list[Coded]:
        """Return an issue if the alerts message omits alerts."""
        count = 0 if self._message is None else len(self.alerts) - len(self._message.active_alerts)
        return [alerts_left_out(count)] if count > 0 else []


class _PublishedContent:
    """The last published content of one channel. New content is due after a change and after ``REPEAT_SECONDS``."""

    def __init__(self) -> None:
        self._content: object = None
        self._at = float("-inf")
        self._pending: tuple[object, float] | None = None

    def is_due(self, content: object, now: CurrentTime) -> bool:
        """Whether to publish the content now; if so, it becomes pending."""
        self._pending = None
        if content == self._content and now.monotonic_seconds - self._at < REPEAT_SECONDS:
            return False
        self.mark_pending(content, now)
        return True

    def mark_pending(self, content: object, now: CurrentTime) -> None:
        """Note that the content is being published."""
        self._pending = content, now.monotonic_seconds

    def confirm(self) -> None:
        """Note that the pending content is published."""
        if self._pending is not None:
            self._content, self._at = self._pending
            self._pending = None


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
    """Return the snapshot of ``nodes``, given in any order; ``is_simulated``: at least one node is simulated."""
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
    """Return the encoded snapshot, without the message codes of errors if these make the message too long.

    ``error`` has the same text in English, and readers drop a message that is too long.
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
