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


def with_fields(raw: bytes, members: Mapping[str, object]) -> bytes:
    """Return the JSON object ``raw`` with some fields replaced or added."""
    return encode({**_members(raw), **members})


def raw_nodes(raw: bytes) -> list[msgspec.Raw]:
    """Return the nodes of the snapshot ``raw`` as undecoded JSON, in their order."""
    return msgspec.json.decode(raw, type=_Nodes).nodes


def has_unknown_fields(raw: bytes) -> bool:
    """Whether the snapshot ``raw`` has fields that this release does not know. Only its first node is checked."""
    members = _members(raw)
    nodes = msgspec.json.decode(members["nodes"], type=list[msgspec.Raw])
    parts: list[tuple[dict[str, msgspec.Raw], type[msgspec.Struct]]] = [
        (members, Snapshot),
        (_members(members["cluster_stats"]), ClusterStats),
        *((_members(node), Node) for node in nodes[:1]),
    ]
    return any(not set(part.__struct_fields__).issuperset(written) for written, part in parts)


def _members(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
