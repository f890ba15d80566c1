"""What a replica knows of the cluster, and what each message from Redis changes in it. No input or output.

A message passes two steps: (a) a JSON object goes to the clients of ``/`` as it is, so anyone may publish one by hand;
(b) one that is also valid as its channel's type may become state, which the other namespaces show. A metrics snapshot
becomes state only if it follows directly (same epoch, seq + 1). At any other jump, and for health and alerts always,
what counts is the ``:latest`` key, which only the collector writes; so nothing published by hand can block the state.
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
    """A message that passed step (a); ``message`` is ``None`` where it failed step (b), for that ``reason``."""

    channel: str
    raw: bytes
    message: codec.Message | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """What a ``:latest`` key held, and for how long Redis has had it (``None``: not asked for)."""

    raw: bytes | None
    age_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What follows from one message."""

    channel: str
    kind: Literal["state", "repeated", "passed_on"]
    #: For the clients of ``/``.
    published: bytes
    #: For the clients of the other namespaces; ``None``: nothing is new for them.
    state: bytes | None


@dataclass(slots=True)
class _ChannelState(Generic[M]):
    """The state of one channel."""

    message: M | None = None
    raw: bytes | None = None
    #: The newest message that has arrived and is no newer than ``raw``; behind it while ``:latest`` was ahead.
    arrived: bytes | None = None


@dataclass(frozen=True, slots=True)
class _NextState:
    """A message that becomes state."""

    raw: bytes
    message: codec.Message
    age_seconds: float | None
    #: Whether ``:latest`` holds it.
    is_stored: bool


def receive(channel: str, raw: bytes) -> ReceivedMessage:
    """Decode what came from ``channel``.

    Raises:
        UndecodableMessage: it fails step (a) and is to be dropped.
    """
    codec.require_object(raw)
    try:
        return ReceivedMessage(channel, raw, codec.decode(raw, codec.TYPE_OF_CHANNEL[channel]))
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
        #: The snapshot that ``:latest`` held when it was last taken from there; only the collector writes it.
        self._latest_snapshot: Snapshot | None = None
        #: Monotonic time at which Redis took the snapshot.
        self._snapshot_taken: float | None = None
        self._alerts_without_entries: bytes | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot."""
        return self._metrics.message

    @property
    def health(self) -> Health | None:
        """The newest health."""
        return self._health.message

    @property
    def last_alert_id(self) -> LogId | None:
        """The replica's own position in the alert log."""
        return None if self._alerts.message is None else self._alerts.message.last_alert_id

    @property
    def age_seconds(self) -> float | None:
        """Time since Redis took the newest snapshot, by Redis's clock; ``None`` without one."""
        if self._snapshot_taken is None:
            return None
        return round(max(0.0, self._monotonic() - self._snapshot_taken), 3)

    def raw(self, channel: str) -> bytes | None:
        """Bytes of the state of ``channel``, as they were published."""
        return self._channels[channel].raw

    def arrived(self) -> list[tuple[str, bytes]]:
        """Per channel what a new client of ``/`` begins with: all that it will get besides was published later."""
        messages = ((channel, self._channels[channel].arrived) for channel in CHANNELS)
        return [(channel, raw) for channel, raw in messages if raw is not None]

    def alerts_without_entries(self) -> bytes | None:
        """The newest alerts with ``entries: []``: what is active, and the position from which a log goes on."""
        raw, alerts = self._alerts.raw, self._alerts.message
        if raw is not None and alerts is not None and self._alerts_without_entries is None:
            self._alerts_without_entries = without_entries(raw, alerts)
        return self._alerts_without_entries

    def alerts_with(self, entries: ResultPage, after: LogId, until: LogId) -> bytes:
        """The newest alerts with these entries of the log, which lie after ``after`` and up to ``until``."""
        raw = self._alerts.raw
        assert raw is not None
        return with_entries(raw, entries, after, until)

    def gap(self, received: ReceivedMessage, stored: StoredMessage | None) -> Gap | None:
        """The stretch of the alert log that lies between the own position and what ``take`` would take as state."""
        # Of another channel there is none, and a stored snapshot is long: it is decoded by ``take`` alone.
        next_state = self._next_state(received, stored) if received.channel == ALERTS_CHANNEL else None
        return None if next_state is None else Gap.before(next_state.message, self.last_alert_id)

    def gap_to(self, stored: StoredMessage) -> Gap | None:
        """The stretch of the alert log that ``catch_up`` would leave out."""
        message = None if stored.raw is None else _decoded(ALERTS_CHANNEL, stored.raw)
        return None if message is None else Gap.before(message, self.last_alert_id)

    def needs_latest(self, received: ReceivedMessage) -> bool:
        """Whether ``take`` has to be told what ``:latest`` holds."""
        message = received.message
        if message is None or received.raw == self._channels[received.channel].raw:
            return False
        return not (isinstance(message, Snapshot) and (self._follows(message) or self._is_overtaken(message)))

    def apply(
        self, received: ReceivedMessage, stored: StoredMessage | None, missed: ResultPage | None = None
    ) -> MessageOutcome:
        """Return what follows from a message.

        ``stored`` is what ``:latest`` held after the message arrived; ``None`` where there was no need to look, or
        Redis did not say: then a message that does not follow directly is only passed on. ``missed`` are the entries
        of the ``gap``; ``None`` where they are gone.
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
            # Health and alerts did not change; of metrics a repeat was asked for (``GET /api/cluster/nodes``).
            again = known.raw if received.channel == METRICS_CHANNEL else None
            return MessageOutcome(received.channel, "repeated", received.raw, again)
        kind: Final = "state" if received.raw == known.raw else "passed_on"
        return MessageOutcome(received.channel, kind, received.raw, None)

    def catch_up(self, channel: str, stored: StoredMessage, missed: ResultPage | None = None) -> MessageOutcome | None:
        """Return what follows from ``:latest`` after each connection to Redis; ``None`` where nothing is new.

        What differs from the state is taken, be it older (a Redis that came back with an older backup); where nothing
        is stored (an emptied Redis) the state is kept.
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
        """Whether ``:latest`` went past this snapshot of the same epoch, in which ``seq`` never goes back there.

        After a look all messages that were on their way are overtaken: with a look at each, a replica would stay
        behind. The state itself is no measure, since what is published by hand may have run ahead of the collector.
        """
        newer = self._latest_snapshot
        return newer is not None and newer.epoch == snapshot.epoch and snapshot.seq < newer.seq

    def _is_behind(self, received: ReceivedMessage) -> bool:
        """Whether this is one of the messages before the state that was taken ahead of them."""
        newest, message = self._channels[received.channel].message, received.message
        return newest is not None and message is not None and _order(message) < _order(newest)

    def _next_state(self, received: ReceivedMessage, stored: StoredMessage | None) -> _NextState | None:
        """What becomes state, be it the message or what is stored; ``None`` for no change."""
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
        """Take it as state; return it as it is to be shown."""
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
            self._snapshot_taken = self._monotonic() - age_seconds


def _order(message: codec.Message) -> tuple[int, int]:
    return message.epoch, message.seq


def _decoded(channel: str, raw: bytes) -> codec.Message | None:
    try:
        return receive(channel, raw).message
    except codec.UndecodableMessage:
        return None
