"""Change fields of a JSON message and leave all other bytes unchanged.

A service that forwards a message uses these functions, so that the fields of a newer writer reach newer readers. The
callers have already decoded the message as its type.
"""

from collections.abc import Mapping

import msgspec

from contract.codec import encode
from contract.messages import ClusterStats, Node, Snapshot


class _Nodes(msgspec.Struct):
    nodes: list[msgspec.Raw]


def _without_unknown(struct: type[msgspec.Struct], **decoded: object) -> type[msgspec.Struct]:
    """Return a type that allows only the fields of ``struct``; all but ``decoded`` stay JSON."""
    fields = [(field, decoded.get(field, msgspec.Raw), None) for field in struct.__struct_fields__]
    return msgspec.defstruct(f"Known{struct.__name__}", fields, forbid_unknown_fields=True)


_KnownNode = _without_unknown(Node)
_KnownSnapshot = _without_unknown(Snapshot, cluster_stats=_without_unknown(ClusterStats), nodes=list[msgspec.Raw])


def with_fields(raw: bytes, members: Mapping[str, object]) -> bytes:
    """Return the JSON object ``raw`` with some fields replaced or added."""
    return encode({**_members(raw), **members})


def raw_nodes(raw: bytes) -> list[msgspec.Raw]:
    """Return the nodes of the snapshot ``raw`` as undecoded JSON, in their order."""
    return msgspec.json.decode(raw, type=_Nodes).nodes


def has_unknown_fields(raw: bytes) -> bool:
    """Whether the snapshot ``raw`` has fields that this release does not know. Only its first node is checked."""
    try:
        snapshot = msgspec.json.decode(raw, type=_KnownSnapshot)
        for node in snapshot.nodes[:1]:  # type: ignore[attr-defined]
            msgspec.json.decode(node, type=_KnownNode)
    except msgspec.ValidationError:
        return True
    return False


def _members(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
