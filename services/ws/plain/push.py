"""python-socketio's own rooms and queues; a broadcast is encoded once, framed once a client."""

import contextlib
from typing import Any

from ws.counters import Counters
from ws.event import Event
from ws.payload import Raw
from ws.push import Group


class PlainPush:
    """See ``Push``."""

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

    def broadcast(self, group: Group, event: Event) -> None:
        """See ``Push``."""
        clients = len(self._server.manager.rooms.get(group.namespace, {}).get(group.name, ()))
        if clients:
            self._counters.deliveries += clients
            self._server.emit(event.name, Raw(event.payload), room=group.name, namespace=group.namespace)

    def is_behind(self, sid: str, namespace: str) -> bool:
        """See ``Push``."""
        return False

    def send(self, sid: str, event: Event) -> None:
        """See ``Push``."""
        self._counters.deliveries += 1
        self._server.emit(event.name, Raw(event.payload), to=sid, namespace=event.namespace)
