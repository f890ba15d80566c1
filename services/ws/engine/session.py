"""One Engine.IO connection, which polls or uses a WebSocket.

Each frame is written to a WebSocket by one system call. If the socket does not accept the whole frame, the session gets
a backlog. A polling session always has a backlog, because its client gets packets only on request.

Only waiting polls and the handling of messages let other greenlets run.
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
from ws.engine.polling import CLOSE, NOOP, PACKETS_PER_POLL, PollingTransport
from ws.engine.reader import ProtocolViolation
from ws.engine.session_context import SessionContext
from ws.event import EnginePacket, close_frame, pong_frame
from ws.loop import read, write

#: Bytes of one read.
READ_BYTES: Final = 16 * 1024
#: Bytes of one read from a client that exceeds the packet rate, enough for a pong or two. Data is parsed before its
#: packets are counted, and there may be thousands of such clients.
LIMITED_READ_BYTES: Final = 256
#: Seconds between two checks whether a throttled session has been closed.
LONGEST_PAUSE_SECONDS: Final = 1.0

_PING: Final = EnginePacket(b"2")
#: Answer to a waiting poll by the reason of the session's end; other reasons get 400.
_FINAL_PACKETS: Final = {"client": NOOP, "repeated": CLOSE}


class Session:
    """A connection; replaces python-engineio's socket and has the methods that the server calls."""

    __slots__ = (
        "_context", "awaits_pong", "backlog", "client", "closed", "compresses", "fd", "inbox", "polling", "sid",
        "spoke",
    )  # fmt: skip

    def __init__(self, context: SessionContext, sid: str, polling: PollingTransport | None) -> None:
        """``polling`` is ``None`` if the session begins with a WebSocket."""
        self._context = context
        self.sid: Final = sid
        #: Set by the Socket.IO server.
        self.client: Client | None = None
        #: Descriptor of the WebSocket; -1 while the session polls, and after its end.
        self.fd = -1
        #: Whether frames to the client may be compressed.
        self.compresses = False
        self.backlog: Backlog | None = Backlog()
        #: ``None`` if the session uses a WebSocket.
        self.polling = polling
        self.closed = False
        #: Data from the WebSocket that is not yet handled; ``None`` without such data.
        self.inbox: Inbox | None = None
        #: Index in the ping wheel.
        self.spoke = 0
        self.awaits_pong = False

    # -- from the client

    def readable(self) -> None:
        """Read data from the client."""
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
        """Whether messages of the client are being handled; meanwhile nothing is read."""
        return self.inbox is not None and self.inbox.is_busy

    def process_packet(self, packet: str) -> str | None:
        """Process an Engine.IO packet; return its message, or ``None`` if the packet is not a message.

        Raises:
            ProtocolViolation: a client must not send this packet.
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
        """Count packets that are not messages; wait while the client exceeds its packet rate and the session is open.

        Lets other greenlets run only if the client must wait.
        """
        pause_seconds = self._context.callbacks.throttle(self.sid, packets)
        while pause_seconds and not self.closed:
            time.sleep(min(pause_seconds, LONGEST_PAUSE_SECONDS))
            pause_seconds = self._context.callbacks.throttle(self.sid, 0)

    def close_for_violation(self, violation: ProtocolViolation) -> None:
        """Close the connection of a client that violated the protocol."""
        self._context.counters.malformed_packets += 1
        self.end("malformed", violation.code, violation.reason)

    # -- to the client

    def begin_backlog(self) -> None:
        """Start a backlog, for packets that wait for a poll or a WebSocket."""
        self.backlog = Backlog(*self._unread, depth=PACKETS_PER_POLL)

    @property
    def _unread(self) -> tuple[Budget, ...]:
        """Budgets for the bytes that wait for the client."""
        all_clients = self._context.budget
        return (all_clients,) if self.client is None else (all_clients, self.client.address.unread)

    @property
    def waiting(self) -> int:
        """Number of packets that wait for the client."""
        return 0 if self.backlog is None else len(self.backlog)

    @property
    def is_behind(self) -> bool:
        """Whether packets wait for the client."""
        return self.waiting > 0

    def send(self, packet: Any) -> None:
        """Send a packet of python-engineio."""
        self.put(EnginePacket(packet.encode(b64=True).encode()))

    def put(self, packet: EnginePacket) -> None:
        """Send a packet, or add it to the backlog."""
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
        """Keep the rest of ``frame`` after ``taken`` bytes in a backlog; the rest counts as ``own_bytes``."""
        self.backlog = Backlog(*self._unread)
        try:
            self.backlog.begin(memoryview(frame)[taken:], own_bytes)
        except Overflow:
            # No close frame: it would have to wait for the rest of this frame.
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
        """Write waiting packets until the socket accepts no more."""
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
        """Answer a WebSocket ping, unless packets wait already."""
        if self.backlog is None:
            self._write(pong_frame(ping))

    # -- lifecycle

    def ping(self) -> None:
        """Send a ping to the client."""
        self.awaits_pong = True
        self.put(_PING)

    def update_watch(self) -> None:
        """Update the events that the socket monitor watches."""
        self._context.socket_monitor.change(self.fd, self, reads=not self._is_busy, writes=self.backlog is not None)

    def open_websocket(self, fd: int, compresses: bool, greeting: bytes = b"") -> None:
        """Switch the session to a WebSocket; send ``greeting`` before the waiting packets."""
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
        """End the session after the connection is lost."""
        self.end("gone", None)

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the session; send a close frame with ``code``, unless ``code`` is ``None``."""
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
        """Close the session on behalf of python-engineio's server."""
        self.end("server" if reason is None else reason, CloseReason.GOING_AWAY)
