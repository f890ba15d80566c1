"""One Engine.IO connection: polling at first or a WebSocket at once, and what it costs while nothing happens.

A WebSocket is written with one call to the kernel a frame. Only where that takes less than the whole frame does a
connection get a backlog; a client that polls always has one, since it takes nothing until it asks.

Nothing here lets another greenlet run, except the poll of a client that waits and the answers to what a client asks
for.
"""

import os
import time
from typing import Any, Final

from wsproto.frame_protocol import CloseReason

from ws.access.admission import Client
from ws.budget import Budget
from ws.engine.closing import ClosingSocket
from ws.engine.inbox import Inbox
from ws.engine.outbox import Backlog, Overflow
from ws.engine.polling import CLOSE, NOOP, PACKETS_A_POLL, PollingTransport
from ws.engine.reader import ProtocolViolation
from ws.engine.session_context import SessionContext
from ws.event import EnginePacket, close_frame, pong_frame
from ws.loop import read, write

#: Bytes read at a time.
READ_BYTES: Final = 16 * 1024
#: And where the client, or another of its address, has sent more packets than it may: a pong or two. What is read is
#: taken apart before it is counted, and there may be thousands of such clients.
LIMITED_READ_BYTES: Final = 256
#: Seconds after which a message that waits is given up where its client is gone.
LONGEST_PAUSE_SECONDS: Final = 1.0

_PING: Final = EnginePacket(b"2")
#: By the reason of a session's end, what a poll that waits is answered: others get 400.
_FINAL_PACKETS: Final = {"client": NOOP, "repeated": CLOSE}


