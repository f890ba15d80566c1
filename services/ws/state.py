"""The replica's state of the cluster, and the changes by each message from Redis. This module does no input or output.

A message passes two checks. (a) A JSON object goes to the clients of ``/`` unchanged, so people may publish messages by
hand. (b) A message that is also valid for its channel's type may become state, which the other namespaces show. A
snapshot becomes state if it directly follows the current one (same epoch, seq + 1). In all other cases, and for health
and alerts always, the state comes from the ``:latest`` key. Only the collector writes this key, so a message published
by hand cannot block the state.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from contract import codec
from contract.messages import Alerts, Health, LogId, Snapshot
from contract.names import ALERTS_CHANNEL, CHANNELS, HEALTH_CHANNEL, METRICS_CHANNEL
from ws.alert_log import Gap, ResultPage, message_for_position, with_entries, without_entries

M = TypeVar("M", bound=codec.Message)


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that passed check (a); if it failed check (b), ``message`` is ``None`` and ``reason`` is the error."""

    channel: str
    raw: bytes
    message: codec.Message | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """The value of a ``:latest`` key, and its age in Redis (``None``: not read)."""

    raw: bytes | None
    age_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """The result of one message."""

    channel: str
    kind: Literal["state", "repeated", "passed_on"]
    #: Message for the clients of ``/``.
    published: bytes
    #: Message for the clients of the other namespaces; ``None``: nothing is new for them.
    state: bytes | None


@dataclass(slots=True)
class _ChannelState(Generic[M]):
    """The state of one channel."""

    message: M | None = None
    raw: bytes | None = None
    #: Newest arrived message that is not newer than ``raw``; older than ``raw`` while ``:latest`` is ahead.
    arrived: bytes | None = None


@dataclass(frozen=True, slots=True)
class _NextState:
    """A message that becomes state."""

    raw: bytes
    message: codec.Message
    age_seconds: float | None
    #: Whether ``:latest`` contains the message.
    is_stored: bool


def receive(channel: str, raw: bytes) -> ReceivedMessage:
    """Decode a message of ``channel``.

    Raises:
        UndecodableMessage: the message fails check (a) and must be dropped.
    """
    expected = codec.TYPE_OF_CHANNEL[channel]
    message = codec.try_decode(raw, expected)
    if message is not None:
        return ReceivedMessage(channel, raw, message)
    codec.require_object(raw)
    try:
        return ReceivedMessage(channel, raw, codec.decode(raw, expected))
    except codec.UndecodableMessage as error:
        return ReceivedMessage(channel, raw, None, str(error))


