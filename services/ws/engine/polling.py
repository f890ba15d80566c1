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
from ws.budget import Held
from ws.engine.poller import Poller
from ws.engine.reader import Broken, size_of
from ws.engine.shared import AnySession, Shared
from ws.event import Packet
from ws.request import EngineRequest

#: Seconds that a poll may wait; a ping ends it before.
POLL_SECONDS: Final = 60.0
#: Packets in one answer to a polling client; python-engineio's clients give up on more.
PACKETS_A_POLL: Final = 16
#: Packets of one POST that are handled before other clients get their turn.
PACKETS_A_TURN: Final = 16
#: Bytes of a body that are read at a time.
PIECE_BYTES: Final = 16 * 1024

CLOSE: Final = Packet(b"1")
NOOP: Final = Packet(b"6")
#: What stands between two packets of one request or answer.
_SEPARATOR: Final = "\x1e"


class Ended(Exception):
    """The session has ended; the request gets 400."""


class Polled(AnySession, Protocol):
    """The session of a client that polls."""

    polls: "Polls | None"


class Polls:
    """The polling of one client, until a WebSocket takes its place."""

    __slots__ = ("_arrived", "_last_word", "_noop_is_due", "_stamps", "_stamps_vary", "_under_way", "receives_from")

    def __init__(self, stamp: str | None) -> None:
        """``stamp`` is that of the request that began the session."""
        #: By method, the stamp of its last request.
        self._stamps = {"GET": stamp, "POST": stamp}
        #: Whether the client gives each request a stamp of its own. One that does not is not taken at its word.
        self._stamps_vary = False
        #: Methods of the requests that are not yet answered.
        self._under_way: set[str] = set()
        #: Descriptor of the connection that a body is being read from.
        self.receives_from: int | None = None
        #: Set when a poll that waits has something to answer.
        self._arrived: threading.Event | None = None
        self._noop_is_due = False
        #: What a poll that waits is answered once the session has ended.
        self._last_word: Packet | None = None

    @contextmanager
    def one_at_a_time(self, session: Polled, request: EngineRequest) -> Iterator[None]:
        """Guard one request of the session.

        Raises:
            Ended: it repeats one, or comes beside another of its method; it has ended the session.
        """
        last = self._stamps[request.method]
        is_repeated = self._stamps_vary and request.stamp == last is not None
        if is_repeated or request.method in self._under_way:
            session.end("repeated", None)
            raise Ended
        self._stamps_vary = self._stamps_vary or (None not in (last, request.stamp) and request.stamp != last)
        self._stamps[request.method] = request.stamp
        self._under_way.add(request.method)
        try:
            yield
        finally:
            self._under_way.discard(request.method)

    def wake(self) -> None:
        """Let a poll that waits go on."""
        if self._arrived is not None:
            self._arrived.set()

    def owe_noop(self) -> None:
        """Answer the poll that waits, or the next one, even if there is nothing for the client."""
        self._noop_is_due = True
        self.wake()

    def end(self, last_word: Packet | None) -> None:
        """The session has ended, or goes on elsewhere: a poll that waits is answered ``last_word``, or 400."""
        self._last_word = last_word
        self.wake()

    def give_up_body(self) -> None:
        """Let nobody wait any more for the rest of a body: the session has ended."""
        if self.receives_from is not None:
            loop.end_reading(self.receives_from)

    def take(self, session: Polled, connection: int, poller: Poller) -> list[Packet]:
        """Wait until something is there for the client; return the first of it.

        ``connection`` is the descriptor that the answer will be written to.

        Raises:
            ConnectionError: the client is gone; the session has ended.
            Ended: the session has ended.
        """
        backlog = session.backlog
        if backlog is not None and not backlog.outbox and not self._noop_is_due:
            self._arrived = threading.Event()
            poller.watch_end(connection, _Connection(session))
            try:
                self._arrived.wait(POLL_SECONDS)
            finally:
                self._arrived = None
                poller.remove(connection)
        if loop.has_ended(connection):
            session.lost()
            raise ConnectionResetError
        self._noop_is_due = False
        if session.polls is not self or session.closed:
            # A Python client that is told "close" does not come back, so none but a client that asked twice is told.
            if self._last_word is None:
                raise Ended
            return [self._last_word]
        assert session.backlog is not None
        outbox = session.backlog.outbox
        return [outbox.take() for _ in range(min(PACKETS_A_POLL, len(outbox)))] or [NOOP]


