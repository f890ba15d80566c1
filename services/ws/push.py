"""The one road to the clients: everything that a replica sends goes through ``Push``.

Whatever stands behind it, none of its methods lets another greenlet run: a client that is sent the newest state and
then joins a group has missed nothing in between and gets nothing twice.
"""

from typing import NamedTuple, Protocol

from ws.event import Event


class Group(NamedTuple):
    """Clients of one namespace that get the same broadcasts."""

    namespace: str
    name: str


class Push(Protocol):
    """Sends events. A client that is gone is no error."""

    def join(self, sid: str, group: Group) -> None:
        """Let the client get the group's broadcasts."""
        ...

    def leave(self, sid: str, group: Group) -> None:
        """Let the client get no more of the group's broadcasts; to be called too when it disconnects."""
        ...

    def broadcast(self, group: Group, event: Event) -> None:
        """Send an event to all clients of ``group``."""
        ...

    def send(self, sid: str, event: Event) -> None:
        """Send an event to one client."""
        ...

    def is_behind(self, sid: str, namespace: str) -> bool:
        """Whether the client has not yet taken all that it was sent, as far as that is known."""
        ...
