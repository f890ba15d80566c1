"""After any sequence of events, every client gets each entry of the alert log once and in order, or learns of a loss.

Only Redis and the sockets are replaced. Each feed and each connection is a task that pauses where the loop of a real
replica would let other greenlets run. The operations of a test decide which task runs next.
"""

import json
import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

import msgspec
import pytest
from greenlet import getcurrent, greenlet
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis import RedisError

from contract.codec import encode
from contract.messages import Alerts, LogEntry, log_order
from contract.names import ALERT_LOG_FIELD, ALERTS_CHANNEL, latest_key
from runtime.readiness import Readiness
from tests.drivers.follower import Follower
from tests.drivers.outboxes import Outboxes, read
from ws import alert_log, feed
from ws.access.limits import Limits, Subscriptions
from ws.alert_log import AlertLogFollower
from ws.budget import Budget
from ws.counters import Counters
from ws.engine.outbox import Outbox
from ws.event import Event, Group
from ws.feed import Feed
from ws.namespaces import monitoring
from ws.namespaces.monitoring import MonitoringNamespace
from ws.state import ClusterState

GOLDEN = Path(__file__).parents[3] / "contract" / "golden" / "messages"
BASE = msgspec.json.decode((GOLDEN / "alerts.json").read_bytes(), type=Alerts)
ENTRY = msgspec.json.decode((GOLDEN / "log_entry.json").read_bytes(), type=LogEntry)
STARTED = dict.fromkeys(("alert_id", "rule", "node", "severity", "value", "since"))


def pause(_seconds: float = 0.0) -> None:
    """Let other tasks run."""
    getcurrent().parent.switch()


#: Numbers of steps that a task runs, or of events that a client reads.
STEPS = (100, 1, 2, 3, 5, 8)
#: A clock that only the operation "wait" advances, so that no task times out while other tasks run.
CLOCK = SimpleNamespace(now=0.0, time=time.time, monotonic=lambda: CLOCK.now, sleep=pause)


class TaskLock:
    """A lock for tasks."""

    is_held = False

    def __enter__(self) -> None:
        while self.is_held:
            pause()
        self.is_held = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_held = False


@pytest.fixture(scope="module", autouse=True)
def _tasks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (alert_log, feed, monitoring):
            patch.setattr(module, "time", CLOCK)
        patch.setattr(alert_log, "threading", SimpleNamespace(Lock=TaskLock))
        patch.setattr(alert_log, "RESULT_PAGE_LENGTH", 2)
        yield


