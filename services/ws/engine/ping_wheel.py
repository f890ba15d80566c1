"""A timer wheel: the pings of all sessions, spread evenly over the time between two of them."""

from typing import Final, Protocol


class PingedSession(Protocol):
    """A session."""

    spoke: int
    awaits_pong: bool

    def ping(self) -> None:
        """Ask the client whether it is there."""
        ...

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the connection."""
        ...


class PingWheel:
    """Turns by one spoke a second: pings the sessions of one, and ends those of another that owe an answer.

    It counts its own turns, not time: where a whole process stood still, its clients are not to blame.
    """

    def __init__(self, *, interval_seconds: int, timeout_seconds: int) -> None:
        self._spokes: Final[list[set[PingedSession]]] = [set() for _ in range(interval_seconds)]
        self._timeout: Final = timeout_seconds
        self._now = 0
        self._next = 0

    def add(self, session: PingedSession) -> None:
        """Ping a session within one interval, and then once an interval."""
        self._next = (self._next + 1) % len(self._spokes)
        session.spoke = self._next
        self._spokes[self._next].add(session)

    def remove(self, session: PingedSession) -> None:
        """Ping it no more."""
        self._spokes[session.spoke].discard(session)

    def turn(self) -> None:
        """Go on by one second."""
        self._now = (self._now + 1) % len(self._spokes)
        for session in tuple(self._spokes[self._now - self._timeout]):
            if session.awaits_pong:
                session.end("ping timeout", None)
        for session in tuple(self._spokes[self._now]):
            session.ping()