class Session:
    """A connection. Engine.IO's own socket has the same methods as far as its server calls them."""

    __slots__ = (
        "_context", "awaits_pong", "backlog", "client", "closed", "compresses", "fd", "inbox", "polling", "sid",
        "spoke",
    )  # fmt: skip

    def __init__(self, context: SessionContext, sid: str, polling: PollingTransport | None) -> None:
        """``polls`` is ``None`` where the session begins with a WebSocket."""
        self._context = context
        self.sid: Final = sid
        #: Set by the Socket.IO server.
        self.client: Client | None = None
        #: Of the WebSocket; -1 while it polls, and after its end.
        self.fd = -1
        #: Whether frames to this client may be compressed.
        self.compresses = False
        self.backlog: Backlog | None = Backlog()
        #: ``None`` once it is a WebSocket.
        self.polling = polling
        self.closed = False
        #: What came by WebSocket and is not yet handled; ``None`` while there is nothing.
        self.inbox: Inbox | None = None
        #: Where its pings come from.
        self.spoke = 0
        self.awaits_pong = False

    # -- from the client

    def readable(self) -> None:
        """Read what the client sent."""
        try:
            data = b"" if self._is_busy else read(self.fd, self._bytes_at_a_time())
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.connection_lost()
            return
        if self.inbox is None:
            self.inbox = Inbox(self._context, self, self._context.reader_pool.borrow(self.compresses))
        self.inbox.receive(data)

    def _bytes_at_a_time(self) -> int:
        return LIMITED_READ_BYTES if self._context.callbacks.throttle(self.sid, 0) else READ_BYTES

    @property
    def _is_busy(self) -> bool:
        """Whether messages of the client are being handled: nothing more is read meanwhile."""
        return self.inbox is not None and self.inbox.is_busy

    def process_packet(self, packet: str) -> str | None:
        """Take a packet of Engine.IO; return the message that it carries, or ``None``.

        Raises:
            Broken: it is none that a client may send.
        """
        match packet[:1]:
            case "4":
                return packet[1:]
            case "3":
                self.awaits_pong = False
            case "1":
                self.end("client", 1000, "")
            case "2" | "5" | "6":
                pass
            case _:
                raise ProtocolViolation(CloseReason.PROTOCOL_ERROR, "not a packet")
        return None

    def handle(self, message: str) -> None:
        """Handle a message; lets other greenlets run."""
        self._context.callbacks.message(self.sid, message)

    def await_quota(self, packets: int = 0) -> None:
        """Count packets that were no messages; wait as long as the client has sent more than it may, or until its end.

        Lets other greenlets run only where there is something to wait for.
        """
        pause_seconds = self._context.callbacks.throttle(self.sid, packets)
        while pause_seconds and not self.closed:
            time.sleep(min(pause_seconds, LONGEST_PAUSE_SECONDS))
            pause_seconds = self._context.callbacks.throttle(self.sid, 0)

    def close_for_violation(self, violation: ProtocolViolation) -> None:
        """The client sent what it may not."""
        self._context.counters.malformed_packets += 1
        self.end("malformed", violation.code, violation.reason)

    # -- to the client

    def begin_backlog(self) -> None:
        """Let packets wait until the client asks for them, or has a WebSocket."""
        self.backlog = Backlog(*self._unread, depth=PACKETS_A_POLL)

    @property
    def _unread(self) -> tuple[Budget, ...]:
        """The budgets in which counts what waits for the client."""
        all_clients = self._context.budget
        return (all_clients,) if self.client is None else (all_clients, self.client.address.unread)

    @property
    def waiting(self) -> int:
        """Packets that wait for the client."""
        return 0 if self.backlog is None else len(self.backlog)

    @property
    def is_behind(self) -> bool:
        """Whether something waits for the client."""
        return self.waiting > 0

    def send(self, packet: Any) -> None:
        """Send one of Engine.IO's packets."""
        self.put(EnginePacket(packet.encode(b64=True).encode()))

    def put(self, packet: EnginePacket) -> None:
        """Send a packet, or let it wait."""
        if self.closed:
            return
        if self.backlog is None:
            self._write(packet.compressed if self.compresses else packet.plain)
            return
        try:
            self._context.counters.conflated += self.backlog.outbox.put(packet)
        except Overflow:
            self.end("slow", CloseReason.TRY_AGAIN_LATER, "slow")
            return
        if self.polling is not None:
            self.polling.wake()

    def keep_rest(self, frame: bytes, taken: int, own_bytes: int = 0) -> None:
        """The socket took that many bytes of ``frame``; the rest waits, and counts as ``own_bytes``."""
        self.backlog = Backlog(*self._unread)
        try:
            self.backlog.begin(memoryview(frame)[taken:], own_bytes)
        except Overflow:
            # Without a word: that would have to wait behind the rest.
            self.end("slow", None)
            return
        self._context.backlogged.add(self)
        self.update_watch()

    def _write(self, frame: bytes) -> None:
        try:
            taken = write(self.fd, frame)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.connection_lost()
            return
        self._context.counters.bytes += len(frame)
        if taken < len(frame):
            self.keep_rest(frame, taken)

    def writable(self) -> None:
        """Write what waits, as far as the socket takes it."""
        backlog = self.backlog
        if backlog is None or self.closed:
            return
        try:
            while True:
                if backlog.rest:
                    backlog.advance(write(self.fd, backlog.rest))
                    if backlog.rest:
                        break
                if not backlog.outbox:
                    self.backlog = None
                    self._context.backlogged.discard(self)
                    break
                packet = backlog.outbox.take()
                frame = packet.compressed if self.compresses else packet.plain
                self._context.counters.bytes += len(frame)
                backlog.rest = memoryview(frame)
        except BlockingIOError:
            pass
        except OSError:
            self.connection_lost()
            return
        self.update_watch()

    def send_pong(self, ping: bytes) -> None:
        """Answer a ping of WebSocket, unless other things wait already."""
        if self.backlog is None:
            self._write(pong_frame(ping))

    # -- its life

    def ping(self) -> None:
        """Ask the client whether it is there."""
        self.awaits_pong = True
        self.put(_PING)

    def update_watch(self) -> None:
        """Have the socket watched for what is wanted now."""
        self._context.socket_monitor.change(self.fd, self, reads=not self._is_busy, writes=self.backlog is not None)

    def open_websocket(self, fd: int, compresses: bool, greeting: bytes = b"") -> None:
        """Become a WebSocket: ``greeting`` goes out before all that waits."""
        self.fd, self.compresses = fd, compresses
        backlog, self.backlog = self.backlog, None
        polling, self.polling = self.polling, None
        self._context.socket_monitor.add(fd, self)
        self._context.websockets += 1
        if greeting:
            self._write(greeting)
        if backlog is not None:
            while backlog.outbox and not self.closed:
                self.put(backlog.outbox.take())
            backlog.outbox.clear()
        if polling is not None:
            polling.end(NOOP)

    def connection_lost(self) -> None:
        """The connection is gone."""
        self.end("gone", None)

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the connection, with WebSocket's ``code`` where it can still be said."""
        if self.closed:
            return
        self.closed = True
        fd, self.fd = self.fd, -1
        backlog, self.backlog = self.backlog, None
        inbox, self.inbox = self.inbox, None
        if inbox is not None:
            inbox.end()
        self._context.callbacks.forget(self, reason, was_websocket=fd >= 0)
        if backlog is not None:
            backlog.outbox.clear()
        if self.polling is not None:
            self.polling.end(_FINAL_PACKETS.get(reason))
            self.polling.abort_body()
        if fd < 0:
            return
        self._context.socket_monitor.remove(fd)
        if code is None:
            os.close(fd)
            return
        rest = memoryview(b"") if backlog is None else backlog.rest
        ClosingSocket(self._context, fd, rest, close_frame(code, text))

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Close it on behalf of Engine.IO's server."""
        self.end("server" if reason is None else reason, CloseReason.GOING_AWAY)
