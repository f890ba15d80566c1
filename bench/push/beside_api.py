"""What clients of the local mode notice of somebody who asks the api for the cluster and its past, again and again."""

import contextlib
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import redis

from bench.history_memory import Node, record, records
from bench.push.measure import percentile_ms
from bench.push.swarm import Swarm
from bench.push.work import Snapshots
from contract.history import TEN_SECONDS
from contract.names import METRICS_CHANNEL
from runtime.clock import unix_seconds
from tests.drivers.ports import free_port
from tests.drivers.process import Process, python
from tests.drivers.publisher import Publisher
from tests.drivers.waiting import eventually

CLIENTS, NODES, MOVING, RATE = 100, 1000, 50, 5
SECONDS: Final = 10
SUBSCRIBE: Final = b'40/monitoring,{"subscribe":{"mode":"delta"}}'
#: Nodes whose last hour is asked for, as many as one request may name.
REMEMBERED: Final = tuple(f"node{number:04}.lan" for number in range(50))
#: Asks in turn for all nodes and for the history of some, over one connection, until it is killed; says how often it
#: was answered.
ASKER: Final = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
while True:
    for path in ("/api/cluster/nodes", "/api/history?" + "&".join("node=" + node for node in sys.argv[2:])):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200 and len(answer.read()) > 300_000
        print("answered", flush=True)
"""


@dataclass(frozen=True)
class Pair:
    """p99 from PUBLISH to a client, without and beside the requests, and how many of them were answered."""

    alone_ms: float
    beside_ms: float
    answered: int


class LocalMode:
    """Gateway and api as ``make run`` starts them, and clients of the gateway; the snapshots are ours."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(redis_url)
        self.port, api, own = free_port(), free_port(), free_port()
        shared = {"REDIS_URL": redis_url, "API_PORT": str(api), "MALLOC_ARENA_MAX": "2"}
        self._parts = [
            python("api", "api", env=shared),
            python("gateway", "deploy.local.gateway", env={**shared, "PORT": str(self.port), "WS_PORT": str(own)}),
        ]
        self._snapshots = Snapshots(NODES)
        self._seq = 0

    def __enter__(self) -> "LocalMode":
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        self._remember()
        self._publish()
        for part in self._parts:
            part.start()
        self.swarm = Swarm(self.port, connect=SUBSCRIBE, mark=b'"seq":')

        def connected() -> bool:
            self.swarm.connect(CLIENTS - len(self.swarm.clients))
            return len(self.swarm.clients) == CLIENTS

        eventually(connected, within_seconds=30)
        return self

    def __exit__(self, *_: object) -> None:
        self.swarm.close()
        for part in reversed(self._parts):
            part.stop()
        self._redis.close()

    def p99_ms(self) -> float:
        """Publish for some seconds."""
        for _ in range(3):
            self._publish()
            self.swarm.run(1 / RATE)
        self.swarm.begin_measuring(self._seq)
        for _ in range(SECONDS * RATE):
            self._publish()
            self.swarm.run(1 / RATE)
        assert self.swarm.received >= 0.99 * SECONDS * RATE * CLIENTS
        return percentile_ms(self.swarm.latencies, 99)

    def _remember(self) -> None:
        """Leave an hour of history that ends when the snapshots say that it is."""
        chance = random.Random(1)  # noqa: S311 (noise, no secret)
        until = int(unix_seconds(self._snapshots.timestamp))
        for _ in record(self._redis, records([Node(name, chance) for name in REMEMBERED], (TEN_SECONDS,), until)):
            pass

    def _publish(self) -> None:
        self._seq += 1
        snapshot = self._snapshots.snapshot(self._seq, moving=MOVING)
        if self._seq > 1:
            self.swarm.published[self._seq] = time.monotonic_ns()
        Publisher(self._redis).publish(METRICS_CHANNEL, snapshot)


@contextlib.contextmanager
def asking(port: int) -> Iterator[Process]:
    """Somebody who asks without a pause."""
    asker = Process("asker", [sys.executable, "-c", ASKER, str(port), *REMEMBERED])
    asker.start()
    try:
        eventually(lambda: "answered" in asker.log(), within_seconds=30)
        yield asker
    finally:
        asker.kill()


def beside_api(redis_url: str, runs: int) -> list[Pair]:
    """Measure in turn without and beside the requests."""
    with LocalMode(redis_url) as local:
        found = []
        for _ in range(runs):
            alone = local.p99_ms()
            with asking(local.port) as asker:
                beside = local.p99_ms()
                found.append(Pair(alone, beside, asker.log().count("answered")))
        return found