class _Connection:
    """The connection of a poll that waits."""

    __slots__ = ("_session",)

    def __init__(self, session: Polled) -> None:
        self._session = session

    def readable(self) -> None:
        """The client has closed its side, or the connection is broken."""
        self._session.lost()

    def writable(self) -> None:
        """Never waited for."""


class Body:
    """The body of a POST: read in pieces, and given up when its session ends.

    It is a context, until whose end the body counts in the budgets of the client that sent it.
    """

    def __init__(self, shared: Shared, session: Polled, polls: Polls, environ: Mapping[str, Any]) -> None:
        self._shared = shared
        self._session = session
        self._polls = polls
        self._environ = environ
        self._held = Held()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.release()

    def read(self) -> str:
        """Read the whole body, which is text; lets other greenlets run.

        Raises:
            Broken: it is longer than a client may send, or is no body.
            Ended: the session has ended, or ends because too much is kept, or the client sent less than it announced.
            OSError: the client is gone, or takes too long; the session has ended.
        """
        limit_bytes, stated = self._shared.readers.limit_bytes, self._environ.get("CONTENT_LENGTH")
        # A body in chunks has no length; a byte beyond the limit tells that it is too long.
        due_bytes = limit_bytes + 1 if stated is None else int(stated)
        if stated is not None and due_bytes > limit_bytes:
            raise Broken(CloseReason.MESSAGE_TOO_BIG, "too big")
        received = bytearray()
        while len(received) < due_bytes and (piece := self._piece(min(PIECE_BYTES, due_bytes - len(received)))):
            received += piece
            self._hold(len(received))
        if len(received) > limit_bytes:
            raise Broken(CloseReason.MESSAGE_TOO_BIG, "too big")
        if stated is not None and len(received) < due_bytes:
            self._session.lost()
            raise Ended
        try:
            text = received.decode()
        except UnicodeDecodeError:
            raise Broken(0, "not text") from None
        self._hold(size_of(text))
        return text

    def _hold(self, held_bytes: int) -> None:
        if not self._held.set(held_bytes, self._shared.callbacks.budgets(self._session.sid)):
            self._session.end("overload", None)
            raise Ended

    def _piece(self, size: int) -> bytes:
        self._polls.receives_from = loop.descriptor(self._environ)
        try:
            piece: bytes = self._environ["wsgi.input"].read(size)
        except ValueError as error:
            raise Broken(0, str(error)) from None
        except OSError:
            self._session.lost()
            raise
        finally:
            self._polls.receives_from = None
        if self._session.closed:
            raise Ended
        return piece


def encode(packets: list[Packet]) -> bytes:
    """The body that carries ``packets``."""
    return _SEPARATOR.encode().join(packet.text for packet in packets)


def receive(session: Polled, text: str) -> None:
    """Handle the packets of one POST in their order, at the rate that the client may send; lets other greenlets run.

    Raises:
        Broken: the client sent what it may not.
        Ended: the session has ended before all were handled.
    """
    others = 0
    for number, packet in enumerate(_packets(text), 1):
        message = session.message_of(packet)
        if message is None:
            others += 1
        else:
            session.await_turn()
            session.handle(message)
        if packet == CLOSE.text.decode():
            return
        if session.closed:
            raise Ended
        if number % PACKETS_A_TURN == 0:
            session.await_turn(others)
            others = 0
            time.sleep(0)
    session.await_turn(others)


def _packets(text: str) -> Iterator[str]:
    """Yield one packet after the other: a list of them takes many times the memory of ``text``."""
    begin = 0
    while (end := text.find(_SEPARATOR, begin)) >= 0:
        yield text[begin:end]
        begin = end + 1
    yield text[begin:]
