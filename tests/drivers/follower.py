"""A client of ``/monitoring`` that applies the rules of the contract."""

import json

import msgspec

from contract.delta import apply_delta
from contract.messages import Delta, LogId, Snapshot


class Follower:
    """Keeps the newest snapshot and all alert log entries; asserts that they never go back."""

    def __init__(self, mode: str = "delta", nodes: list[str] | None = None) -> None:
        self.mode = mode
        self.nodes = nodes
        self.shown: Snapshot | None = None
        #: The entries, and the position after them.
        self.entries: list[LogId] = []
        self.position: LogId | None = None
        #: Number of reports about lost entries.
        self.losses = 0
        #: Outstanding answers to subscriptions. Until they come, events belong to a previous subscription.
        self._awaited = 0
        #: Whether the snapshot came over the current connection, on which no delta may be missing.
        self._is_current = False
        self._recovers = False

    def connect(self) -> dict[str, object]:
        """Begin a connection; return the subscription for its handshake."""
        self._awaited = 0
        self._is_current = False
        return self.subscribe()

    def subscribe(self) -> dict[str, object]:
        """Return the subscription from the current position."""
        self._awaited += 1
        wanted: dict[str, object] = {"mode": self.mode, "nodes": self.nodes}
        return wanted | ({} if self.position is None else {"last_alert_id": self.position})

    def receive(self, name: str, payload: str) -> bool:
        """Apply an event; return whether a new subscription is necessary."""
        if name == "subscribed_to_updates":
            # A second answer replaces the first one's ``recovered``.
            self._awaited = max(0, self._awaited - 1)
            self._recovers = json.loads(payload)["recovered"]
        if self._awaited:
            return False
        if name == "cluster_metrics":
            self._show(msgspec.json.decode(payload, type=Snapshot))
        elif name == "cluster_metrics_delta":
            return self._step(msgspec.json.decode(payload, type=Delta))
        elif name == "alerts_update":
            return self._log(json.loads(payload))
        return False

    def _show(self, snapshot: Snapshot) -> None:
        if self.shown is None or (snapshot.epoch, snapshot.seq) >= (self.shown.epoch, self.shown.seq):
            self.shown = snapshot
            self._is_current = True

    def _step(self, delta: Delta) -> bool:
        if self.shown is None:
            return True
        if delta.epoch < self.shown.epoch or (delta.epoch == self.shown.epoch and delta.seq <= self.shown.seq):
            return False
        if (delta.epoch, delta.base_seq) != (self.shown.epoch, self.shown.seq):
            assert not self._is_current, "a gap between deltas of one connection"
            return True
        self.shown = apply_delta(self.shown, delta)
        self._is_current = True
        return False

    def _log(self, alerts: dict[str, object]) -> bool:
        previous, last = alerts["previous_alert_id"], alerts["last_alert_id"]
        entries: list[dict[str, LogId]] = alerts["entries"]  # type: ignore[assignment]
        if self.position is not None and previous != self.position:
            if self._recovers:
                return True  # entries are missing: request them
            self.losses += 1
        self._recovers = True
        self.entries += [entry["id"] for entry in entries]
        self.position = last  # type: ignore[assignment]
        return False
