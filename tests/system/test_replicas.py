"""Replicas that are killed and replaced under load: no client gets wrong, missing or repeated data."""

import json
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis as redis_client

from contract.names import METRICS_CHANNEL, REPLICAS_KEY
from tests.drivers.disturbances import DISTURBANCES
from tests.drivers.publisher import Publisher, message
from tests.drivers.reconnecting_client import ReconnectingClient
from tests.drivers.replica import Replica
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

CLIENTS = 24


class Load:
    """Twenty rounds a second, in each of which some nodes change, and an alert that sometimes changes."""

    def __init__(self, redis: redis_client.Redis) -> None:
        self._publisher = Publisher(redis)
        self._nodes = json.loads(message(METRICS_CHANNEL))["nodes"]
        self._random = random.Random(1)
        self._ends = threading.Event()
        self.rounds = self.transitions = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ends.wait(0.05):
            self.publish()
            if self.rounds % 4 == 0:
                self.transitions += 1
                self._publisher.transition(self.transitions)

    def publish(self) -> None:
        self.rounds += 1
        self._random.choice(self._nodes)["cpu_usage"] = round(self._random.uniform(0, 100), 1)
        self._publisher.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=self.rounds, nodes=self._nodes))

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()


@pytest.fixture
def load(redis: redis_client.Redis) -> Iterator[Load]:
    load = Load(redis)
    eventually(lambda: load.transitions > 1)
    yield load
    load.stop()


@pytest.fixture
def replicas(valkey: Valkey, load: Load) -> Iterator[list[Replica]]:
    started = [Replica(valkey.url, WS_DRAIN_SECONDS="1") for _ in range(3)]
    for replica in started:
        replica.wait_until_ready()
    yield started
    for replica in started:
        assert "Traceback" not in replica.process.log()
        replica.close()


@pytest.fixture
def crowd(replicas: list[Replica]) -> Iterator[list[ReconnectingClient]]:
    clients = [
        ReconnectingClient(
            lambda: [replica.port for replica in replicas], seed, "snapshot" if seed % 4 == 0 else "delta"
        )
        for seed in range(CLIENTS)
    ]
    eventually(lambda: all(client.follower.position for client in clients))
    yield clients
    for client in clients:
        client.close()


def require_correct(crowd: list[ReconnectingClient], load: Load, begun: list[str]) -> None:
    """Check that all clients have the newest snapshot, and that each got every entry since ``begun`` once."""
    load.stop()
    load.publish()
    newest = f"7-{load.transitions}"

    def right(client: ReconnectingClient) -> bool:
        shown = client.follower.shown
        assert shown is not None
        assert shown.seq == load.rounds
        assert client.follower.position == newest
        return True

    for client in crowd:
        eventually(lambda client=client: right(client) and client.error is None, within_seconds=30)  # type: ignore[misc]
    assert all(client.follower.shown == crowd[0].follower.shown for client in crowd)
    for client, first in zip(crowd, begun, strict=True):
        assert client.follower.losses == 0
        start = int(first.split("-")[1])
        assert client.follower.entries[-(load.transitions - start) :] == [
            f"7-{number}" for number in range(start + 1, load.transitions + 1)
        ]
        assert len(client.follower.entries) == len(set(client.follower.entries))


def positions(crowd: list[ReconnectingClient]) -> list[str]:
    return [client.follower.position or "" for client in crowd]


def test_no_data_are_wrong_lost_or_repeated_when_replicas_are_killed(
    replicas: list[Replica], crowd: list[ReconnectingClient], load: Load
) -> None:
    begun, draw = positions(crowd), random.Random(2)
    replica = None
    for _ in range(DISTURBANCES):
        # A replica that was killed last has few clients yet.
        replica = draw.choice([each for each in replicas if each is not replica])
        replica.process.kill()
        time.sleep(draw.uniform(0, 0.4))
        replica.process.start()
        replica.wait_until_ready()
        time.sleep(0.3)

    require_correct(crowd, load, begun)
    assert sum(len(client.connected_at) for client in crowd) > 2 * CLIENTS


def test_no_data_are_wrong_lost_or_repeated_when_all_replicas_are_replaced_in_turn(
    replicas: list[Replica], crowd: list[ReconnectingClient], load: Load
) -> None:
    begun = positions(crowd)
    for replica in replicas:
        assert replica.process.stop(signal.SIGTERM) == 0
        replica.process.start()
        replica.wait_until_ready()

    require_correct(crowd, load, begun)
    codes = {code for client in crowd for _, code in client.ended}
    assert 1001 in codes


def test_clients_of_a_stopping_replica_are_disconnected_gradually(
    valkey: Valkey, load: Load, redis: redis_client.Redis
) -> None:
    replica = Replica(valkey.url, WS_DRAIN_SECONDS="3")
    replica.wait_until_ready()
    # A single replica disconnects its clients without waiting: they could not reconnect elsewhere.
    other = Replica(valkey.url)
    other.wait_until_ready()
    eventually(lambda: redis.zcard(REPLICAS_KEY) == 2, within_seconds=30, what="both are counted")
    clients = [replica.client("/") for _ in range(60)]
    ended: list[float] = []

    def note(client: object, wait: Callable[[float], None]) -> None:
        wait(30)
        ended.append(time.monotonic())

    threads = [threading.Thread(target=note, args=(client, client.wait_until_closed)) for client in clients]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    assert replica.process.stop(signal.SIGTERM) == 0
    for thread in threads:
        thread.join()
    replica.close()
    other.close()

    assert {client.close_code for client in clients} == {1001}
    # Two clients at a time, at least a tenth of a second apart.
    assert max(ended) - min(ended) > 2
    assert max(ended) - began < 20
