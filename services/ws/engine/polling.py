"""HTTP long polling: a client gets waiting packets by GET, and sends its packets by POST.

Packets are lost if the client does not get the answer that carries them. Such a client repeats its request, or sends a
second request beside the first. Then the session ends, and the client reconnects and resumes. The session also ends if
the connection of a waiting poll is lost.

Source: https://github.com/socketio/socket.io/blob/main/docs/engine.io-protocol/v4-current.md
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Protocol, Self

from wsproto.frame_protocol import CloseReason

from ws import loop
from ws.budget import MemoryReservation
from ws.engine.reader import ProtocolViolation, size_of
from ws.engine.session_context import AnySession, SessionContext
from ws.engine.socket_monitor import SocketMonitor
from ws.engine_request import EngineRequest
from ws.event import EnginePacket

#: Seconds that a poll may wait; usually a ping ends the poll earlier.
POLL_SECONDS: Final = 60.0
#: Packets in one answer to a polling client; the clients of python-engineio reject more packets.
PACKETS_PER_POLL: Final = 16
#: Packets of one POST that are handled before other greenlets run.
PACKETS_BEFORE_YIELD: Final = 16
#: Bytes of a body that one read returns.
PIECE_BYTES: Final = 16 * 1024

CLOSE: Final = EnginePacket(b"1")
NOOP: Final = EnginePacket(b"6")
#: Separator of two packets in a request or an answer.
_SEPARATOR: Final = "\x1e"


class SessionEnded(Exception):
    """The session has ended; the request is answered 400."""


class PollingSession(AnySession, Protocol):
    """The session of a polling client."""

    polling: "PollingTransport | None"


class PollingTransport:
    """The polling state of one session, until a WebSocket replaces polling."""

    __slots__ = (
        "_final_packet",
        "_noop_is_due",
        "_packet_arrived",
        "_pending_methods",
        "_stamps",
        "_stamps_vary",
        "body_fd",
    )

    def __init__(self, stamp: str | None) -> None:
        """``stamp`` is the stamp of the request that began the session."""
        #: Stamp of the last request by method.
        self._stamps = {"GET": stamp, "POST": stamp}
        #: Whether the client sends a new stamp with each request; otherwise equal stamps prove no repetition.
        self._stamps_vary = False
        #: Methods of the requests that have no answer yet.
        self._pending_methods: set[str] = set()
        #: Descriptor of the connection from which a body is being read.
        self.body_fd: int | None = None
        #: Set when a waiting poll can be answered.
        self._packet_arrived: threading.Event | None = None
        self._noop_is_due = False
        #: Answer to a waiting poll after the end of the session.
        self._final_packet: EnginePacket | None = None

    @contextmanager
    def one_at_a_time(self, session: PollingSession, request: EngineRequest) -> Iterator[None]:
        """Guard one request of the session.

        Raises:
            SessionEnded: the request is a repetition, or another request of its method has no answer yet. The session
                has ended.
        """
        last = self._stamps[request.method]
        is_repeated = self._stamps_vary and request.stamp == last is not None
        if is_repeated or request.method in self._pending_methods:
            session.end("repeated", None)
            raise SessionEnded
        self._stamps_vary = self._stamps_vary or (None not in (last, request.stamp) and request.stamp != last)
        self._stamps[request.method] = request.stamp
        self._pending_methods.add(request.method)
        try:
            yield
        finally:
            self._pending_methods.discard(request.method)

    def wake(self) -> None:
        """Let a waiting poll continue."""
        if self._packet_arrived is not None:
            self._packet_arrived.set()

    def request_noop(self) -> None:
        """Answer the waiting poll, or the next poll, even if no packet waits."""
        self._noop_is_due = True
        self.wake()

    def end(self, final_packet: EnginePacket | None) -> None:
        """End polling; a waiting poll is answered ``final_packet``, or 400 if that is ``None``."""
        self._final_packet = final_packet
        self.wake()

    def abort_body(self) -> None:
        """Stop waiting for the rest of a body, because the session has ended."""
        if self.body_fd is not None:
            loop.shut_reading(self.body_fd)

    def take(self, session: PollingSession, connection: int, socket_monitor: SocketMonitor) -> list[EnginePacket]:
        """Wait until packets wait for the client; return at most ``PACKETS_PER_POLL`` of them.

        ``connection`` is the descriptor of the connection for the answer.

        Raises:
            ConnectionError: the connection is lost; the session has ended.
            SessionEnded: the session has ended.
        """
        backlog = session.backlog
        if backlog is not None and not backlog.outbox and not self._noop_is_due:
            self._packet_arrived = threading.Event()
            socket_monitor.watch_close(connection, _PollConnection(session))
            try:
                self._packet_arrived.wait(POLL_SECONDS)
            finally:
                self._packet_arrived = None
                socket_monitor.remove(connection)
        if loop.is_closed_by_peer(connection):
            session.connection_lost()
            raise ConnectionResetError
        self._noop_is_due = False
        if session.polling is not self or session.closed:
            # Python clients do not reconnect after "close", so only a client that repeated a request gets "close".
            if self._final_packet is None:
                raise SessionEnded
            return [self._final_packet]
        assert session.backlog is not None
        outbox = session.backlog.outbox
        return [outbox.take() for _ in range(min(PACKETS_PER_POLL, len(outbox)))] or [NOOP]


class _PollConnection:
    """The connection of a waiting poll."""

    __slots__ = ("_session",)

    def __init__(self, session: PollingSession) -> None:
        self._session = session

    def readable(self) -> None:
        """End the session when the client has closed its side, or the connection is broken."""
        self._session.connection_lost()

    def writable(self) -> None:
        """Do nothing: the socket monitor does not watch this event."""


class PostBody:
    """The body of a POST; it is read in pieces, and no longer when its session ends.

    Until the end of the context, the body counts in the budgets of the client.
    """

    def __init__(
        self, context: SessionContext, session: PollingSession, polling: PollingTransport, environ: Mapping[str, Any]
    ) -> None:
        self._context = context
        self._session = session
        self._polling = polling
        self._environ = environ
        self._reservation = MemoryReservation()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._reservation.release()

    def read(self) -> str:
        """Read the whole body as text; lets other greenlets run.

        Raises:
            ProtocolViolation: the body is too long or not valid.
            SessionEnded: the session has ended, a budget is spent, or the body is shorter than announced.
            OSError: the connection is lost or too slow; the session has ended.
        """
        limit_bytes, content_length = self._context.reader_pool.limit_bytes, self._environ.get("CONTENT_LENGTH")
        # A chunked body has no length; one byte beyond the limit shows that the body is too long.
        expected_bytes = limit_bytes + 1 if content_length is None else int(content_length)
        if content_length is not None and expected_bytes > limit_bytes:
            raise ProtocolViolation(CloseReason.MESSAGE_TOO_BIG, "too big")
        received = bytearray()
        while len(received) < expected_bytes and (
            piece := self._piece(min(PIECE_BYTES, expected_bytes - len(received)))
        ):
            received += piece
            self._reserve(len(received))
        if len(received) > limit_bytes:
            raise ProtocolViolation(CloseReason.MESSAGE_TOO_BIG, "too big")
        if content_length is not None and len(received) < expected_bytes:
            self._session.connection_lost()
            raise SessionEnded
        try:
            text = received.decode()
        except UnicodeDecodeError:
            raise ProtocolViolation(0, "not text") from None
        self._reserve(size_of(text))
        return text

    def _reserve(self, kept_bytes: int) -> None:
        if not self._reservation.set(kept_bytes, self._context.callbacks.budgets(self._session.sid)):
            self._session.end("overload", None)
            raise SessionEnded

    def _piece(self, size: int) -> bytes:
        self._polling.body_fd = loop.descriptor(self._environ)
        try:
            piece: bytes = self._environ["wsgi.input"].read(size)
        except ValueError as error:
            raise ProtocolViolation(0, str(error)) from None
        except OSError:
            self._session.connection_lost()
            raise
        finally:
            self._polling.body_fd = None
        if self._session.closed:
            raise SessionEnded
        return piece


def encode(packets: list[EnginePacket]) -> bytes:
    """Return the body of an answer with ``packets``."""
    return _SEPARATOR.encode().join(packet.text for packet in packets)


def receive(session: PollingSession, text: str) -> None:
    """Handle the packets of one POST in their order, at the client's permitted rate; lets other greenlets run.

    Raises:
        ProtocolViolation: a packet is not valid.
        SessionEnded: the session has ended before all packets were handled.
    """
    other_packets = 0
    for number, packet in enumerate(_packets(text), 1):
        message = session.process_packet(packet)
        if message is None:
            other_packets += 1
        else:
            session.await_quota()
            session.handle(message)
        if packet == CLOSE.text.decode():
            return
        if session.closed:
            raise SessionEnded
        if number % PACKETS_BEFORE_YIELD == 0:
            session.await_quota(other_packets)
            other_packets = 0
            time.sleep(0)
    session.await_quota(other_packets)


def _packets(text: str) -> Iterator[str]:
    """Yield the packets one by one: a list would take much more memory than ``text``."""
    begin = 0
    while (end := text.find(_SEPARATOR, begin)) >= 0:
        yield text[begin:end]
        begin = end + 1
    yield text[begin:]