class ClusterState:
    """The newest valid message of each channel."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._metrics: Final = _ChannelState[Snapshot]()
        self._health: Final = _ChannelState[Health]()
        self._alerts: Final = _ChannelState[Alerts]()
        self._channels: Final[dict[str, _ChannelState]] = {  # type: ignore[type-arg]
            METRICS_CHANNEL: self._metrics,
            HEALTH_CHANNEL: self._health,
            ALERTS_CHANNEL: self._alerts,
        }
        #: Last snapshot that was read from ``:latest``, which only the collector writes.
        self._latest_snapshot: Snapshot | None = None
        #: Monotonic time at which Redis stored the snapshot.
        self._snapshot_stored_at: float | None = None
        self._alerts_without_entries: bytes | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """Newest snapshot."""
        return self._metrics.message

    @property
    def health(self) -> Health | None:
        """Newest health."""
        return self._health.message

    @property
    def last_alert_id(self) -> LogId | None:
        """Position of the replica in the alert log."""
        return None if self._alerts.message is None else self._alerts.message.last_alert_id

    @property
    def age_seconds(self) -> float | None:
        """Seconds since Redis stored the newest snapshot, by Redis's clock; ``None`` without a snapshot."""
        if self._snapshot_stored_at is None:
            return None
        return round(max(0.0, self._monotonic() - self._snapshot_stored_at), 3)

    def raw(self, channel: str) -> bytes | None:
        """Return the published bytes of the state of ``channel``."""
        return self._channels[channel].raw

    def arrived(self) -> list[tuple[str, bytes]]:
        """Return the first message of each channel for a new client of ``/``; all later ones follow by broadcast."""
        messages = ((channel, self._channels[channel].arrived) for channel in CHANNELS)
        return [(channel, raw) for channel, raw in messages if raw is not None]

    def alerts_without_entries(self) -> bytes | None:
        """Return the newest alerts with ``entries: []``: the active alerts and the position in the alert log."""
        raw, alerts = self._alerts.raw, self._alerts.message
        if raw is not None and alerts is not None and self._alerts_without_entries is None:
            self._alerts_without_entries = without_entries(raw, alerts)
        return self._alerts_without_entries

    def alerts_with(self, entries: ResultPage, after: LogId, until: LogId) -> bytes:
        """Return the newest alerts with these entries of the log, which lie after ``after`` and up to ``until``."""
        raw = self._alerts.raw
        assert raw is not None
        return with_entries(raw, entries, after, until)

    def gap(self, received: ReceivedMessage, stored: StoredMessage | None) -> Gap | None:
        """Return the gap between the replica's position and the alerts that ``apply`` would use as state."""
        # Only alerts have gaps. A stored snapshot is long, so only ``apply`` decodes it.
        next_state = self._next_state(received, stored) if received.channel == ALERTS_CHANNEL else None
        return None if next_state is None else Gap.before(next_state.message, self.last_alert_id)

    def gap_to(self, stored: StoredMessage) -> Gap | None:
        """Return the gap between the replica's position and the stored alerts."""
        message = None if stored.raw is None else _decoded(ALERTS_CHANNEL, stored.raw)
        return None if message is None else Gap.before(message, self.last_alert_id)

    def needs_latest(self, received: ReceivedMessage) -> bool:
        """Whether ``apply`` needs the value of ``:latest``."""
        message = received.message
        if message is None or received.raw == self._channels[received.channel].raw:
            return False
        return not (isinstance(message, Snapshot) and (self._follows(message) or self._is_overtaken(message)))

    def apply(
        self, received: ReceivedMessage, stored: StoredMessage | None, missed: ResultPage | None = None
    ) -> MessageOutcome:
        """Update the state by a message; return the outcome.

        ``stored`` is the value of ``:latest`` after the message arrived. ``None``: the value was not needed, or Redis
        did not answer; then a message that does not follow directly is only passed on. ``missed`` are the entries of
        the ``gap``; ``None`` if they no longer exist.
        """
        known = self._channels[received.channel]
        repeated = received.raw == known.arrived
        next_state = self._next_state(received, stored)
        shown = None if next_state is None else self._set_state(received.channel, next_state, missed)
        if received.raw == known.raw or (known.arrived != known.raw and self._is_behind(received)):
            known.arrived = received.raw
        if shown is not None:
            return MessageOutcome(received.channel, "state", received.raw, shown)
        if repeated:
            # Repeated health and alerts are not sent; a snapshot is published again for ``GET /api/cluster/nodes``.
            again = known.raw if received.channel == METRICS_CHANNEL else None
            return MessageOutcome(received.channel, "repeated", received.raw, again)
        kind: Final = "state" if received.raw == known.raw else "passed_on"
        return MessageOutcome(received.channel, kind, received.raw, None)

    def catch_up(self, channel: str, stored: StoredMessage, missed: ResultPage | None = None) -> MessageOutcome | None:
        """Update the state by ``:latest`` after a connection to Redis; return the outcome, ``None`` without a change.

        A value that differs from the state replaces the state, even if the value is older (Redis was restored from a
        backup). Without a value (Redis was emptied) the state stays.
        """
        known = self._channels[channel]
        raw = stored.raw
        if raw is None:
            return None
        if raw == known.raw:
            self._note_age(channel, stored.age_seconds)
            known.arrived = raw
            return None
        message = _decoded(channel, raw)
        if message is None:
            return None
        shown = self._set_state(channel, _NextState(raw, message, stored.age_seconds, is_stored=True), missed)
        known.arrived = raw
        return MessageOutcome(channel, "state", raw, shown)

    def _follows(self, snapshot: Snapshot) -> bool:
        before = self.snapshot
        return before is not None and (before.epoch, before.seq + 1) == (snapshot.epoch, snapshot.seq)

    def _is_overtaken(self, snapshot: Snapshot) -> bool:
        """Whether ``:latest`` already had a newer snapshot of the same epoch, in which ``seq`` never decreases.

        After a read of ``:latest``, all messages that were still on their way are overtaken. A read for each of these
        messages would keep the replica behind. The state itself is not compared, because a snapshot published by hand
        may be ahead of the collector.
        """
        newer = self._latest_snapshot
        return newer is not None and newer.epoch == snapshot.epoch and snapshot.seq < newer.seq

    def _is_behind(self, received: ReceivedMessage) -> bool:
        """Whether the message is older than the state."""
        newest, message = self._channels[received.channel].message, received.message
        return newest is not None and message is not None and _order(message) < _order(newest)

    def _next_state(self, received: ReceivedMessage, stored: StoredMessage | None) -> _NextState | None:
        """Return the next state, which is the message or the stored value; ``None`` without a change."""
        channel, raw, message = received.channel, received.raw, received.message
        known = self._channels[channel].raw
        if message is None or raw == known:
            return None
        if isinstance(message, Snapshot) and self._follows(message):
            return _NextState(raw, message, 0.0, is_stored=False)
        if stored is None:
            return None
        if stored.raw is None:
            return _NextState(raw, message, stored.age_seconds, is_stored=False)
        if stored.raw == known:
            return None
        newest = message if stored.raw == raw else _decoded(channel, stored.raw)
        return None if newest is None else _NextState(stored.raw, newest, stored.age_seconds, is_stored=True)

    def _set_state(self, channel: str, next_state: _NextState, missed: ResultPage | None) -> bytes:
        """Replace the state of ``channel``; return the message for clients."""
        raw, message = next_state.raw, next_state.message
        shown = message_for_position(self.last_alert_id, raw, message, missed) if isinstance(message, Alerts) else raw
        known = self._channels[channel]
        known.raw, known.message = raw, message
        if channel == ALERTS_CHANNEL:
            self._alerts_without_entries = None
        if next_state.is_stored and isinstance(message, Snapshot):
            self._latest_snapshot = message
        self._note_age(channel, next_state.age_seconds or 0.0)
        return shown

    def _note_age(self, channel: str, age_seconds: float | None) -> None:
        if channel == METRICS_CHANNEL and age_seconds is not None:
            self._snapshot_stored_at = self._monotonic() - age_seconds


def _order(message: codec.Message) -> tuple[int, int]:
    return message.epoch, message.seq


def _decoded(channel: str, raw: bytes) -> codec.Message | None:
    try:
        return receive(channel, raw).message
    except codec.UndecodableMessage:
        return None
