"""Which client wants the snapshots of which nodes, and how: whole, or as deltas.

Clients that want the same share a group, and what they get is computed and encoded once.
"""

import functools
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import msgspec

from contract.codec import encode
from contract.delta import compute_delta
from contract.events import CLUSTER_METRICS, CLUSTER_METRICS_DELTA, MONITORING_NAMESPACE
from contract.messages import Delta, Snapshot
from contract.names import METRICS_CHANNEL
from contract.raw_json import has_unknown_fields, raw_nodes, with_fields
from ws.event import Event, Group, Push

#: Bytes of the names that all clients together may have chosen.
NAMES_LIMIT_BYTES: Final = 64 * 1024 * 1024
#: Bytes that a name takes besides its letters.
_NAME_OVERHEAD_BYTES: Final = 64

#: ``None``: all nodes.
Names = frozenset[str] | None
Mode = Literal["snapshot", "delta"]


class TooManyNames(Exception):
    """The names that all clients have chosen would take more memory than they may."""


class Selection(NamedTuple):
    """What one client wants."""

    mode: Mode
    names: Names

    @classmethod
    def of(cls, mode: Mode, nodes: Iterable[str] | None) -> "Selection":
        """The selection that a subscription asks for."""
        return cls(mode, None if nodes is None else frozenset(nodes))


class _SelectionGroup:
    """The clients of one selection: which they are, the push knows."""

    __slots__ = ("count", "group")

    def __init__(self, group: Group) -> None:
        self.group: Final = group
        self.count = 0


ALL_NODES: Final = Selection("snapshot", None)


class Selections:
    """The selection of every client of ``/monitoring``. Nothing here lets another greenlet run."""

    def __init__(self, push: Push) -> None:
        self._push = push
        self._selection_of: Final[dict[str, Selection]] = {}
        self._clients: Final[dict[Selection, _SelectionGroup]] = {}
        self._names_bytes = 0
        self._groups = 0
        self._shown: Snapshot | None = None
        #: The snapshot of all nodes that a client was sent last: others who come are sent the same, compressed once.
        self._latest: tuple[bytes, Event] | None = None
        self._encoded_snapshot: _EncodedSnapshot | None = None

    def admit(self, sid: str) -> None:
        """Send a new client whole snapshots of all nodes."""
        self._add(sid, ALL_NODES)

    def require_room(self, selection: Selection) -> None:
        """Check that the names of one more selection can be kept.

        Raises:
            TooManyNames: they cannot.
        """
        if selection not in self._clients and self._names_bytes + _bytes(selection) > NAMES_LIMIT_BYTES:
            raise TooManyNames

    def choose(self, sid: str, selection: Selection) -> bool:
        """Send the client what it wants and nothing else; return whether it is still there."""
        if sid not in self._selection_of:
            return False
        self.forget(sid)
        self._add(sid, selection)
        return True

    def forget(self, sid: str) -> None:
        """Send the client no more snapshots."""
        selection = self._selection_of.pop(sid, None)
        if selection is None:
            return
        clients = self._clients[selection]
        self._push.leave(sid, clients.group)
        clients.count -= 1
        if not clients.count:
            del self._clients[selection]
            self._names_bytes -= _bytes(selection)

    def whole(self, sid: str, raw: bytes, snapshot: Snapshot) -> Event:
        """The snapshot, whose bytes are ``raw``, as this client wants it; deltas go on from there."""
        names = self._selection_of.get(sid, ALL_NODES).names
        if names is not None:
            return _whole(self._encoded(raw, snapshot).limited_to(names))
        if self._latest is None or self._latest[0] is not raw:
            self._latest = (raw, _whole(raw))
        return self._latest[1]

    def deliver(self, raw: bytes, snapshot: Snapshot) -> None:
        """Send everybody a snapshot: a new one, or the newest again, of which there is no delta."""
        previous, self._shown = self._shown, snapshot
        round_ = _SnapshotEvents(self._encoded(raw, snapshot), previous)
        is_new = previous is not snapshot
        for selection, clients in tuple(self._clients.items()):
            if selection.mode == "snapshot":
                self._push.broadcast(clients.group, round_.whole(selection.names))
            elif is_new:
                self._push.broadcast(clients.group, round_.delta_event(selection.names))

    def _encoded(self, raw: bytes, snapshot: Snapshot) -> "_EncodedSnapshot":
        if self._encoded_snapshot is None or self._encoded_snapshot.raw is not raw:
            self._encoded_snapshot = _EncodedSnapshot(raw, snapshot)
        return self._encoded_snapshot

    def _add(self, sid: str, selection: Selection) -> None:
        clients = self._clients.get(selection)
        if clients is None:
            self._groups += 1
            clients = self._clients[selection] = _SelectionGroup(
                Group(MONITORING_NAMESPACE, f"selection {self._groups}")
            )
            self._names_bytes += _bytes(selection)
        self._selection_of[sid] = selection
        clients.count += 1
        self._push.join(sid, clients.group)


class _EncodedSnapshot:
    """A snapshot and its bytes, which are taken apart once; its parts stay as they were written."""

    def __init__(self, raw: bytes, snapshot: Snapshot) -> None:
        self.raw: Final = raw
        self.snapshot: Final = snapshot

    def limited_to(self, names: Names) -> bytes:
        """The snapshot with the nodes of these names alone."""
        if names is None:
            return self.raw
        return with_fields(self._head, {"nodes": [node for name, node in self._nodes if name in names]})

    @functools.cached_property
    def _nodes(self) -> list[tuple[str, msgspec.Raw]]:
        names = (node.node for node in self.snapshot.nodes)
        return list(zip(names, raw_nodes(self.raw), strict=True))

    @functools.cached_property
    def _head(self) -> bytes:
        """The snapshot without nodes."""
        return with_fields(self.raw, {"nodes": ()})


class _SnapshotEvents:
    """What there is to send of one snapshot, each part made once."""

    def __init__(self, written: _EncodedSnapshot, previous: Snapshot | None) -> None:
        self._encoded_snapshot = written
        self._previous = previous
        #: The last one that was made, and of which names. All of a round could take more memory than there is.
        self._whole: tuple[Names, Event] | None = None

    def whole(self, names: Names) -> Event:
        """The snapshot."""
        if self._whole is None or self._whole[0] != names:
            self._whole = (names, _whole(self._encoded_snapshot.limited_to(names)))
        return self._whole[1]

    def delta_event(self, names: Names) -> Event:
        """The delta from the snapshot before; the snapshot where there is none."""
        delta = self._delta
        if delta is None:
            return self.whole(names)
        if names is not None:
            delta = msgspec.structs.replace(
                delta,
                changed=tuple(change for change in delta.changed if change["node"] in names),
                removed=tuple(name for name in delta.removed if name in names),
            )
        return Event(
            MONITORING_NAMESPACE,
            CLUSTER_METRICS_DELTA,
            encode(delta),
            METRICS_CHANNEL,
            replacement=lambda: self.whole(names),
        )

    @functools.cached_property
    def _delta(self) -> Delta | None:
        # A delta would leave out what this release does not know.
        if self._previous is None or has_unknown_fields(self._encoded_snapshot.raw):
            return None
        return compute_delta(self._previous, self._encoded_snapshot.snapshot)


def _whole(payload: bytes) -> Event:
    return Event(MONITORING_NAMESPACE, CLUSTER_METRICS, payload, METRICS_CHANNEL)


def _bytes(selection: Selection) -> int:
    if selection.names is None:
        return 0
    return sum(len(name.encode()) + _NAME_OVERHEAD_BYTES for name in selection.names)
