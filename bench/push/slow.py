"""The effect of clients that stop reading on the other clients."""

import os
import time
from dataclasses import dataclass

from bench.push.measure import percentile_ms
from bench.push.servers import LOAD_CORE, Ours
from bench.push.swarm import Swarm
from bench.push.work import of_bytes

CLIENTS, DEAF = 1000, 50
SIZE, RATE = 11_000, 20
BEFORE_SECONDS, WHILE_SECONDS = 10, 25


@dataclass(frozen=True)
class SlowResult:
    """p99 of the other clients, memory of the replica, and numbers of closed and recovered slow clients."""

    before_ms: float
    while_ms: float
    rss_before: int
    rss_most: int
    closed: int
    recovered: int


def measure_slow(server: Ours) -> SlowResult:
    """Stop reading at some clients until the replica disconnects them, then reconnect them."""
    os.sched_setaffinity(0, {LOAD_CORE})
    snapshots, swarm = of_bytes(SIZE), Swarm(server.port)
    number = most = 0

    def publish(seconds: float) -> list[int]:
        nonlocal number, most
        swarm.begin_measuring(number)
        began = time.monotonic()
        while (due := began + (k := number - first) / RATE) < began + seconds:
            swarm.run(due - time.monotonic())
            message = snapshots.publication(number)
            swarm.published[number] = time.monotonic_ns()
            server.publish(message)
            number += 1
            if k % RATE == 0:
                most = max(most, server.rss_bytes())
        swarm.run(1)
        return list(swarm.latencies)

    try:
        swarm.connect(CLIENTS)
        first = number
        before = publish(BEFORE_SECONDS)
        rss = most = server.rss_bytes()
        deaf = list(swarm.clients.values())[:DEAF]
        for client in deaf:
            swarm.stop_reading(client)
        first = number
        during = publish(WHILE_SECONDS)
        closed = int(server.metric('ws_closes_total{reason="slow"}'))
        for client in deaf:
            swarm.read_again(client)
        swarm.run(2)
        swarm.connect(sum(client.gone for client in deaf))
        first = number
        publish(2)
        live = sum(client.live and client.seen == number for client in swarm.clients.values())
        return SlowResult(
            before_ms=percentile_ms(before, 99),
            while_ms=percentile_ms(during, 99),
            rss_before=rss,
            rss_most=most,
            closed=closed,
            recovered=live - (CLIENTS - DEAF),
        )
    finally:
        swarm.close()
