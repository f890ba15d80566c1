"""Take over what the collector before published, so that a change of collectors changes nothing else."""

import logging
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from collector.alerts.evaluate import ActiveAlert, AlertKey, Moment
from collector.node_state import NodeState
from collector.said.sentence import Adopted
from contract.codec import Message, UndecodableMessage, decode
from contract.messages import Alert, Alerts, Coded, Node, Snapshot
from runtime.clock import unix_seconds

_log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)


def former_nodes(raw: bytes | None) -> dict[str, Node]:
    """Return the nodes of ``raw``, a metrics message, by address."""
    snapshot = _decoded(raw, Snapshot)
    return {} if snapshot is None else {node.address: node for node in snapshot.nodes}


def adopt_nodes(nodes: Mapping[str, Node], states: Iterable[NodeState]) -> None:
    """Give each node the status that ``nodes`` has for its address."""
    for state in states:
        node = nodes.get(state.target.address)
        if node is not None:
            state.adopt(node)


def adopt_alerts(raw: bytes | None, now: Moment) -> dict[AlertKey, ActiveAlert]:
    """Return the alerts that ``raw``, an alerts message, says are active."""
    message = _decoded(raw, Alerts)
    if message is None:
        return {}
    published = msgspec.json.decode(raw or b"", type=_Published).active_alerts
    adopted = [
        _adopted(alert, as_published.copy(), now)
        for alert, as_published in zip(message.active_alerts, published, strict=True)
    ]
    return {(alert.rule, alert.node, alert.detail): alert for alert in adopted}


class _Published(msgspec.Struct):
    active_alerts: list[msgspec.Raw]


def _adopted(alert: Alert, published: msgspec.Raw, now: Moment) -> ActiveAlert:
    try:
        # A clock that was set back meanwhile must not make the condition begin in the future.
        lasted = max(0.0, now.unix_seconds - unix_seconds(alert.since))
    except ValueError:
        lasted = 0.0
    return ActiveAlert(
        rule=alert.rule,
        node=alert.node,
        detail=alert.id.removeprefix(f"{alert.rule}/{alert.node}").removeprefix("/"),
        severity=alert.severity,
        state=alert.state,
        value=alert.value,
        said=Adopted(alert.message, None if alert.code is None else Coded(alert.code, alert.args)),
        # A collector of an older release does not tell the worst value.
        peak=alert.value if alert.peak is None else alert.peak,
        since=alert.since,
        since_monotonic_seconds=now.monotonic_seconds - lasted,
        told_monotonic_seconds=now.monotonic_seconds,
        published=published,
    )


def _decoded(raw: bytes | None, expected: type[M]) -> M | None:
    if raw is None:
        return None
    try:
        return decode(raw, expected)
    except UndecodableMessage as error:
        _log.warning("what the collector before left is not readable: %s", error)
        return None
