"""Selections: the nodes that a client gets, in whole snapshots or in deltas.

Clients with the same selection share a group, so their events are computed and encoded once.
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

#: Most bytes of the node names in the selections of all clients.
NAMES_LIMIT_BYTES: Final = 64 * 1024 * 1024
#: Bytes of memory that a name takes in addition to its characters.
_NAME_OVERHEAD_BYTES: Final = 64

#: ``None``: all nodes.
Names = frozenset[str] | None
Mode = Literal["snapshot", "delta"]


class TooManyNames(Exception):
    """The node names in all selections would exceed their memory limit."""


class Selection(NamedTuple):
    """The nodes and the mode that one client selects."""

    mode: Mode
    names: Names

    @classmethod
    def of(cls, mode: Mode, nodes: Iterable[str] | None) -> "Selection":
        """Return the selection of a subscription."""
        return cls(mode, None if nodes is None else frozenset(nodes))


class _SelectionGroup:
    """The group of clients with one selection, and the number of these clients."""

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
        #: Latest snapshot of all nodes that a client got, with its event, which other new clients get as well.
        self._latest: tuple[bytes, Event] | None = None
        self._encoded_snapshot: _EncodedSnapshot | None = None

    def admit(self, sid: str) -> None:
        """Select whole snapshots of all nodes for a new client."""
        self._add(sid, ALL_NODES)

    def require_room(self, selection: Selection) -> None:
        """Check that the names of another selection fit the memory limit.

        Raises:
            TooManyNames: the names do not fit.
        """
        if selection not in self._clients and self._names_bytes + _bytes(selection) > NAMES_LIMIT_BYTES:
            raise TooManyNames

    def choose(self, sid: str, selection: Selection) -> bool:
        """Replace the selection of a client; return whether the client is still connected."""
        if sid not in self._selection_of:
            return False
        self.forget(sid)
        self._add(sid, selection)
        return True

    def forget(self, sid: str) -> None:
        """Stop sending snapshots to the client."""
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
        """Return the snapshot ``raw`` limited to the client's nodes; the client's deltas continue from it."""
        names = self._selection_of.get(sid, ALL_NODES).names
        if names is not None:
            return _whole_event(self._encoded(raw, snapshot).limited_to(names))
        if self._latest is None or self._latest[0] is not raw:
            self._latest = (raw, _whole_event(raw))
        return self._latest[1]

    def deliver(self, raw: bytes, snapshot: Snapshot) -> None:
        """Send a new snapshot to all clients, or a repeated one, which has no delta."""
        previous, self._shown = self._shown, snapshot
        events = _SnapshotEvents(self._encoded(raw, snapshot), previous)
        is_new = previous is not snapshot
        for selection, clients in tuple(self._clients.items()):
            if selection.mode == "snapshot":
                self._push.broadcast(clients.group, events.whole(selection.names))
            elif is_new:
                self._push.broadcast(clients.group, events.delta_event(selection.names))

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
    """A snapshot and its bytes, which are split once; the parts keep their original JSON."""

    def __init__(self, raw: bytes, snapshot: Snapshot) -> None:
        self.raw: Final = raw
        self.snapshot: Final = snapshot

    def limited_to(self, names: Names) -> bytes:
        """Return the snapshot with only the nodes of these names."""
        if names is None:
            return self.raw
        return with_fields(self._without_nodes, {"nodes": [node for name, node in self._nodes if name in names]})

    @functools.cached_property
    def _nodes(self) -> list[tuple[str, msgspec.Raw]]:
        names = (node.node for node in self.snapshot.nodes)
        return list(zip(names, raw_nodes(self.raw), strict=True))

    @functools.cached_property
    def _without_nodes(self) -> bytes:
        """Snapshot without nodes."""
        return with_fields(self.raw, {"nodes": ()})


class _SnapshotEvents:
    """The events for one snapshot, each made once."""

    def __init__(self, written: _EncodedSnapshot, previous: Snapshot | None) -> None:
        self._encoded_snapshot = written
        self._previous = previous
        #: The last whole event and its names. Keeping the events of all names could take too much memory.
        self._whole: tuple[Names, Event] | None = None

    def whole(self, names: Names) -> Event:
        """Return the event with the snapshot."""
        if self._whole is None or self._whole[0] != names:
            self._whole = (names, _whole_event(self._encoded_snapshot.limited_to(names)))
        return self._whole[1]

    def delta_event(self, names: Names) -> Event:
        """Return the event with the delta from the previous snapshot; the whole snapshot if there is no delta."""
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
        # A delta would omit fields that this release does not know.
        if self._previous is None or has_unknown_fields(self._encoded_snapshot.raw):
            return None
        return compute_delta(self._previous, self._encoded_snapshot.snapshot)


def _whole_event(payload: bytes) -> Event:
    return Event(MONITORING_NAMESPACE, CLUSTER_METRICS, payload, METRICS_CHANNEL)


def _bytes(selection: Selection) -> int:
    if selection.names is None:
        return 0
    return sum(len(name.encode()) + _NAME_OVERHEAD_BYTES for name in selection.names)
