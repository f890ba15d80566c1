"""Broadcasts: one frame for all, one call to the kernel a client."""

from typing import Any

from ws.counters import Counters
from ws.event import Event
from ws.fast.engine import Engine
from ws.fast.manager import Manager
from ws.fast.session import Session
from ws.loop import write
from ws.push import Group


class FastPush:
    """See ``Push``."""

    def __init__(self, engine: Engine, manager: Manager, counters: Counters) -> None:
        self._engine = engine
        self._manager = manager
        self._counters = counters
        self._members: dict[Group, set[Session]] = {}

    def join(self, sid: str, group: Group) -> None:
        """See ``Push``."""
        session = self._session(group.namespace, sid)
        if session is not None:
            self._members.setdefault(group, set()).add(session)

    def leave(self, sid: str, group: Group) -> None:
        """See ``Push``."""
        session, members = self._session(group.namespace, sid), self._members.get(group)
        if members is not None and session is not None:
            members.discard(session)
            if not members:
                del self._members[group]

    def broadcast(self, group: Group, event: Event) -> None:
        """See ``Push``."""
        # A copy: a client that turns out to be gone leaves its groups at once.
        members = tuple(self._members.get(group, ()))
        if not members:
            return
        self._counters.deliveries += len(members)
        event.clients = len(members)
        plain, compressed = event.plain, b""
        written = 0
        # As ``Session.put`` does it, without a call of ours for each client: that would be a tenth of the cost.
        for session in members:
            if session.backlog is not None:
                session.put(event)
                continue
            if session.compresses:
                frame = compressed = compressed or event.compressed
            else:
                frame = plain
            try:
                taken = write(session.fd, frame)
            except BlockingIOError:
                taken = 0
            except OSError:
                session.lost()
                continue
            written += len(frame)
            if taken != len(frame):
                session.wrote(frame, taken)
        self._counters.bytes += written

    def send(self, sid: str, event: Event) -> None:
        """See ``Push``."""
        session = self._session(event.namespace, sid)
        if session is not None:
            self._counters.deliveries += 1
            session.put(event)

    def is_behind(self, sid: str, namespace: str) -> bool:
        """See ``Push``."""
        session = self._session(namespace, sid)
        return session is not None and session.is_behind

    def _session(self, namespace: str, sid: str) -> Any:
        return self._engine.sockets.get(self._manager.eio_sid_from_sid(sid, namespace))
