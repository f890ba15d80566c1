"""Namespace ``/monitoring``: snapshots and alerts as they come, limited to the nodes that a client wants."""

import time
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec

from contract.clock import timestamp
from contract.codec import encode
from contract.events import (
    ALERTS_UPDATE,
    CLUSTER_METRICS,
    CLUSTER_STATUS_RESPONSE,
    ERROR,
    MONITORING_CONNECTED,
    MONITORING_NAMESPACE,
    NODES_STATUS_RESPONSE,
    REQUEST_CLUSTER_STATUS,
    REQUEST_NODES_STATUS,
    SUBSCRIBE_TO_UPDATES,
    SUBSCRIBED_TO_UPDATES,
    ClusterStatusResponse,
    MonitoringConnected,
    NodesStatusResponse,
    SubscribedToUpdates,
    Subscription,
)
from contract.messages import Snapshot
from contract.names import ALERTS_CHANNEL, METRICS_CHANNEL
from contract.rest import overview
from ws.counters import Counters
from ws.namespaces.namespace import Namespace, Refused
from ws.push import Group, Push
from ws.selections import Selections
from ws.state import ClusterState, Step

_EVERYBODY: Final = Group(MONITORING_NAMESPACE, "everybody")


class MonitoringNamespace(Namespace):
    """``monitoring_connected``, the latest snapshot and alerts, then every one; and what a client asks for.

    Every subscription is answered in the mode ``snapshot`` and without the entries that were missed, whatever it asks
    for: ``subscribed_to_updates`` says what is in force. Before the first snapshot is known, the two requests for it
    are answered with ``error`` ``not_available``.
    """

    name = MONITORING_NAMESPACE

    def __init__(self, push: Push, counters: Counters, state: ClusterState) -> None:
        super().__init__(push, counters)
        self._state = state
        self._selections = Selections(push)
        self.requests = {
            REQUEST_CLUSTER_STATUS: self._request_cluster_status,
            REQUEST_NODES_STATUS: self._request_nodes_status,
            SUBSCRIBE_TO_UPDATES: self._subscribe,
        }

    def connected(self, sid: str, auth: Mapping[str, Any]) -> None:
        """See ``Namespace``. A subscription in ``auth`` that is not valid gets ``error``, and all nodes follow."""
        connected = MonitoringConnected(timestamp=timestamp(time.time()), age_seconds=self._state.age_seconds)
        self.send(sid, MONITORING_CONNECTED, encode(connected))
        self._selections.admit(sid)
        wanted = auth.get("subscribe")
        if wanted is not None:
            try:
                self._subscribe(sid, wanted)
            except Refused as refused:
                self._counters.bad_requests += 1
                self.send(sid, ERROR, refused.payload)
                wanted = None
        if wanted is None:
            self._send_state(sid)
        self._push.join(sid, _EVERYBODY)

    def disconnected(self, sid: str) -> None:
        """See ``Namespace``."""
        self._selections.forget(sid)

    def deliver(self, step: Step) -> None:
        """Show a new snapshot, or a repeated one, and new alerts."""
        if step.state is None:
            return
        if step.channel == METRICS_CHANNEL and self._state.snapshot is not None:
            self._selections.broadcast(step.state, self._state.snapshot)
        elif step.channel == ALERTS_CHANNEL:
            self._push.broadcast(_EVERYBODY, ALERTS_UPDATE, step.state)

    def _subscribe(self, sid: str, argument: object) -> bytes:
        try:
            wanted = msgspec.convert(argument, Subscription)
        except msgspec.ValidationError as error:
            raise Refused("bad_request", str(error)) from None
        answer = encode(
            SubscribedToUpdates(
                mode="snapshot",
                nodes=wanted.nodes,
                recovered=False,
                last_alert_id=self._state.last_alert_id,
                timestamp=timestamp(time.time()),
                age_seconds=self._state.age_seconds,
            )
        )
        if self._selections.choose(sid, wanted.nodes):
            self.send(sid, SUBSCRIBED_TO_UPDATES, answer)
            self._send_state(sid)
        return answer

    def _send_state(self, sid: str) -> None:
        raw, snapshot = self._state.raw(METRICS_CHANNEL), self._state.snapshot
        if raw is not None and snapshot is not None:
            self.send(sid, CLUSTER_METRICS, self._selections.payload(sid, raw, snapshot))
        alerts = self._state.alerts_without_entries()
        if alerts is not None:
            self.send(sid, ALERTS_UPDATE, alerts)

    def _request_cluster_status(self, sid: str, argument: Mapping[str, Any]) -> bytes:
        now = timestamp(time.time())
        payload = encode(ClusterStatusResponse(data=overview(self._snapshot()), timestamp=now))
        self.send(sid, CLUSTER_STATUS_RESPONSE, payload)
        return payload

    def _request_nodes_status(self, sid: str, argument: Mapping[str, Any]) -> bytes:
        payload = encode(NodesStatusResponse(data=self._snapshot().nodes, timestamp=timestamp(time.time())))
        self.send(sid, NODES_STATUS_RESPONSE, payload)
        return payload

    def _snapshot(self) -> Snapshot:
        snapshot = self._state.snapshot
        return _not_available() if snapshot is None else snapshot


def _not_available() -> NoReturn:
    raise Refused("not_available", "no snapshot of the cluster has been published yet")