class Redis:
    """The commands that replicas use; ``pipeline`` runs its commands one after the other."""

    def __init__(self) -> None:
        self.latest: bytes | None = None
        self.log: list[LogEntry] = []
        self.subscriptions: list[Subscription] = []

    def publish(self, raw: bytes) -> None:
        for subscription in self.subscriptions:
            subscription.answers.append({"type": "message", "channel": ALERTS_CHANNEL.encode(), "data": raw})

    def xrange(self, key: str, *, min: str, max: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        pause()
        begin = bisect_left(self.log, log_order(min), key=lambda entry: log_order(entry.id))
        found = self.log[begin : begin + count]
        pause()
        return [(entry.id.encode(), {ALERT_LOG_FIELD.encode(): encode(entry)}) for entry in found]

    def pipeline(self, *, transaction: bool) -> "Pipeline":
        return Pipeline(self)


class Pipeline:
    """Reads keys, of which only the alerts' key has a value, and the age of a key."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.keys: list[str] = []

    def get(self, key: str) -> None:
        self.keys.append(key)

    def pttl(self, key: str) -> None:
        pass

    def execute(self, *, raise_on_error: bool) -> list[bytes | int | None]:
        pause()
        found = [self.redis.latest if key == latest_key(ALERTS_CHANNEL) else None for key in self.keys]
        pause()
        return [*found, -2]


class Subscription:
    """A pub/sub connection to Redis."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.answers: list[dict[str, Any]] = []
        self.is_lost = False

    def subscribe(self, *channels: str) -> None:
        self.redis.subscriptions.append(self)

    def ping(self, token: str) -> None:
        self.answers.append({"type": "pong", "data": token.encode()})

    def get_message(self, timeout: float) -> dict[str, Any] | None:
        pause()
        if self.is_lost:
            raise RedisError
        return self.answers.pop(0) if self.answers else None

    def lose(self) -> None:
        self.is_lost = True
        self.redis.subscriptions.remove(self)


class LeavingClients(Outboxes):
    """Outboxes whose clients may disconnect while an event is on its way."""

    def join(self, sid: str, group: Group) -> None:
        if sid in self.outboxes:
            super().join(sid, group)

    def send(self, sid: str, event: Event) -> None:
        if sid in self.outboxes:
            super().send(sid, event)

    def is_behind(self, sid: str, namespace: str) -> bool:
        return sid in self.outboxes and super().is_behind(sid, namespace)


class Replica:
    """A replica that follows Redis in a task."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.push = LeavingClients()
        self.counters = Counters()
        state, log = ClusterState(), AlertLogFollower(redis)  # type: ignore[arg-type]
        subscriptions = Subscriptions(Limits(), self.counters, lambda _sid: ())
        self.namespace = MonitoringNamespace(self.push, self.counters, state, log, subscriptions)
        self.feed = Feed(redis, state, Readiness(), self.counters, log, self.namespace.deliver)  # type: ignore[arg-type]
        self.subscription = Subscription(redis)
        self.task = greenlet(self._follow)

    def _follow(self) -> None:
        while True:
            try:
                self.feed._follow(self.subscription)  # type: ignore[arg-type]
            except (RedisError, OSError):
                self.lose()
                self.subscription = Subscription(self.redis)

    def lose(self) -> None:
        if self.subscription in self.redis.subscriptions:
            self.subscription.lose()


class Connection:
    """A connection of a client to a replica, which handles the requests one after the other."""

    def __init__(self, replica: Replica, sid: str, wanted: dict[str, object]) -> None:
        self.replica = replica
        self.sid = sid
        self.outbox = replica.push.outboxes[sid] = Outbox(Budget(1 << 30))
        self.requests = [wanted]
        self.task = greenlet(self._serve)

    def _serve(self) -> None:
        namespace = self.replica.namespace
        namespace.connected(self.sid, {"subscribe": self.requests[0]})
        while self.sid in self.replica.push.outboxes:
            del self.requests[0]
            while not self.requests:
                pause()
            namespace.handle(self.sid, "subscribe_to_updates", [self.requests[0]])

    def close(self) -> None:
        self.replica.namespace.disconnected(self.sid)
        del self.replica.push.outboxes[self.sid]


class Client:
    """A client and its connections."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.follower = Follower()
        self.connections: list[Connection] = []
        self.is_connected = False
        #: Position before the first entry that the client got.
        self.first: str | None = None
        #: Number of updates whose entries did not continue at the client's position.
        self.corrections = 0
        #: Whether the client's entry was missing in the log, or a request of the client timed out.
        self.may_lose = False

    def connect(self, replica: Replica) -> None:
        self.disconnect()
        sid = f"{self.name}-{len(self.connections)}"
        self.connections.append(Connection(replica, sid, self.follower.connect()))
        self.is_connected = True

    def disconnect(self) -> None:
        if self.is_connected:
            self.connections[-1].close()
            self.is_connected = False

    def subscribe(self) -> None:
        if self.is_connected:
            self.connections[-1].requests.append(self.follower.subscribe())

    def take(self, most: int, log: list[LogEntry]) -> None:
        for _ in range(min(most, len(self.connections[-1].outbox) if self.is_connected else 0)):
            event, payload = read(self.connections[-1].outbox.take())
            before = self.follower.position
            if self.follower.receive(event, payload.decode()):
                self.corrections += bool(json.loads(payload)["entries"])
                self.subscribe()
            if before is None and self.follower.position is not None:
                self.first = json.loads(payload)["previous_alert_id"]
            self.note_position(log)

    def note_position(self, log: list[LogEntry]) -> None:
        position = self.follower.position
        self.may_lose |= position is not None and position not in [entry.id for entry in log]


class Collector:
    """The collector, with all entries that it has written into the log."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.epoch, self.seq, self.number = 1, 0, 0
        self.entries: list[str] = []
        self.messages: list[bytes] = []

    def take_over(self) -> None:
        self.epoch, self.seq, self.number = self.epoch + 1, 0, 0

    def publish(self, count: int) -> None:
        log = self.redis.log
        previous = log[-1].id if log else None
        if not log:
            self._write(msgspec.structs.replace(ENTRY, transition="started", **STARTED))
        for _ in range(count):
            self._write(ENTRY)
        self.seq += 1
        new = tuple(log if previous is None else log[[entry.id for entry in log].index(previous) + 1 :])
        self.redis.latest = self._message(new, previous, log[-1].id)
        self.messages.append(self.redis.latest)
        self.redis.publish(self.redis.latest)

    def publish_by_hand(self, choice: int) -> None:
        """Publish a previous message again, or a message with an entry that is not in the log."""
        if choice % 2 and self.messages:
            self.redis.publish(self.messages[choice % len(self.messages)])
        elif self.messages:
            position = f"{self.epoch + choice % 3}-{choice + 1}"
            entry = msgspec.structs.replace(ENTRY, id=f"{position}0")
            self.redis.publish(self._message((entry,), position, entry.id))

    def _write(self, entry: LogEntry) -> None:
        self.number += 1
        self.redis.log.append(msgspec.structs.replace(entry, id=f"{self.epoch}-{self.number}"))
        self.entries.append(self.redis.log[-1].id)

    def _message(self, entries: tuple[LogEntry, ...], previous: str | None, last: str) -> bytes:
        return encode(
            msgspec.structs.replace(
                BASE, epoch=self.epoch, seq=self.seq, entries=entries, previous_alert_id=previous, last_alert_id=last
            )
        )


class World:
    """Two replicas, three clients, and a collector."""

    def __init__(self) -> None:
        self.redis = Redis()
        self.collector = Collector(self.redis)
        self.replicas = [Replica(self.redis), Replica(self.redis)]
        self.stopped_replicas: list[Replica] = []
        self.clients = [Client(name) for name in "xyz"]
        for client in self.clients[:2]:
            client.connect(self.replicas[0])
        self.settle()

    def do(self, operation: str, first: int, second: int) -> None:
        replica, client = self.replicas[first % 2], self.clients[second % 3]
        match operation:
            case "publish":
                self.collector.publish(first % 4)
            case "take over":
                self.collector.take_over()
            case "repeat" if self.redis.latest is not None:
                self.redis.publish(self.redis.latest)
            case "by hand":
                self.collector.publish_by_hand(first)
            case "follow":
                for _ in range(STEPS[second]):
                    replica.task.switch()
            case "lose":
                replica.lose()
            case "restart":
                self.restart(first % 2)
            case "connect":
                client.connect(replica)
            case "subscribe":
                client.subscribe()
            case "serve":
                for _ in range(STEPS[first % 6]):
                    self.serve(client)
            case "take":
                client.take(STEPS[first % 6], self.redis.log)
            case "read":
                for _ in range(STEPS[first % 6]):
                    self.serve(client)
                    client.take(2, self.redis.log)
            case "trim":
                del self.redis.log[: min(first, len(self.redis.log) - 1)]
            case "empty":
                self.redis.log.clear()
                self.redis.latest = None
                self.collector.take_over()
            case "wait":
                CLOCK.now += 3.0
                for other in self.clients:
                    other.may_lose |= other.is_connected and bool(other.connections[-1].requests)
                    self.serve(other)
        for client in self.clients:
            client.note_position(self.redis.log)

    def serve(self, client: Client) -> None:
        for connection in client.connections:
            if not connection.task.dead:
                connection.task.switch()

    def restart(self, number: int) -> None:
        replica = self.replicas[number]
        replica.lose()
        for client in self.clients:
            if client.is_connected and client.connections[-1].replica is replica:
                client.disconnect()
        self.stopped_replicas.append(replica)
        self.replicas[number] = Replica(self.redis)

    def settle(self) -> None:
        """Publish one more entry; run all tasks until no work is left."""
        self.do("publish", 1, 0)
        newest, connected = self.redis.log[-1].id, [client for client in self.clients if client.is_connected]
        for _ in range(2000):
            for replica in self.replicas:
                replica.task.switch()
            for client in self.clients:
                self.serve(client)
                client.take(100, self.redis.log)
            if self.is_quiet() and all(client.follower.position == newest for client in connected):
                return
        raise AssertionError(f"not settled: {[client.follower.position for client in connected]}, not {newest}")

    def is_quiet(self) -> bool:
        connections = [client.connections[-1] for client in self.clients if client.is_connected]
        return not any(replica.subscription.answers for replica in self.replicas) and not any(
            connection.requests or len(connection.outbox) for connection in connections
        )


def play(operations: list[tuple[str, int, int]]) -> World:
    world = World()
    for operation in operations:
        world.do(*operation)
    for client in world.clients:
        if not client.is_connected:
            client.connect(world.replicas[0])
    world.settle()
    for replica in [*world.replicas, *world.stopped_replicas]:
        assert replica.counters.handler_errors == replica.counters.bad_requests == 0
    return world


def histories(*rare: str) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    usual = ["publish"] * 5 + ["follow"] * 8 + ["read"] * 10 + ["serve"] * 3 + ["take"] * 3 + ["connect"] * 4
    names = [*usual, "subscribe", "repeat", "take over", "lose", "restart", *rare]
    # One draw for the operation and its numbers: three draws would take longer than the test itself.
    operation = st.sampled_from(list(product(names, range(10), range(6))))
    # A minimum size, because generated lists are usually short; hypothesis can still shrink a failure.
    return st.one_of(st.lists(operation, max_size=20), st.lists(operation, min_size=50, max_size=120))


def missed(world: World, client: Client) -> list[str]:
    """Return the entries after the client's first position that the client did not get."""
    entries, shown = world.collector.entries, client.follower.entries
    begin = entries.index(shown[0]) if client.first is None else entries.index(client.first) + 1
    return [entry for entry in entries[begin:] if entry not in shown]


@settings(max_examples=400)
@given(histories("by hand"))
# A client connects to a replica that has no state yet.
@example([("restart", 0, 0), ("connect", 0, 0), ("serve", 1, 0), ("follow", 0, 0)])
@example([("restart", 0, 0), ("connect", 0, 0), ("serve", 1, 0), ("publish", 1, 0)])
def test_every_client_gets_each_entry_once_and_in_order_when_the_log_is_complete(
    operations: list[tuple[str, int, int]],
) -> None:
    world = play(operations)

    for client in world.clients:
        assert client.follower.entries == sorted(set(client.follower.entries), key=log_order)
        assert missed(world, client) == []
        assert client.follower.losses == client.corrections == 0


@settings(max_examples=400)
@given(st.one_of(histories("trim", "wait"), histories("trim", "wait", "empty")))
# A client connects to a replica that has no state for a long time, or that stays behind.
@example([("restart", 0, 0), ("connect", 0, 0), ("serve", 1, 0), ("wait", 0, 0), ("follow", 0, 0)])
@example([("publish", 3, 0), ("follow", 0, 0), ("read", 0, 0), ("connect", 1, 0), ("serve", 1, 0), ("wait", 0, 0)])
# Redis is emptied after the first result page of the missed entries.
@example(
    [
        *[("publish", 3, 0), ("restart", 0, 0), ("follow", 0, 0), ("connect", 0, 0), ("serve", 0, 0), ("empty", 0, 0)],
    ]
)
def test_client_is_notified_and_gets_no_entry_twice_when_its_position_no_longer_exists(
    operations: list[tuple[str, int, int]],
) -> None:
    world = play(operations)

    for client in world.clients:
        assert client.follower.entries == sorted(set(client.follower.entries), key=log_order)
        assert client.follower.losses > 0 or missed(world, client) == []
        assert client.may_lose or client.follower.losses == 0
