"""One Engine.IO connection: polling at first or a WebSocket at once, and what it costs while nothing happens.

A WebSocket is written with one call to the kernel a frame. Only where that takes less than the whole frame does a
connection get a backlog; a client that polls always has one, since it takes nothing until it asks. Nothing here lets
another greenlet run, except the poll of a client that waits and the answers to what a client asks for.
"""

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from ws import loop
from ws.endpoint import PACKETS_A_POLL
from ws.event import Packet, close_frame, pong_frame
from ws.fast.backlog import Backlog
from ws.fast.codes import GOING_AWAY, PROTOCOL_ERROR, TRY_AGAIN_LATER
from ws.fast.farewell import Farewell
from ws.fast.outbox import Overflow
from ws.fast.polling import CLOSE, NOOP, Polls
from ws.fast.reader import Broken, Closed, Message, Ping, Reader, Received
from ws.loop import read, write

if TYPE_CHECKING:
    from ws.access.client import Client
    from ws.fast.engine import Engine

#: Bytes read at a time.
READ_BYTES: Final = 16 * 1024
#: Messages of one client that are handled before others get their turn.
MESSAGES_A_TURN: Final = 16

_PING: Final = Packet(b"2")
#: By the reason of a session's end, what a poll that waits is answered: others get 400.
_LAST_WORDS: Final = {"client": NOOP, "repeated": CLOSE}


