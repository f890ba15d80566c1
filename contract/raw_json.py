"""Change parts of a message and leave the rest as it was written.

A reader that passes a message on uses these functions, so that fields of a newer writer reach the newer reader. What is
handed to them has been decoded as its type before.
"""

from collections.abc import Mapping

import msgspec

from contract.codec import encode
from contract.messages import ClusterStats, Node, Snapshot


class _Nodes(msgspec.Struct):
    nodes: list[msgspec.Raw]


def with_fields(raw: bytes, members: Mapping[str, object]) -> bytes:
    """Return the JSON object ``raw`` with these members in place of its own."""
    return encode({**_members(raw), **members})


def raw_nodes(raw: bytes) -> list[msgspec.Raw]:
    """Return the nodes of the snapshot ``raw`` as they were written, in their order."""
    return msgspec.json.decode(raw, type=_Nodes).nodes


def has_unknown_fields(raw: bytes) -> bool:
    """Whether the snapshot ``raw`` has fields that ``Snapshot`` does not; its first node stands for all of them."""
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
