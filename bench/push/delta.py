"""Bytes of a round: snapshots and deltas of a real collector with a thousand simulated nodes."""

import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from contract.codec import encode
from contract.delta import compute_delta
from contract.events import CLUSTER_METRICS, CLUSTER_METRICS_DELTA, MONITORING_NAMESPACE
from contract.messages import Snapshot
from contract.names import METRICS_CHANNEL
from tests.drivers.ports import free_port
from tests.drivers.process import python
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually
from ws.event import Event

NODES = 1000
CHANGING = 50


@dataclass(frozen=True)
class Bytes:
    """WebSocket frames of one round, in bytes."""

    whole: int
    delta: int
    whole_deflated: int
    delta_deflated: int


def bytes_per_round() -> Iterator[tuple[str, Bytes]]:
    """Yield a description of the changes and the bytes of the median of nine rounds."""
    rounds = consecutive_snapshots(10)
    pairs = list(itertools.pairwise(rounds))
    yield "all values of all nodes", _median([_measure(before, after) for before, after in pairs])
    yield (
        f"{CHANGING} of {NODES} nodes",
        _median([_measure(before, _with_few_changes(before, after)) for before, after in pairs]),
    )


def consecutive_snapshots(count: int, nodes: int = NODES, interval_seconds: int = 2) -> list[Snapshot]:
    """Return snapshots of consecutive rounds with all nodes online."""
    folder = Path(tempfile.mkdtemp(prefix="delta-"))
    store = Valkey()
    store.start()
    targets = folder / "nodes.yaml"
    simulator = python("simulator", "simulator", "--nodes", str(nodes), "--port", "0", "--write-targets", str(targets))
    env = {
        "REDIS_URL": store.url,
        "COLLECTOR_TARGETS": str(targets),
        "COLLECTOR_PORT": str(free_port()),
        "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(interval_seconds),
    }
    collector = python("collector", "collector", env=env)
    pubsub = store.client().pubsub(ignore_subscribe_messages=True)
    try:
        simulator.start()
        eventually(targets.exists, within_seconds=60)
        pubsub.subscribe(METRICS_CHANNEL)
        collector.start()
        found: list[Snapshot] = []
        deadline = time.monotonic() + 180
        while len(found) < count and time.monotonic() < deadline:
            message = pubsub.get_message(timeout=interval_seconds + 3)
            if message is not None:
                snapshot = msgspec.json.decode(message["data"], type=Snapshot)
                whole = snapshot.cluster_stats.online_nodes == nodes and all(
                    n.cpu_usage is not None for n in snapshot.nodes
                )
                found = [*found, snapshot] if whole else []
        assert len(found) == count, "the simulated cluster does not start"
        return found
    finally:
        pubsub.close()
        collector.stop()
        simulator.stop()
        store.stop()


def _with_few_changes(before: Snapshot, after: Snapshot) -> Snapshot:
    """Return ``after`` with only a few changed nodes."""
    step = NODES // CHANGING
    nodes = tuple(
        new if index % step == 0 else old
        for index, (old, new) in enumerate(zip(before.nodes, after.nodes, strict=True))
    )
    return msgspec.structs.replace(after, nodes=nodes)


def _measure(before: Snapshot, after: Snapshot) -> Bytes:
    delta = compute_delta(before, after)
    assert delta is not None
    whole = Event(MONITORING_NAMESPACE, CLUSTER_METRICS, encode(after))
    delta_event = Event(MONITORING_NAMESPACE, CLUSTER_METRICS_DELTA, encode(delta))
    return Bytes(len(whole.plain), len(delta_event.plain), len(whole.compressed), len(delta_event.compressed))


def _median(found: list[Bytes]) -> Bytes:
    return sorted(found, key=lambda sizes: sizes.delta)[len(found) // 2]
