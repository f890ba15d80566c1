"""Measure the server's cost of a client up to its first snapshot."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.access.replicas import Open
from bench.push.servers import LOAD_CORE
from bench.push.swarm import Swarm
from bench.push.work import of_bytes
from tests.drivers.waiting import eventually

#: Clients that connect before the measurement, so that one-time work is not measured.
FIRST: Final = 200
#: Longest duration of a wave, in seconds.
PATIENCE_SECONDS: Final = 60.0


@dataclass
class Shaken:
    """Handshakes with one server; ``got`` is the number of clients that got their snapshot."""

    cpu_seconds: float = 0.0
    clients: int = 0
    got: int = 0

    @property
    def cpu_us_each(self) -> float:
        """CPU time of a complete handshake in microseconds."""
        return self.cpu_seconds / max(1, self.got) * 1e6


def shake(
    servers: Sequence[Open], namespace: str, *, clients: int, waves: int, size: int, first: int = FIRST
) -> list[Shaken]:
    """Connect waves of clients to each server in turn, so that disturbances affect all servers.

    A handshake lasts from TCP's connect to the first snapshot; disconnects are not measured.
    """
    os.sched_setaffinity(0, {LOAD_CORE})
    found = [Shaken() for _ in servers]
    servers[0].publish(of_bytes(size).publication(0))
    for server in servers:
        _wave(server, namespace, first)
    for _ in range(waves):
        for server, shaken in zip(servers, found, strict=True):
            taken, got = _wave(server, namespace, clients)
            shaken.cpu_seconds += taken
            shaken.clients += clients
            shaken.got += got
    return found


def _wave(server: Open, namespace: str, clients: int) -> tuple[float, int]:
    """Return the server's CPU seconds, and the snapshots that arrived."""
    swarm = Swarm(server.port, connect=server.connect_packet(namespace), cookies=server.cookies)
    swarm.begin_measuring(0)
    try:
        before = server.cpu_seconds()
        swarm.connect(clients, within_seconds=PATIENCE_SECONDS)
        until = time.monotonic() + PATIENCE_SECONDS
        while swarm.received < clients - swarm.failed and time.monotonic() < until:
            swarm.poll(0.1)
        return server.cpu_seconds() - before, swarm.received
    finally:
        swarm.close()
        eventually(lambda: server.clients() == 0, within_seconds=PATIENCE_SECONDS, what="no client left")
