"""Push latency of the local mode while a client requests the cluster and its history without a pause."""

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
#: Nodes with an hour of history: the most nodes that one request may name.
NODES_WITH_HISTORY: Final = tuple(f"node{number:04}.lan" for number in range(50))
#: Program that requests all nodes and the history of some nodes alternately over one connection, and prints a line per
#: answer, until it is killed.
REQUESTER: Final = """
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
    """p99 latency from PUBLISH to a client without and with the requests, and the number of answers."""

    alone_ms: float
    beside_ms: float
    answered: int


class LocalMode:
    """Gateway and api as ``make run`` starts them, clients of the gateway, and published snapshots."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(redis_url)
        self.port, api, own = free_port(), free_port(), free_port()
        shared = {"REDIS_URL": redis_url, "API_PORT": str(api), "MALLOC_ARENA_MAX": "2"}
        self._processes = [
            python("api", "api", env=shared),
            python("gateway", "deploy.local.gateway", env={**shared, "PORT": str(self.port), "WS_PORT": str(own)}),
        ]
        self._snapshots = Snapshots(NODES)
        self._seq = 0

    def __enter__(self) -> "LocalMode":
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        self._write_history()
        self._publish()
        for process in self._processes:
            process.start()
        self.swarm = Swarm(self.port, connect=SUBSCRIBE, mark=b'"seq":')

        def connected() -> bool:
            self.swarm.connect(CLIENTS - len(self.swarm.clients))
            return len(self.swarm.clients) == CLIENTS

        eventually(connected, within_seconds=30)
        return self

    def __exit__(self, *_: object) -> None:
        self.swarm.close()
        for process in reversed(self._processes):
            process.stop()
        self._redis.close()

    def p99_ms(self) -> float:
        """Publish for some seconds; return the p99 latency."""
        for _ in range(3):
            self._publish()
            self.swarm.run(1 / RATE)
        self.swarm.begin_measuring(self._seq)
        for _ in range(SECONDS * RATE):
            self._publish()
            self.swarm.run(1 / RATE)
        assert self.swarm.received >= 0.99 * SECONDS * RATE * CLIENTS
        return percentile_ms(self.swarm.latencies, 99)

    def _write_history(self) -> None:
        """Write an hour of history that ends at the time of the snapshots."""
        chance = random.Random(1)  # noqa: S311 (noise, no secret)
        until = int(unix_seconds(self._snapshots.timestamp))
        for _ in record(
            self._redis, records([Node(name, chance) for name in NODES_WITH_HISTORY], (TEN_SECONDS,), until)
        ):
            pass

    def _publish(self) -> None:
        self._seq += 1
        snapshot = self._snapshots.snapshot(self._seq, moving=MOVING)
        if self._seq > 1:
            self.swarm.published[self._seq] = time.monotonic_ns()
        Publisher(self._redis).publish(METRICS_CHANNEL, snapshot)


@contextlib.contextmanager
def requesting(port: int) -> Iterator[Process]:
    """Run a client that sends requests without a pause."""
    requester = Process("requester", [sys.executable, "-c", REQUESTER, str(port), *NODES_WITH_HISTORY])
    requester.start()
    try:
        eventually(lambda: "answered" in requester.log(), within_seconds=30)
        yield requester
    finally:
        requester.kill()


def beside_api(redis_url: str, runs: int) -> list[Pair]:
    """Measure alternately without and with the requests."""
    with LocalMode(redis_url) as local:
        found = []
        for _ in range(runs):
            alone = local.p99_ms()
            with requesting(local.port) as requester:
                beside = local.p99_ms()
                found.append(Pair(alone, beside, requester.log().count("answered")))
        return found