class Session:
    """Engine.IO's own socket has the same methods as far as its server calls them."""

    __slots__ = (
        "_busy", "_engine", "_reader", "awaits_pong", "backlog", "client", "closed", "compresses", "fd", "polls", "sid",
        "spoke",
    )  # fmt: skip

    def __init__(self, owner: "Engine", sid: str, polls: Polls | None) -> None:
        """``polls`` is ``None`` where the session begins with a WebSocket."""
        self._engine = owner
        self.sid: Final = sid
        #: Set by the Socket.IO server.
        self.client: Client | None = None
        #: Of the WebSocket; -1 while it polls, and after its end.
        self.fd = -1
        #: Whether frames to this client may be compressed.
        self.compresses = False
        self.backlog: Backlog | None = Backlog(owner.budget, PACKETS_A_POLL)
        self._reader: Reader | None = None
        self._busy = False
        #: Where its pings come from.
        self.spoke = 0
        self.awaits_pong = False
        #: ``None`` once it is a WebSocket.
        self.polls = polls
        self.closed = False

    @property
    def waiting(self) -> int:
        """Packets that wait for the client."""
        return 0 if self.backlog is None else len(self.backlog)

    @property
    def is_behind(self) -> bool:
        """Whether something waits for the client."""
        return self.waiting > 0

    # -- to the client

    def send(self, packet: Any) -> None:
        """Send one of Engine.IO's packets."""
        self.put(Packet(packet.encode(b64=True).encode()))

    def put(self, packet: Packet) -> None:
        """Send a packet, or let it wait."""
        if self.closed:
            return
        if self.backlog is None:
            self._write(packet.compressed if self.compresses else packet.plain)
            return
        try:
            self._engine.counters.conflated += self.backlog.outbox.put(packet)
        except Overflow:
            self.end("slow", TRY_AGAIN_LATER, "slow")
            return
        if self.polls is not None:
            self.polls.wake()

    def ping(self) -> None:
        """Ask the client whether it is there."""
        self.awaits_pong = True
        self.put(_PING)

    def wrote(self, frame: bytes, taken: int) -> None:
        """The socket took that many bytes of ``frame``; the rest waits."""
        self.backlog = Backlog(self._engine.budget)
        self.backlog.rest = memoryview(frame)[taken:]
        self._engine.behind.add(self)
        self._watch()

    def _write(self, frame: bytes) -> None:
        try:
            taken = write(self.fd, frame)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.lost()
            return
        self._engine.counters.bytes += len(frame)
        if taken < len(frame):
            self.wrote(frame, taken)

    def writable(self) -> None:
        """Write what waits, as far as the socket takes it."""
        backlog = self.backlog
        if backlog is None or self.closed:
            return
        try:
            while True:
                if backlog.rest:
                    backlog.wrote(write(self.fd, backlog.rest))
                    if backlog.rest:
                        break
                if not backlog.outbox:
                    self.backlog = None
                    self._engine.behind.discard(self)
                    break
                packet = backlog.outbox.take()
                frame = packet.compressed if self.compresses else packet.plain
                self._engine.counters.bytes += len(frame)
                backlog.rest = memoryview(frame)
        except BlockingIOError:
            pass
        except OSError:
            self.lost()
            return
        self._watch()

    def _watch(self) -> None:
        self._engine.poller.change(self.fd, self, reads=not self._busy, writes=self.backlog is not None)

    # -- from the client

    def readable(self) -> None:
        """Read what the client sent."""
        try:
            data = b"" if self._busy else read(self.fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lost()
            return
        reader = self._reader or self._engine.readers.borrow(self.compresses)
        self._reader = None
        self.read(reader, reader.receive(data))

    def read(self, reader: Reader, received: Iterator[Received]) -> None:
        """Take what ``reader`` has read; let the messages be handled."""
        messages: list[str] = []
        taken = 0
        try:
            for item in received:
                taken += 1
                self._take(item, messages)
                if self.closed:
                    return
        except Broken as broken:
            self._engine.counters.malformed_packets += 1
            self.end("malformed", broken.code, broken.reason)
            return
        if reader.is_between_messages:
            self._engine.ended_message(self)
            self._engine.readers.give_back(reader, self.compresses)
        else:
            self._reader = reader
            self._engine.amid_message(self, reader.kept_bytes)
        if self.closed:
            return
        # Messages are counted one by one, as they are handled.
        others = taken - len(messages)
        pause_seconds = self._engine.throttle(self.sid, others) if others else 0.0
        if messages or pause_seconds:
            self._busy = True
            self._watch()
            loop.spawn("messages of a client", lambda: self._handle_all(messages, pause_seconds))

    def _take(self, received: Received, messages: list[str]) -> None:
        match received:
            case Message(text):
                self.take_packet(text, messages)
            case Ping(data):
                if self.backlog is None:
                    self._write(pong_frame(data))
            case Closed(code):
                self.end("client", code if code != 1005 else 1000, "")

    def take_packet(self, text: str, messages: list[str]) -> None:
        """Take an Engine.IO packet; a message is appended to ``messages``.

        Raises:
            Broken: it is none that a client may send.
        """
        match text[:1]:
            case "3":
                self.awaits_pong = False
            case "4":
                messages.append(text[1:])
            case "1":
                self.end("client", 1000, "")
            case "2" | "5" | "6":
                pass
            case _:
                raise Broken(PROTOCOL_ERROR, "not a packet")

    def handle(self, message: str) -> None:
        """Handle a message; lets other greenlets run."""
        self._engine.message(self.sid, message)

    def pause(self, packets: int) -> None:
        """Count packets that were no messages; wait where they are more than the client may send."""
        pause_seconds = self._engine.throttle(self.sid, packets) if packets else 0.0
        if pause_seconds:
            time.sleep(pause_seconds)

    def _handle_all(self, messages: list[str], pause_seconds: float) -> None:
        for number, message in enumerate(messages, 1):
            if self.closed:
                return
            self.handle(message)
            if number % MESSAGES_A_TURN == 0:
                time.sleep(0)
        if pause_seconds:
            time.sleep(pause_seconds)
        self._busy = False
        if not self.closed:
            self._watch()

    # -- its life

    def open(self, fd: int, compresses: bool, greeting: bytes = b"") -> None:
        """Become a WebSocket: ``greeting`` goes out before all that waits."""
        self.fd, self.compresses = fd, compresses
        backlog, self.backlog = self.backlog, None
        polls, self.polls = self.polls, None
        self._engine.poller.add(fd, self)
        self._engine.websockets += 1
        if greeting:
            self._write(greeting)
        if backlog is not None:
            while backlog.outbox and not self.closed:
                self.put(backlog.outbox.take())
            backlog.outbox.clear()
        if polls is not None:
            polls.end(NOOP)

    def lost(self) -> None:
        """The connection is gone."""
        self.end("gone", None)

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the connection, with WebSocket's ``code`` where it can still be said."""
        if self.closed:
            return
        self.closed = True
        fd, self.fd = self.fd, -1
        backlog, self.backlog = self.backlog, None
        self._reader = None
        self._engine.forget(self, reason, was_websocket=fd >= 0)
        if backlog is not None:
            backlog.outbox.clear()
        if self.polls is not None:
            self.polls.end(_LAST_WORDS.get(reason))
        if fd < 0:
            return
        self._engine.poller.remove(fd)
        if code is None:
            os.close(fd)
            return
        rest = memoryview(b"") if backlog is None else backlog.rest
        Farewell(self._engine, fd, rest, close_frame(code, text))

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Close it on behalf of Engine.IO's server."""
        self.end("server" if reason is None else reason, GOING_AWAY)
