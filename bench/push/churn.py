"""What is left of clients that came and went."""

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


class Counted(Ours):
    """A replica that can be asked what lives in it."""

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
        """Live objects by type."""
        return self._counts.ask(self._measured().pid)


@dataclass(frozen=True)
class Churned:
    """RSS: fresh, with the clients of the first wave, after the second, after the last; and what has grown since."""

    fresh: int
    full: int
    after_second: int
    after_last: int
    grown: dict[str, int]
    failed: int


def churn(server: Counted) -> Churned:
    """Let all clients come and go, several times."""
    os.sched_setaffinity(0, {LOAD_CORE})
    fresh, full, failed = server.rss_bytes(), 0, 0
    server.objects()
    rss, counts = [], []
    for wave in range(WAVES):
        # Each wave from an address of its own: the system keeps the ports of the one before for a minute.
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
