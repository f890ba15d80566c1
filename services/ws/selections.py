"""Which client wants the snapshots of which nodes; clients that want the same share a group and its payload."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from contract.codec import encode
from contract.events import CLUSTER_METRICS, MONITORING_NAMESPACE
from contract.messages import Snapshot
from ws.push import Group, Push

#: ``None``: all nodes.
Names = frozenset[str] | None


class Selections:
    """The selection of every client of ``/monitoring``. Nothing here lets another greenlet run."""

    def __init__(self, push: Push) -> None:
        self._push = push
        self._names_of: Final[dict[str, Names]] = {}
        #: Clients of each selection that is in force.
        self._clients: Final[dict[Names, set[str]]] = {}

    def admit(self, sid: str) -> None:
        """Send a new client the snapshots of all nodes."""
        self._put(sid, None)

    def choose(self, sid: str, nodes: Sequence[str] | None) -> bool:
        """Send the client the snapshots of these nodes and no others; return whether it is still there."""
        if sid not in self._names_of:
            return False
        self.forget(sid)
        self._put(sid, None if nodes is None else frozenset(nodes))
        return True

    def forget(self, sid: str) -> None:
        """Send the client no more snapshots."""
        if sid not in self._names_of:
            return
        names = self._names_of.pop(sid)
        self._push.leave(sid, _group(names))
        self._clients[names].discard(sid)
        if not self._clients[names]:
            del self._clients[names]

    def payload(self, sid: str, raw: bytes, snapshot: Snapshot) -> bytes:
        """Return the snapshot, whose bytes are ``raw``, as this client wants it."""
        return _limited(raw, snapshot, self._names_of.get(sid))

    def broadcast(self, raw: bytes, snapshot: Snapshot) -> None:
        """Send everybody the snapshot, encoded once a selection."""
        for names in tuple(self._clients):
            self._push.broadcast(_group(names), CLUSTER_METRICS, _limited(raw, snapshot, names))

    def _put(self, sid: str, names: Names) -> None:
        self._names_of[sid] = names
        self._clients.setdefault(names, set()).add(sid)
        self._push.join(sid, _group(names))


def _limited(raw: bytes, snapshot: Snapshot, names: Names) -> bytes:
    if names is None:
        return raw
    chosen = tuple(node for node in snapshot.nodes if node.node in names)
    return encode(msgspec.structs.replace(snapshot, nodes=chosen))


def _group(names: Names) -> Group:
    if names is None:
        return Group(MONITORING_NAMESPACE, "all nodes")
    # A name may hold any character: JSON keeps them apart.
    digest = hashlib.sha256(encode(sorted(names))).hexdigest()
    return Group(MONITORING_NAMESPACE, f"nodes {digest}")
