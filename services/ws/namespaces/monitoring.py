"""Namespace ``/monitoring``: snapshots, limited to the nodes that a client selects, and alerts."""

import time
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec

from contract.codec import encode
from contract.events import (
    ALERTS_UPDATE,
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
    SubscribedToUpdates,
    Subscription,
)
from contract.messages import LogId, Snapshot
from contract.names import ALERTS_CHANNEL, METRICS_CHANNEL
from contract.raw_json import raw_nodes
from contract.rest import overview
from runtime.clock import timestamp
from ws.access.limits import LimitReached, Subscriptions
from ws.alert_log import AlertLogFollower, Gap, ResultPage
from ws.counters import Counters
from ws.event import Push
from ws.namespaces.namespace import EventRefused, Namespace
from ws.selections import Selection, Selections, TooManyNames
from ws.state import ClusterState, MessageOutcome

#: Seconds that a resuming client waits for a replica that has not yet received the client's last alert entry.
CATCH_UP_SECONDS: Final = 2.0
#: Seconds between two checks whether a client, or this replica, has caught up.
CHECK_SECONDS: Final = 0.02


class MonitoringNamespace(Namespace):
    """``monitoring_connected``, the latest snapshot and alerts, then all new ones; answers to requests.

    Before the first snapshot, the requests for the status of the cluster or its nodes get ``error`` ``not_available``.
    """

    name = MONITORING_NAMESPACE

    def __init__(
        self,
        push: Push,
        counters: Counters,
        state: ClusterState,
        log: AlertLogFollower,
        subscriptions: Subscriptions,
    ) -> None:
        super().__init__(push, counters)
        self._subscriptions = subscriptions
        self._state = state
        self._log = log
        self._selections = Selections(push)
        self.requests = {
            REQUEST_CLUSTER_STATUS: self._request_cluster_status,
            REQUEST_NODES_STATUS: self._request_nodes_status,
            SUBSCRIBE_TO_UPDATES: self._subscribe,
        }

    def connected(self, sid: str, auth: Mapping[str, Any]) -> None:
        """See ``Namespace``. If the subscription in ``auth`` is invalid, send ``error`` and snapshots of all nodes."""
        connected = MonitoringConnected(timestamp=timestamp(time.time()), age_seconds=self._state.age_seconds)
        self.send(sid, MONITORING_CONNECTED, encode(connected))
        self._selections.admit(sid)
        wanted = auth.get("subscribe")
        if wanted is not None:
            try:
                self._subscribe(sid, wanted)
                return
            except EventRefused as refused:
                self._counters.bad_requests += 1
                self.send(sid, ERROR, refused.payload)
        self._send_snapshot(sid)
        self._send_alerts(sid)
        self._push.join(sid, self._all_clients)

    def disconnected(self, sid: str) -> None:
        """See ``Namespace``."""
        self._subscriptions.end(sid)
        self._selections.forget(sid)
        super().disconnected(sid)

    def deliver(self, outcome: MessageOutcome) -> None:
        """Send new and repeated snapshots, and new alerts."""
        if outcome.state is None:
            return
        if outcome.channel == METRICS_CHANNEL and self._state.snapshot is not None:
            self._selections.deliver(outcome.state, self._state.snapshot)
        elif outcome.channel == ALERTS_CHANNEL:
            self._push.broadcast(self._all_clients, self.event(ALERTS_UPDATE, outcome.state))

    def _subscribe(self, sid: str, argument: object) -> bytes:
        """Start a subscription. Lets other greenlets run if entries of the alert log must be read."""
        try:
            wanted = msgspec.convert(argument, Subscription)
        except msgspec.ValidationError as error:
            raise EventRefused("bad_request", str(error)) from None
        selection = Selection.of(wanted.mode, wanted.nodes)
        try:
            self._selections.require_room(selection)
        except TooManyNames:
            raise EventRefused("not_available", "the clients of this replica already name too many nodes") from None
        self._count(sid, selection)
        after, missed = wanted.last_alert_id, None
        if after is not None:
            # Alerts published from now on count as missed, until the client joins the group again.
            self._push.leave(sid, self._all_clients)
            missed = self._read_missed(after)
        answer = self._confirmation(wanted, recovered=missed is not None)
        if self._selections.choose(sid, selection):
            self.send(sid, SUBSCRIBED_TO_UPDATES, answer)
            self._send_snapshot(sid)
            if after is None or missed is None:
                self._send_alerts(sid)
            elif not self._send_missed(sid, after, missed):
                answer = self._confirmation(wanted, recovered=False)
                self.send(sid, SUBSCRIBED_TO_UPDATES, answer)
                self._send_alerts(sid)
            self._push.join(sid, self._all_clients)
        else:
            self._subscriptions.end(sid)
        return answer

    def _count(self, sid: str, selection: Selection) -> None:
        if not selection.names:
            self._subscriptions.end(sid)
            return
        try:
            self._subscriptions.begin(sid)
        except LimitReached as reached:
            raise EventRefused("limit_exceeded", reached.text) from None

    def _confirmation(self, wanted: Subscription, *, recovered: bool) -> bytes:
        return encode(
            SubscribedToUpdates(
                mode=wanted.mode,
                nodes=wanted.nodes,
                recovered=recovered,
                last_alert_id=self._state.last_alert_id,
                timestamp=timestamp(time.time()),
                age_seconds=self._state.age_seconds,
            )
        )

    def _send_snapshot(self, sid: str) -> None:
        raw, snapshot = self._state.raw(METRICS_CHANNEL), self._state.snapshot
        if raw is not None and snapshot is not None:
            self._push.send(sid, self._selections.whole(sid, raw, snapshot))

    def _send_alerts(self, sid: str) -> None:
        alerts = self._state.alerts_without_entries()
        if alerts is not None:
            self.send(sid, ALERTS_UPDATE, alerts)

    def _read_missed(self, after: LogId) -> ResultPage | None:
        """Return the first result page of the entries after ``after``; ``None`` if the entries are unknown."""
        deadline = time.monotonic() + CATCH_UP_SECONDS
        # The client's previous replica may have been ahead of this one; no entry may be sent to a client twice.
        while (known := self._state.last_alert_id) is None or not Gap(known, after).is_closed:
            if time.monotonic() > deadline:
                return None if known is None else ()
            time.sleep(CHECK_SECONDS)
        return Gap(after, known).read_first_page(self._log)

    def _send_missed(self, sid: str, after: LogId, page: ResultPage | None) -> bool:
        """Send all entries after ``after``, of which ``page`` is the first result page; return whether all were sent.

        If all were sent, no alerts were published in the meantime.
        """
        while page is not None:
            known = self._state.last_alert_id
            if known is None:
                return False
            entries, rest = Gap(after, known).split_page(page)
            self.send(sid, ALERTS_UPDATE, self._state.alerts_with(entries, after, rest.after))
            after = rest.after
            if rest.is_closed:
                return True
            while self._push.is_behind(sid, self.name):
                time.sleep(CHECK_SECONDS)
            page = self._read_missed(after)
            if page == ():
                return False
        return False

    def _request_cluster_status(self, sid: str, argument: Mapping[str, Any]) -> bytes:
        now = timestamp(time.time())
        payload = encode(ClusterStatusResponse(data=overview(self._snapshot()), timestamp=now))
        self.send(sid, CLUSTER_STATUS_RESPONSE, payload)
        return payload

    def _request_nodes_status(self, sid: str, argument: Mapping[str, Any]) -> bytes:
        raw = self._state.raw(METRICS_CHANNEL) or _not_available()
        # A ``NodesStatusResponse`` with the original JSON of the nodes.
        payload = encode({"data": raw_nodes(raw), "timestamp": timestamp(time.time())})
        self.send(sid, NODES_STATUS_RESPONSE, payload)
        return payload

    def _snapshot(self) -> Snapshot:
        snapshot = self._state.snapshot
        return _not_available() if snapshot is None else snapshot


def _not_available() -> NoReturn:
    raise EventRefused("not_available", "no snapshot of the cluster has been published yet")
