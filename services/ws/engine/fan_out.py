"""Fan-out: the clients of each namespace and each group, and broadcasts to them.

All recipients of a broadcast share one frame; each recipient costs one system call.
"""

from collections.abc import Iterable
from typing import Any, Final

import socketio

from ws.counters import Counters
from ws.engine.server import Engine
from ws.engine.session import Session
from ws.event import Event, Group
from ws.loop import write

_Manager: Any = socketio.Manager


class _NamespaceClients:
    """The clients of one namespace."""

    def __init__(self) -> None:
        self.sid_of: Final[dict[str, str]] = {}
        self.engine_sid_of: Final[dict[str, str]] = {}


class Manager(_Manager):  # type: ignore[misc]
    """The ``client_manager`` of ``socketio.Server``: the clients of each namespace.

    python-socketio's manager also keeps a room for each client, and searches all rooms when a client leaves. This class
    has no rooms; ``FanOut`` has groups.
    """

    def __init__(self) -> None:
        super().__init__()
        self._namespaces: Final[dict[str, _NamespaceClients]] = {}

    def count(self, namespace: str) -> int:
        """Return the number of clients of a namespace."""
        members = self._namespaces.get(namespace)
        return 0 if members is None else len(members.sid_of)

    def get_namespaces(self) -> Iterable[str]:
        """Return the names of the namespaces that have had clients."""
        return self._namespaces.keys()

    def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Return the id of a new client; ``None`` if the connection already has a client of the namespace."""
        members = self._namespaces.setdefault(namespace, _NamespaceClients())
        if eio_sid in members.sid_of:
            return None
        sid: str = self.server.eio.generate_id()
        members.sid_of[eio_sid] = sid
        members.engine_sid_of[sid] = eio_sid
        return sid

    def connect(self, sid: str, namespace: str) -> str | None:
        """Return ``sid``; ``pre_connect`` has already added the client."""
        return sid

    def is_connected(self, sid: str | None, namespace: str) -> bool:
        """Whether ``sid`` is a client of the namespace."""
        members = self._namespaces.get(namespace)
        return members is not None and sid in members.engine_sid_of

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """Return the id of the connection's client; ``None`` if there is no client."""
        members = self._namespaces.get(namespace)
        return None if members is None else members.sid_of.get(eio_sid)

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """Return the id of the client's connection; ``None`` if the client is unknown."""
        members = self._namespaces.get(namespace)
        return None if members is None else members.engine_sid_of.get(sid)

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Return the id of the client's connection; ``None`` if the client is unknown."""
        return self.eio_sid_from_sid(sid, namespace)

    def disconnect(self, sid: str, namespace: str, **_options: object) -> None:
        """Forget the client."""
        members = self._namespaces.get(namespace)
        if members is not None and sid in members.engine_sid_of:
            del members.sid_of[members.engine_sid_of.pop(sid)]


class FanOut:
    """Sends events to sessions; see ``Push``."""

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
        # A copy, because a lost connection leaves its groups during the loop.
        members = tuple(self._members.get(group, ()))
        if not members:
            return
        self._counters.deliveries += len(members)
        event.clients = len(members)
        plain, compressed = event.plain, b""
        written = 0
        # The same as ``Session.put``, inlined: a Python call per client would be a tenth of the cost.
        for session in members:
            if session.backlog is not None:
                session.put(event)
                continue
            if session.compresses:
                frame = compressed = compressed or event.compressed
            else:
                frame = plain
            try:
                written_bytes = write(session.fd, frame)
            except BlockingIOError:
                written_bytes = 0
            except OSError:
                session.connection_lost()
                continue
            written += len(frame)
            if written_bytes != len(frame):
                session.keep_rest(frame, written_bytes, len(frame) // len(members))
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
