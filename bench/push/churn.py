"""Memory of a replica after many clients have disconnected."""

import os
import sys
import time
from collections import Counter
from dataclasses import dataclass

from bench.push.servers import LOAD_CORE, Ours
from bench.push.swarm import Swarm
from tests.drivers.object_counts import PROGRAM, ObjectCounts, grown
from tests.drivers.waiting import eventually

CLIENTS, WAVES = 15_000, 10


class CountedReplica(Ours):
    """A replica that counts its objects."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(redis_url)
        self._counts = ObjectCounts()

    def command(self) -> list[str]:
        """See ``Server``."""
        return [sys.executable, "-c", PROGRAM]

    def environment(self) -> dict[str, str]:
        """See ``Server``."""
        return super().environment() | self._counts.environment

    def objects(self) -> Counter[str]:
        """Return the number of live objects by type."""
        return self._counts.ask(self._measured().pid)


@dataclass(frozen=True)
class Churned:
    """RSS in bytes at the start, with the first wave, after the second and the last wave; types that have grown."""

    fresh: int
    full: int
    after_second: int
    after_last: int
    grown: dict[str, int]
    failed: int


def churn(server: CountedReplica) -> Churned:
    """Connect and disconnect all clients several times."""
    os.sched_setaffinity(0, {LOAD_CORE})
    fresh, full, failed = server.rss_bytes(), 0, 0
    server.objects()
    rss, counts = [], []
    for wave in range(WAVES):
        # Each wave has another address: the system keeps the ports of the previous wave for a minute.
        swarm = Swarm(server.port, deflate=bool(wave % 2), source=f"127.0.0.{wave + 2}")
        swarm.connect(CLIENTS, within_seconds=120)
        swarm.run(2)
        failed += swarm.failed
        full = full or server.rss_bytes()
        swarm.close()
        eventually(lambda: server.clients() == 0, within_seconds=60, what="no client left")
        time.sleep(1)
        counts.append(server.objects())
        rss.append(server.rss_bytes())
    return Churned(fresh, full, rss[1], rss[-1], grown(counts[1], counts[-1]), failed)
