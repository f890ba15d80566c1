"""A timer wheel that spreads the pings of all sessions evenly over the ping interval."""

from typing import Final, Protocol


class PingedSession(Protocol):
    """A session that the wheel pings."""

    #: Index of the session's set in the wheel.
    spoke: int
    awaits_pong: bool

    def ping(self) -> None:
        """Send a ping to the client."""
        ...

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the connection."""
        ...


class PingWheel:
    """Advances by one spoke per second, pings the sessions of that spoke, and ends sessions without a pong in time.

    The wheel counts its own steps instead of time, so that a pause of the whole process ends no session.
    """

    def __init__(self, *, interval_seconds: int, timeout_seconds: int) -> None:
        self._spokes: Final[list[set[PingedSession]]] = [set() for _ in range(interval_seconds)]
        self._timeout: Final = timeout_seconds
        self._now = 0
        self._next = 0

    def add(self, session: PingedSession) -> None:
        """Ping a session within one interval, and then once per interval."""
        self._next = (self._next + 1) % len(self._spokes)
        session.spoke = self._next
        self._spokes[self._next].add(session)

    def remove(self, session: PingedSession) -> None:
        """Stop pinging a session."""
        self._spokes[session.spoke].discard(session)

    def advance(self) -> None:
        """Advance by one second."""
        self._now = (self._now + 1) % len(self._spokes)
        for session in tuple(self._spokes[self._now - self._timeout]):
            if session.awaits_pong:
                session.end("ping timeout", None)
        for session in tuple(self._spokes[self._now]):
            session.ping()
