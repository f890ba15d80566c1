"""The one road to the clients: everything that a replica sends goes through ``Push``.

A faster way than python-socketio's own takes its place behind this interface. Whatever stands behind it, none of its
methods lets another greenlet run: a client that is sent the newest state and then joins a group has missed nothing in
between and gets nothing twice.
"""

import contextlib
from typing import Any, NamedTuple, Protocol

from ws.counters import Counters
from ws.payload import Raw


class Group(NamedTuple):
    """Clients of one namespace that get the same broadcasts."""

    namespace: str
    name: str


class Push(Protocol):
    """Sends events whose payload is the bytes of one JSON value. A client that is gone is no error."""

    def join(self, sid: str, group: Group) -> None:
        """Let the client get the group's broadcasts; its disconnection ends that."""
        ...

    def leave(self, sid: str, group: Group) -> None:
        """Let the client get no more of the group's broadcasts."""
        ...

    def broadcast(self, group: Group, event: str, payload: bytes) -> None:
        """Send an event to all clients of ``group``."""
        ...

    def send(self, namespace: str, sid: str, event: str, payload: bytes) -> None:
        """Send an event to one client."""
        ...


class PlainPush:
    """Python-socketio's own rooms and queues; a broadcast is encoded once, framed once a client."""

    def __init__(self, server: Any, counters: Counters) -> None:
        self._server = server
        self._counters = counters

    def join(self, sid: str, group: Group) -> None:
        """See ``Push``."""
        with contextlib.suppress(KeyError, ValueError):
            self._server.enter_room(sid, group.name, namespace=group.namespace)

    def leave(self, sid: str, group: Group) -> None:
        """See ``Push``."""
        self._server.leave_room(sid, group.name, namespace=group.namespace)

    def broadcast(self, group: Group, event: str, payload: bytes) -> None:
        """See ``Push``."""
        clients = len(self._server.manager.rooms.get(group.namespace, {}).get(group.name, ()))
        if clients:
            self._counters.deliveries += clients
            self._server.emit(event, Raw(payload), room=group.name, namespace=group.namespace)

    def send(self, namespace: str, sid: str, event: str, payload: bytes) -> None:
        """See ``Push``."""
        self._counters.deliveries += 1
        self._server.emit(event, Raw(payload), to=sid, namespace=namespace)
