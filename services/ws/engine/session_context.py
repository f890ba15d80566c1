"""What the sessions of a replica share, and what they call."""

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
    """A session whose socket takes nothing more."""

    @property
    def backlog(self) -> Backlog | None:
        """What waits for its client."""
        ...

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the connection."""
        ...


class AnySession(BackloggedSession, PingedSession, Protocol):
    """A session, as what it consists of and what knows of all sessions see it."""

    closed: bool

    @property
    def sid(self) -> str:
        """Its id."""
        ...

    def process_packet(self, packet: str) -> str | None:
        """Take a packet of Engine.IO; return the message that it carries, or ``None``.

        Raises:
            Broken: it is none that a client may send.
        """
        ...

    def await_quota(self, packets: int = 0) -> None:
        """Count packets that were no messages; wait as long as the client has sent more than it may."""
        ...

    def handle(self, message: str) -> None:
        """Handle a message; lets other greenlets run."""
        ...

    def connection_lost(self) -> None:
        """The connection is gone."""
        ...


class PartialMessage(Protocol):
    """What keeps part of a message."""

    def is_overdue(self, now: float, patience_seconds: float) -> bool:
        """Whether the rest has been waited for too long; ``now`` is monotonic."""
        ...

    def close_session(self) -> None:
        """End the session of the client that sends it."""
        ...


class TransientSocket(Protocol):
    """A socket that is not a session's yet, or any more."""

    deadline: float

    def end(self) -> None:
        """Close it."""
        ...


class Callbacks(Protocol):
    """What sessions call."""

    def message(self, sid: str, text: str, /) -> None:
        """Handle a message of a client; lets other greenlets run."""
        ...

    def throttle(self, sid: str, packets: int, /) -> float:
        """Count packets of a session; return the seconds for which nothing more shall be read of it."""
        ...

    def budgets(self, sid: str, /) -> tuple[Budget, ...]:
        """Those in which bytes count that the client of a session sent, as long as they are kept."""
        ...

    def forget(self, session: AnySession, reason: str, *, was_websocket: bool) -> None:
        """The session has ended."""
        ...


@dataclass(slots=True)
class SessionContext:
    """What the sessions of a replica share."""

    callbacks: Callbacks
    counters: Counters
    reader_pool: ReaderPool
    socket_monitor: SocketMonitor = field(default_factory=SocketMonitor)
    #: Bytes that wait for all clients.
    budget: Budget = field(default_factory=lambda: Budget(UNREAD_LIMIT_BYTES))
    backlogged: set[BackloggedSession] = field(default_factory=set)
    partial_messages: set[PartialMessage] = field(default_factory=set)
    transient_sockets: set[TransientSocket] = field(default_factory=set)
    #: Sessions that are a WebSocket.
    websockets: int = 0
