"""The requests of a client that polls: it takes what waits when it asks, and sends what it has by POST.

What an answer carried is delivered only if the client got that answer. A client that did not get it repeats the
request, or sends a second one beside the first. Then the session ends, and the client comes back and resumes. The
session ends too where the connection of a waiting poll does.

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

#: Seconds that a poll may wait; a ping ends it before.
POLL_SECONDS: Final = 60.0
#: Packets in one answer to a polling client; python-engineio's clients give up on more.
PACKETS_A_POLL: Final = 16
#: Packets of one POST that are handled before other clients get their turn.
PACKETS_A_TURN: Final = 16
#: Bytes of a body that are read at a time.
PIECE_BYTES: Final = 16 * 1024

CLOSE: Final = EnginePacket(b"1")
NOOP: Final = EnginePacket(b"6")
#: What stands between two packets of one request or answer.
_SEPARATOR: Final = "\x1e"


class SessionEnded(Exception):
    """The session has ended; the request gets 400."""


class PollingSession(AnySession, Protocol):
    """The session of a client that polls."""

    polling: "PollingTransport | None"


class PollingTransport:
    """The polling of one client, until a WebSocket takes its place."""

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
        """``stamp`` is that of the request that began the session."""
        #: By method, the stamp of its last request.
        self._stamps = {"GET": stamp, "POST": stamp}
        #: Whether the client gives each request a stamp of its own. One that does not is not taken at its word.
        self._stamps_vary = False
        #: Methods of the requests that are not yet answered.
        self._pending_methods: set[str] = set()
        #: Descriptor of the connection that a body is being read from.
        self.body_fd: int | None = None
        #: Set when a poll that waits has something to answer.
        self._packet_arrived: threading.Event | None = None
        self._noop_is_due = False
        #: What a poll that waits is answered once the session has ended.
        self._final_packet: EnginePacket | None = None

    @contextmanager
    def one_at_a_time(self, session: PollingSession, request: EngineRequest) -> Iterator[None]:
        """Guard one request of the session.

        Raises:
            Ended: it repeats one, or comes beside another of its method; it has ended the session.
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
        """Let a poll that waits go on."""
        if self._packet_arrived is not None:
            self._packet_arrived.set()

    def request_noop(self) -> None:
        """Answer the poll that waits, or the next one, even if there is nothing for the client."""
        self._noop_is_due = True
        self.wake()

    def end(self, final_packet: EnginePacket | None) -> None:
        """The session has ended, or goes on elsewhere: a poll that waits is answered ``last_word``, or 400."""
        self._final_packet = final_packet
        self.wake()

    def abort_body(self) -> None:
        """Let nobody wait any more for the rest of a body: the session has ended."""
        if self.body_fd is not None:
            loop.shut_reading(self.body_fd)

    def take(self, session: PollingSession, connection: int, socket_monitor: SocketMonitor) -> list[EnginePacket]:
        """Wait until something is there for the client; return the first of it.

        ``connection`` is the descriptor that the answer will be written to.

        Raises:
            ConnectionError: the client is gone; the session has ended.
            Ended: the session has ended.
        """
        backlog = session.backlog
        if backlog is not None and not backlog.outbox and not self._noop_is_due:
            self._packet_arrived = threading.Event()
            socket_monitor.watch_close(connection, _Connection(session))
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
            # A Python client that is told "close" does not come back, so none but a client that asked twice is told.
            if self._final_packet is None:
                raise SessionEnded
            return [self._final_packet]
        assert session.backlog is not None
        outbox = session.backlog.outbox
        return [outbox.take() for _ in range(min(PACKETS_A_POLL, len(outbox)))] or [NOOP]


class _Connection:
    """The connection of a poll that waits."""

    __slots__ = ("_session",)

    def __init__(self, session: PollingSession) -> None:
        self._session = session

    def readable(self) -> None:
        """The client has closed its side, or the connection is broken."""
        self._session.connection_lost()

    def writable(self) -> None:
        """Never waited for."""


class PostBody:
    """The body of a POST: read in pieces, and given up when its session ends.

    It is a context, until whose end the body counts in the budgets of the client that sent it.
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
        """Read the whole body, which is text; lets other greenlets run.

        Raises:
            Broken: it is longer than a client may send, or is no body.
            Ended: the session has ended, or ends because too much is kept, or the client sent less than it announced.
            OSError: the client is gone, or takes too long; the session has ended.
        """
        limit_bytes, stated = self._context.reader_pool.limit_bytes, self._environ.get("CONTENT_LENGTH")
        # A body in chunks has no length; a byte beyond the limit tells that it is too long.
        due_bytes = limit_bytes + 1 if stated is None else int(stated)
        if stated is not None and due_bytes > limit_bytes:
            raise ProtocolViolation(CloseReason.MESSAGE_TOO_BIG, "too big")
        received = bytearray()
        while len(received) < due_bytes and (piece := self._piece(min(PIECE_BYTES, due_bytes - len(received)))):
            received += piece
            self._reserve(len(received))
        if len(received) > limit_bytes:
            raise ProtocolViolation(CloseReason.MESSAGE_TOO_BIG, "too big")
        if stated is not None and len(received) < due_bytes:
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
    """The body that carries ``packets``."""
    return _SEPARATOR.encode().join(packet.text for packet in packets)


def receive(session: PollingSession, text: str) -> None:
    """Handle the packets of one POST in their order, at the rate that the client may send; lets other greenlets run.

    Raises:
        Broken: the client sent what it may not.
        Ended: the session has ended before all were handled.
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
        if number % PACKETS_A_TURN == 0:
            session.await_quota(other_packets)
            other_packets = 0
            time.sleep(0)
    session.await_quota(other_packets)


def _packets(text: str) -> Iterator[str]:
    """Yield one packet after the other: a list of them takes many times the memory of ``text``."""
    begin = 0
    while (end := text.find(_SEPARATOR, begin)) >= 0:
        yield text[begin:end]
        begin = end + 1
    yield text[begin:]
