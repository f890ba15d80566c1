"""What a session sends to its client.

A WebSocket is written with one call to the kernel a frame. Only where that takes less than the whole frame does a
connection get a backlog; a client that polls always has one, since it takes nothing until it asks. Nothing here lets
another greenlet run.
"""

from abc import ABC, abstractmethod
from typing import Any

from ws.access.client import Client
from ws.budget import Budget
from ws.event import Packet, pong_frame
from ws.fast.backlog import Backlog
from ws.fast.codes import TRY_AGAIN_LATER
from ws.fast.outbox import Overflow
from ws.fast.polling import PACKETS_A_POLL, Polls
from ws.fast.shared import Shared
from ws.loop import write


class Outgoing(ABC):
    """The half of a session that writes."""

    __slots__ = ("_shared", "backlog", "client", "closed", "compresses", "fd", "polls")

    def __init__(self, shared: Shared, polls: Polls | None) -> None:
        """``polls`` is ``None`` where the session begins with a WebSocket."""
        self._shared = shared
        #: Set by the Socket.IO server.
        self.client: Client | None = None
        #: Of the WebSocket; -1 while it polls, and after its end.
        self.fd = -1
        #: Whether frames to this client may be compressed.
        self.compresses = False
        self.backlog: Backlog | None = Backlog()
        #: ``None`` once it is a WebSocket.
        self.polls = polls
        self.closed = False

    @abstractmethod
    def watch(self) -> None:
        """Have the socket watched for what is wanted now."""

    @abstractmethod
    def lost(self) -> None:
        """The connection is gone."""

    @abstractmethod
    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the connection, with WebSocket's ``code`` where it can still be said."""

    def begin(self) -> None:
        """Let packets wait until the client asks for them, or has a WebSocket."""
        self.backlog = Backlog(*self._unread, depth=PACKETS_A_POLL)

    @property
    def _unread(self) -> tuple[Budget, ...]:
        """The budgets in which counts what waits for the client."""
        everybody = self._shared.budget
        return (everybody,) if self.client is None else (everybody, self.client.address.unread)

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
        self.put(Packet(packet.encode(b64=True).encode()))

    def put(self, packet: Packet) -> None:
        """Send a packet, or let it wait."""
        if self.closed:
            return
        if self.backlog is None:
            self._write(packet.compressed if self.compresses else packet.plain)
            return
        try:
            self._shared.counters.conflated += self.backlog.outbox.put(packet)
        except Overflow:
            self.end("slow", TRY_AGAIN_LATER, "slow")
            return
        if self.polls is not None:
            self.polls.wake()

    def wrote(self, frame: bytes, taken: int, own_bytes: int = 0) -> None:
        """The socket took that many bytes of ``frame``; the rest waits, and counts as ``own_bytes``."""
        self.backlog = Backlog(*self._unread)
        try:
            self.backlog.begin(memoryview(frame)[taken:], own_bytes)
        except Overflow:
            # Without a word: that would have to wait behind the rest.
            self.end("slow", None)
            return
        self._shared.behind.add(self)
        self.watch()

    def _write(self, frame: bytes) -> None:
        try:
            taken = write(self.fd, frame)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.lost()
            return
        self._shared.counters.bytes += len(frame)
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
                    self._shared.behind.discard(self)
                    break
                packet = backlog.outbox.take()
                frame = packet.compressed if self.compresses else packet.plain
                self._shared.counters.bytes += len(frame)
                backlog.rest = memoryview(frame)
        except BlockingIOError:
            pass
        except OSError:
            self.lost()
            return
        self.watch()

    def answer(self, ping: bytes) -> None:
        """Answer a ping of WebSocket, unless other things wait already."""
        if self.backlog is None:
            self._write(pong_frame(ping))
