"""Namespace ``/``: every message of every channel, with unchanged JSON."""

import time
from collections.abc import Mapping
from typing import Any

from contract.codec import encode
from contract.events import CONNECTION_CONFIRMED, EVENT_OF_CHANNEL, ROOT_NAMESPACE, ConnectionConfirmed
from contract.names import ALERTS_CHANNEL
from runtime.clock import timestamp
from ws.counters import Counters
from ws.event import Event, Push
from ws.namespaces.namespace import Namespace
from ws.state import ClusterState, MessageOutcome


class RootNamespace(Namespace):
    """``connection_confirmed``, the latest message of each channel, then all published messages."""

    name = ROOT_NAMESPACE

    def __init__(self, push: Push, counters: Counters, state: ClusterState, replica: str) -> None:
        super().__init__(push, counters)
        self._state = state
        self._replica = replica

    def connected(self, sid: str, auth: Mapping[str, Any]) -> None:
        """See ``Namespace``."""
        confirmed = ConnectionConfirmed(
            sid=sid, replica=self._replica, timestamp=timestamp(time.time()), age_seconds=self._state.age_seconds
        )
        self.send(sid, CONNECTION_CONFIRMED, encode(confirmed))
        for channel, raw in self._state.arrived():
            self._push.send(sid, self._event(channel, raw))
        self._push.join(sid, self._all_clients)

    def deliver(self, outcome: MessageOutcome) -> None:
        """Broadcast a message to all clients."""
        self._push.broadcast(self._all_clients, self._event(outcome.channel, outcome.published))

    def _event(self, channel: str, raw: bytes) -> Event:
        return self.event(EVENT_OF_CHANNEL[channel], raw, None if channel == ALERTS_CHANNEL else channel)
