"""Who is connected to which namespace, in as little as it takes.

python-socketio's own keeps a room for each client besides, and looks through all rooms when one leaves.
"""

from collections.abc import Iterable
from typing import Any, Final

import socketio

_Manager: Any = socketio.Manager


class _Members:
    """The clients of one namespace."""

    def __init__(self) -> None:
        self.sid_of: Final[dict[str, str]] = {}
        self.engine_sid_of: Final[dict[str, str]] = {}


class Manager(_Manager):  # type: ignore[misc]
    """To be given to ``socketio.Server`` as its ``client_manager``; there are no rooms: groups are ``Push``'s."""

    def __init__(self) -> None:
        super().__init__()
        self._namespaces: Final[dict[str, _Members]] = {}

    def count(self, namespace: str) -> int:
        """Clients of a namespace."""
        members = self._namespaces.get(namespace)
        return 0 if members is None else len(members.sid_of)

    def get_namespaces(self) -> Iterable[str]:
        """Names of the namespaces that have had clients."""
        return self._namespaces.keys()

    def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Return the id of a new client; ``None`` where the connection has one already."""
        members = self._namespaces.setdefault(namespace, _Members())
        if eio_sid in members.sid_of:
            return None
        sid: str = self.server.eio.generate_id()
        members.sid_of[eio_sid] = sid
        members.engine_sid_of[sid] = eio_sid
        return sid

    def connect(self, sid: str, namespace: str) -> str | None:
        """Return the id of a new client."""
        return sid

    def is_connected(self, sid: str | None, namespace: str) -> bool:
        """Whether it is a client of the namespace."""
        members = self._namespaces.get(namespace)
        return members is not None and sid in members.engine_sid_of

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """The client's id, by that of its connection."""
        members = self._namespaces.get(namespace)
        return None if members is None else members.sid_of.get(eio_sid)

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """The id of the client's connection."""
        members = self._namespaces.get(namespace)
        return None if members is None else members.engine_sid_of.get(sid)

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Return the id of the client's connection."""
        return self.eio_sid_from_sid(sid, namespace)

    def disconnect(self, sid: str, namespace: str, **_options: object) -> None:
        """Forget the client."""
        members = self._namespaces.get(namespace)
        if members is not None and sid in members.engine_sid_of:
            del members.sid_of[members.engine_sid_of.pop(sid)]
