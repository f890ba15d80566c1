"""The state that all sessions of a replica share, and the protocols between sessions and the server."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from ws.budget import Budget
from ws.counters import Counters
from ws.engine.outbox import Backlog
from ws.engine.ping_wheel import PingedSession
from ws.engine.reader import ReaderPool
from ws.engine.socket_monitor import SocketMonitor

#: Bytes that may wait for all clients together.
UNREAD_LIMIT_BYTES: Final = 128 * 1024 * 1024


class BackloggedSession(Protocol):
    """A session whose socket accepts no more data at the moment."""

    @property
    def backlog(self) -> Backlog | None:
        """Packets that wait for the client."""
        ...

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the connection."""
        ...


class AnySession(BackloggedSession, PingedSession, Protocol):
    """A session, as its parts and the server see it."""

    closed: bool

    @property
    def sid(self) -> str:
        """Id of the session."""
        ...

    def process_packet(self, packet: str) -> str | None:
        """Process an Engine.IO packet; return its message, or ``None`` if the packet is not a message.

        Raises:
            ProtocolViolation: a client must not send this packet.
        """
        ...

    def await_quota(self, packets: int = 0) -> None:
        """Count packets that are not messages; wait while the client exceeds its packet rate."""
        ...

    def handle(self, message: str) -> None:
        """Handle a message; lets other greenlets run."""
        ...

    def connection_lost(self) -> None:
        """End the session after the connection is lost."""
        ...


class PartialMessage(Protocol):
    """An incomplete message."""

    def is_overdue(self, now: float, patience_seconds: float) -> bool:
        """Whether the rest of the message takes too long; ``now`` is monotonic."""
        ...

    def close_session(self) -> None:
        """End the session of the client that sends the message."""
        ...


class TransientSocket(Protocol):
    """A socket that does not belong to a session yet, or no longer."""

    deadline: float

    def end(self) -> None:
        """Close the socket."""
        ...


class Callbacks(Protocol):
    """The server's methods that sessions call."""

    def message(self, sid: str, text: str, /) -> None:
        """Handle a message of a client; lets other greenlets run."""
        ...

    def throttle(self, sid: str, packets: int, /) -> float:
        """Count packets of a session; return the seconds for which nothing may be read from its client."""
        ...

    def budgets(self, sid: str, /) -> tuple[Budget, ...]:
        """Return the budgets for the bytes that the replica keeps of the client's messages."""
        ...

    def forget(self, session: AnySession, reason: str, *, was_websocket: bool) -> None:
        """Remove a session that has ended."""
        ...


@dataclass(slots=True)
class SessionContext:
    """The state that all sessions of a replica share."""

    callbacks: Callbacks
    counters: Counters
    reader_pool: ReaderPool
    socket_monitor: SocketMonitor = field(default_factory=SocketMonitor)
    #: Bytes that wait for all clients.
    budget: Budget = field(default_factory=lambda: Budget(UNREAD_LIMIT_BYTES))
    backlogged: set[BackloggedSession] = field(default_factory=set)
    partial_messages: set[PartialMessage] = field(default_factory=set)
    transient_sockets: set[TransientSocket] = field(default_factory=set)
    #: Number of sessions that use a WebSocket.
    websockets: int = 0
