"""Namespace ``/health``: the cluster's health at once and on every change, and the product's on request."""

import time
from collections.abc import Mapping
from typing import Any, Final

from contract.codec import encode
from contract.events import (
    HEALTH_CONNECTED,
    HEALTH_NAMESPACE,
    HEALTH_RESPONSE,
    HEALTH_UPDATE,
    REQUEST_HEALTH,
    HealthConnected,
    HealthResponse,
)
from contract.names import HEALTH_CHANNEL
from runtime.clock import timestamp
from ws.counters import Counters
from ws.namespaces.namespace import Namespace
from ws.push import Group, Push
from ws.report import HealthReporter
from ws.state import ClusterState, Step

_EVERYBODY: Final = Group(HEALTH_NAMESPACE, "everybody")


class HealthNamespace(Namespace):
    """``health_connected``, ``health_update``, and ``health_response`` to ``request_health``."""

    name = HEALTH_NAMESPACE

    def __init__(self, push: Push, counters: Counters, state: ClusterState, reporter: HealthReporter) -> None:
        super().__init__(push, counters)
        self._state = state
        self._reporter = reporter
        self.requests = {REQUEST_HEALTH: self._request_health}

    def connected(self, sid: str, auth: Mapping[str, Any]) -> None:
        """See ``Namespace``."""
        self.send(sid, HEALTH_CONNECTED, encode(HealthConnected(timestamp=timestamp(time.time()))))
        raw = self._state.raw(HEALTH_CHANNEL)
        if raw is not None:
            self.send(sid, HEALTH_UPDATE, raw, HEALTH_CHANNEL)
        self._push.join(sid, _EVERYBODY)

    def disconnected(self, sid: str) -> None:
        """See ``Namespace``."""
        self._push.leave(sid, _EVERYBODY)

    def deliver(self, step: Step) -> None:
        """Show a new health to everybody."""
        if step.channel == HEALTH_CHANNEL and step.state is not None:
            self._push.broadcast(_EVERYBODY, self.event(HEALTH_UPDATE, step.state, HEALTH_CHANNEL))

    def _request_health(self, sid: str, argument: Mapping[str, Any]) -> bytes:
        payload = encode(HealthResponse(data=self._reporter.report(), timestamp=timestamp(time.time())))
        self.send(sid, HEALTH_RESPONSE, payload)
        return payload
