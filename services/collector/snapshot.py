"""Build the metrics message: the whole cluster in one round."""

from collections.abc import Sequence

from msgspec.structs import replace

from contract.codec import encode
from contract.messages import ClusterStats, Epoch, Node, Seq, Snapshot, Timestamp
from contract.names import MESSAGE_LIMIT_BYTES


def build_snapshot(
    nodes: Sequence[Node],
    *,
    cluster: str,
    epoch: Epoch,
    seq: Seq,
    timestamp: Timestamp,
    interval_seconds: float,
    is_simulated: bool = False,
) -> Snapshot:
    """Return the snapshot of ``nodes``, which may come in any order; ``is_simulated``: any of them is."""
    return Snapshot(
        cluster=cluster,
        epoch=epoch,
        seq=seq,
        timestamp=timestamp,
        interval_seconds=interval_seconds,
        simulated=is_simulated,
        cluster_stats=_stats(nodes),
        nodes=tuple(sorted(nodes, key=lambda node: node.node)),
    )


def encoded(snapshot: Snapshot) -> bytes:
    """Return ``snapshot`` as it is published: without the codes of errors where it is too long for a message with them.

    ``error`` says the same in English, and readers drop a message that is too long.
    """
    raw = encode(snapshot)
    if len(raw) <= MESSAGE_LIMIT_BYTES:
        return raw
    return encode(replace(snapshot, nodes=tuple(replace(node, error_coded=None) for node in snapshot.nodes)))


def _stats(nodes: Sequence[Node]) -> ClusterStats:
    online = [node for node in nodes if node.status == "online"]
    return ClusterStats(
        total_nodes=len(nodes),
        online_nodes=len(online),
        avg_cpu=_average([node.cpu_usage for node in online]),
        avg_memory=_average([node.memory_usage for node in online]),
        avg_disk=_average([node.disk_usage for node in online]),
        avg_temperature=_average([node.temperature for node in online]),
    )


def _average(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 1) + 0.0 if known else None
