"""The measurements: CPU time and latency of a server that pushes, and time and memory of connections."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.push.servers import LOAD_CORE, Server
from bench.push.swarm import Swarm
from bench.push.work import of_bytes

#: Share of its core above which the load may limit the result.
BUSY: Final = 0.85


@dataclass(frozen=True)
class Pushed:
    """The result of one run; ``latencies_ns`` are the raw samples."""

    cpu_us_per_delivery: float
    latencies_ns: Sequence[int]
    #: Share of the expected deliveries that arrived; deliveries to clients that could not connect are expected.
    arrived: float
    wire_bytes_per_delivery: float
    #: Share of its core that the load used.
    load_share: float


def percentile_ms(latencies_ns: Sequence[int], percent: float) -> float:
    """Return a percentile of raw samples in ms."""
    if not latencies_ns:
        return float("nan")
    ordered = sorted(latencies_ns)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] / 1e6


def push(server: Server, *, clients: int, rate: float, size: int, seconds: float, deflate: bool = False) -> Pushed:
    """Publish at a rate for some seconds to this number of clients."""
    os.sched_setaffinity(0, {LOAD_CORE})
    snapshots = of_bytes(size)
    swarm = Swarm(server.port, deflate=deflate, cookies=server.cookies)
    try:
        swarm.connect(clients)
        number = 0
        for _ in range(5):  # objects that are made only once are made now
            server.publish(snapshots.publication(number))
            number += 1
            swarm.run(0.1)
        swarm.run(0.5)
        swarm.begin_measuring(number)
        first, count = number, max(1, round(rate * seconds))
        ready = [snapshots.publication(first + k) for k in range(count)]
        cpu, own, began = server.cpu_seconds(), time.process_time(), time.monotonic()
        for k, message in enumerate(ready):
            swarm.run(began + k / rate - time.monotonic())
            swarm.published[first + k] = time.monotonic_ns()
            server.publish(message)
        patience = time.monotonic() + 10
        while swarm.received < count * len(swarm.clients) and time.monotonic() < patience:
            swarm.poll(0.1)
        elapsed = time.monotonic() - began
        delivered = max(1, swarm.received)
        return Pushed(
            cpu_us_per_delivery=(server.cpu_seconds() - cpu) / delivered * 1e6,
            latencies_ns=swarm.latencies,
            arrived=swarm.received / (count * clients),
            wire_bytes_per_delivery=swarm.received_bytes / delivered,
            load_share=(time.process_time() - own) / elapsed,
        )
    finally:
        swarm.close()


@dataclass(frozen=True)
class Connected:
    """The result for idle connections."""

    seconds: float
    failed: int
    rss_bytes_each: float


def connect(server: Server, *, clients: int, deflate: bool = False, rest_seconds: float = 2) -> Connected:
    """Connect this number of clients to a new server; count the growth of its memory as theirs."""
    os.sched_setaffinity(0, {LOAD_CORE})
    before = server.rss_bytes()
    swarm = Swarm(server.port, deflate=deflate, cookies=server.cookies)
    try:
        seconds = swarm.connect(clients)
        swarm.run(rest_seconds)
        each = (server.rss_bytes() - before) / max(1, len(swarm.clients))
        return Connected(seconds=seconds, failed=swarm.failed, rss_bytes_each=each)
    finally:
        swarm.close()
