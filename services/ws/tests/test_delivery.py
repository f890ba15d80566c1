"""After any sequence of events, every client has the newest snapshot, and never goes back to an older one."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.codec import encode
from contract.messages import Node, Snapshot
from contract.names import METRICS_CHANNEL
from tests.drivers.follower import Follower
from tests.drivers.outboxes import Outboxes, read
from ws.access.limits import Limits, Subscriptions
from ws.budget import Budget
from ws.counters import Counters
from ws.engine.outbox import Outbox
from ws.namespaces.monitoring import MonitoringNamespace
from ws.state import ClusterState, StoredMessage, receive

GOLDEN = Path(__file__).parents[3] / "contract" / "golden" / "messages" / "metrics.json"
BASE = msgspec.json.decode(GOLDEN.read_bytes(), type=Snapshot)
NAMES = ["a", "b", "c", "d"]
SELECTIONS: list[list[str] | None] = [None, [], ["a"], ["b", "d", "unknown"]]


class Replica:
    """A replica that receives some of the published messages, in order and with a delay."""

    def __init__(self, depth: int) -> None:
        self.push = Outboxes()
        self.depth = depth
        self.state = ClusterState()
        subscriptions = Subscriptions(Limits(), Counters(), lambda _sid: ())
        self.namespace = MonitoringNamespace(self.push, Counters(), self.state, None, subscriptions)  # type: ignore[arg-type]
        self.heard: list[bytes] = []

    def receive(self, latest: bytes | None) -> None:
        if self.heard:
            received = receive(METRICS_CHANNEL, self.heard.pop(0))
            outcome = self.state.apply(received, StoredMessage(latest) if self.state.needs_latest(received) else None)
            self.namespace.deliver(outcome)

    def reconnect(self, latest: bytes | None) -> None:
        self.heard.clear()
        outcome = self.state.catch_up(METRICS_CHANNEL, StoredMessage(latest))
        if outcome is not None:
            self.namespace.deliver(outcome)


class Client:
    """A client and its connections."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connections = 0
        self.replica: Replica | None = None
        self.follower = Follower()

    @property
    def sid(self) -> str:
        return f"{self.name}-{self.connections}"

    def connect(self, replica: Replica) -> None:
        if self.replica is not None:
            self.replica.namespace.disconnected(self.sid)
        self.connections += 1
        self.replica = replica
        replica.push.outboxes[self.sid] = Outbox(Budget(1 << 30), depth=replica.depth)
        replica.namespace.connected(self.sid, {"subscribe": self.follower.connect()})

    def subscribe(self, mode: str, nodes: list[str] | None) -> None:
        if nodes != self.follower.nodes:
            self.follower.shown = None  # the new selection has other nodes
        self.follower.mode, self.follower.nodes = mode, nodes
        self.ask()

    def ask(self) -> None:
        assert self.replica is not None
        self.replica.namespace.handle(self.sid, "subscribe_to_updates", [self.follower.subscribe()])

    def take(self, most: int) -> None:
        assert self.replica is not None
        outbox = self.replica.push.outboxes[self.sid]
        for _ in range(min(most, len(outbox))):
            event, payload = read(outbox.take())
            before = self.follower.shown
            if self.follower.receive(event, payload.decode()):
                self.ask()
            after = self.follower.shown
            assert before is None or (after is not None and (after.epoch, after.seq) >= (before.epoch, before.seq))

    def drain(self) -> None:
        assert self.replica is not None
        while len(self.replica.push.outboxes[self.sid]):
            self.take(100)


class Cluster:
    """The snapshots that the collector publishes."""

    def __init__(self) -> None:
        self.epoch, self.seq = 1, 0
        self.values = dict.fromkeys(NAMES[:2], 0.0)
        self.newest: Snapshot | None = None

    def publish(self, change: int) -> bytes:
        name = NAMES[change % 4]
        if change < 12:
            self.values[name] = float(change)
        elif change < 16:
            self.values.pop(name, None)
        elif change == 19:
            self.epoch, self.seq = self.epoch + 1, 0
        self.seq += 1
        nodes: tuple[Node, ...] = tuple(
            msgspec.structs.replace(BASE.nodes[0], node=node, cpu_usage=self.values[node])
            for node in sorted(self.values)
        )
        self.newest = msgspec.structs.replace(BASE, epoch=self.epoch, seq=self.seq, nodes=nodes)
        return encode(self.newest)


USUAL = ["publish"] * 4 + ["hear"] * 6 + ["take"] * 5
#: An operation and two numbers in one draw: three draws would take longer than the test itself.
OPERATIONS = st.sampled_from(
    list(product([*USUAL, "repeat", "lose", "by hand", "connect", "subscribe"], range(20), range(20)))
)


@settings(max_examples=400)
# A minimum size, because generated lists are usually short; hypothesis can still shrink a failure.
@given(
    st.one_of(st.lists(OPERATIONS, max_size=20), st.lists(OPERATIONS, min_size=50, max_size=120)),
    st.sampled_from([0, 0, 3]),
)
def test_every_client_has_the_newest_snapshot_at_the_end(operations: list[tuple[str, int, int]], depth: int) -> None:
    cluster, replicas = Cluster(), [Replica(depth), Replica(depth)]
    clients = [Client(name) for name in "xyz"]
    latest: bytes | None = None

    def publish(raw: bytes) -> None:
        for replica in replicas:
            replica.heard.append(raw)

    for client in clients:
        client.connect(replicas[0])
    for name, first, second in operations:
        replica, client = replicas[first % 2], clients[second % 3]
        match name:
            case "publish":
                latest = cluster.publish(first)
                publish(latest)
            case "repeat" if latest is not None:
                publish(latest)
            case "by hand" if latest is not None:
                publish(json.dumps({**json.loads(latest), "seq": 2**40 + first}).encode())
            case "hear":
                replica.receive(latest)
            case "lose":
                replica.reconnect(latest)
            case "connect":
                client.connect(replica)
            case "subscribe":
                client.subscribe("delta" if first % 3 else "snapshot", SELECTIONS[first % 4])
            case "take":
                client.take(first)
    publish(cluster.publish(0))
    latest = encode(cluster.newest)
    for replica in replicas:
        while replica.heard:
            replica.receive(latest)
    for client in clients:
        client.drain()

    for client in clients:
        shown: Any = cluster.newest
        if client.follower.nodes is not None:
            wanted = client.follower.nodes
            shown = msgspec.structs.replace(shown, nodes=tuple(node for node in shown.nodes if node.node in wanted))
        assert client.follower.shown == shown
