"""Build the metrics message: the whole cluster in one round."""

from collections.abc import Sequence

from contract.messages import ClusterStats, Epoch, Node, Seq, Snapshot, Timestamp


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
