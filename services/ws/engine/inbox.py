"""Messages that came over a WebSocket and that the replica has not handled yet.

The inbox extracts a message after the previous message has been handled. So the replica keeps at most the data of one
read and one message for each client, even if the data inflates to much more.
"""

import time
from collections.abc import Iterator
from typing import Final, Protocol

from wsproto.frame_protocol import CloseReason

from ws import loop
from ws.budget import MemoryReservation
from ws.engine.reader import (
    CloseFrame,
    LongMessage,
    PingFrame,
    ProtocolViolation,
    Reader,
    ReceivedItem,
    TextMessage,
    size_of,
)
from ws.engine.session_context import AnySession, SessionContext

#: Messages of one client that are handled before other greenlets run.
MESSAGES_BEFORE_YIELD: Final = 16


class Sender(AnySession, Protocol):
    """The session that receives the messages."""

    compresses: bool
    inbox: "Inbox | None"

    def send_pong(self, ping: bytes) -> None:
        """Answer a WebSocket ping."""
        ...

    def update_watch(self) -> None:
        """Update the events that the socket monitor watches."""
        ...

    def close_for_violation(self, violation: ProtocolViolation) -> None:
        """Close the connection of a client that violated the protocol."""
        ...


class Inbox:
    """Exists while the replica keeps received data of the client."""

    __slots__ = ("_context", "_other_packets", "_reader", "_reservation", "_session", "is_busy", "since")

    def __init__(self, context: SessionContext, session: Sender, reader: Reader) -> None:
        self._context = context
        self._session = session
        self._reader = reader
        self._reservation = MemoryReservation()
        #: Whether messages are being handled; meanwhile nothing may be received.
        self.is_busy = False
        #: Monotonic time at which an incomplete message began; ``None`` without an incomplete message.
        self.since: float | None = None
        #: Packets and pings that are not messages, and that have not been counted.
        self._other_packets = 0

    def receive(self, data: bytes) -> None:
        """Process ``data``, at least one byte."""
        self.process(self._reader.receive(data))

    def process(self, received: Iterator[ReceivedItem]) -> None:
        """Process the items of ``received``; another greenlet handles the messages."""
        try:
            first = self._next_message(received)
        except ProtocolViolation as violation:
            self._session.close_for_violation(violation)
            return
        if self._session.closed:
            return
        pause_seconds = self._count_other_packets() if first is None else 0.0
        if first is None and not pause_seconds:
            self._release_idle()
            return
        self.is_busy = True
        self._session.update_watch()
        if self._has_room(first):
            loop.spawn("messages of a client", lambda: self._handle(first, received, pause_seconds))

    def end(self) -> None:
        """Release the reserved memory when the session has ended."""
        self._reservation.release()
        self._context.partial_messages.discard(self)

    def is_overdue(self, now: float, patience_seconds: float) -> bool:
        """Whether an incomplete message takes too long; ``now`` is monotonic."""
        return self.since is not None and not self.is_busy and now - self.since > patience_seconds

    def close_session(self) -> None:
        """End the session, because its client takes too long to send a message."""
        self._session.end("slow", CloseReason.TRY_AGAIN_LATER, "slow")

    def _next_message(self, received: Iterator[ReceivedItem]) -> str | LongMessage | None:
        """Return the next message without its type; process the items before it."""
        for item in received:
            match item:
                case TextMessage(text):
                    self.since = None
                    message = self._session.process_packet(text)
                    if message is not None:
                        return message
                case LongMessage():
                    self.since = None
                    return item
                case PingFrame(payload):
                    self._session.send_pong(payload)
                case CloseFrame(code):
                    self._session.end("client", code if code != 1005 else 1000, "")
            self._other_packets += 1
            if self._session.closed:
                return None
        return None

    def _handle(
        self, message: str | LongMessage | None, received: Iterator[ReceivedItem], pause_seconds: float
    ) -> None:
        session, number = self._session, 0
        try:
            while message is not None and self._has_room(message):
                session.await_quota()
                if isinstance(message, str):
                    number += 1
                    session.handle(message)
                    if number % MESSAGES_BEFORE_YIELD == 0:
                        time.sleep(0)
                message = None if session.closed else self._next_message(received)
        except ProtocolViolation as violation:
            session.close_for_violation(violation)
        if session.closed:
            return
        pause_seconds = pause_seconds or self._count_other_packets()
        if pause_seconds:
            time.sleep(pause_seconds)
        self.is_busy = False
        if not session.closed:
            session.update_watch()
            self._release_idle()

    def _count_other_packets(self) -> float:
        """Count the packets that are not messages; return the seconds for which nothing may be read."""
        other_packets, self._other_packets = self._other_packets, 0
        return self._context.callbacks.throttle(self._session.sid, other_packets) if other_packets else 0.0

    def _has_room(self, message: str | LongMessage | None) -> bool:
        """Reserve memory for the kept data; end the session and return ``False`` if a budget is spent."""
        kept_bytes = self._reader.kept_bytes + (size_of(message) if isinstance(message, str) else 0)
        if self._reservation.set(kept_bytes, self._context.callbacks.budgets(self._session.sid)):
            return True
        self._session.end("overload", CloseReason.TRY_AGAIN_LATER, "overload")
        return False

    def _release_idle(self) -> None:
        """Keep only the data of an incomplete message."""
        if self._reader.is_between_messages:
            self.end()
            self._session.inbox = None
            self._context.reader_pool.give_back(self._reader, self._session.compresses)
            return
        if self.since is None:
            self.since = time.monotonic()
            self._context.partial_messages.add(self)
        self._has_room(None)
