"""The processes of the benchmark: the exporters, and a collector of one release with a Redis of its own."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
import psutil

from bench.collector.exporters import Stats
from bench.collector.rounds import RedisRounds
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.rest import Rest
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

#: Core of the collector, and core of everything else.
COLLECTOR_CORE: Final = 0
LOAD_CORE: Final = (os.cpu_count() or 1) - 1
INTERVAL_SECONDS: Final = 2.0
#: Scrapes of each node before a measurement.
FIRST_SCRAPES: Final = 8
_START_SECONDS: Final = 60.0


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of all threads of a process, in a resolution of nanoseconds."""
    # The clock id of clock_getcpuclockid(3) on Linux. The times in /proc have ticks of ten milliseconds.
    return time.clock_gettime((~pid << 3) | 2)


class ExporterProcess:
    """The process of the exporters of all nodes, as a context."""

    def __init__(self, nodes: int, size: str, folder: Path) -> None:
        """``folder``: an existing folder for the targets file."""
        self.targets = folder / f"nodes-{nodes}-{size}.yaml"
        self.nodes = nodes
        control_port = free_port()
        self._process = Process("exporters", [
            sys.executable, "-m", "bench.collector.exporters", "--nodes", str(nodes), "--size", size,
            "--port", str(free_port()), "--control-port", str(control_port), "--write-targets", str(self.targets),
        ])  # fmt: skip
        self._rest = Rest(f"http://127.0.0.1:{control_port}")

    def __enter__(self) -> Self:
        self.targets.unlink(missing_ok=True)
        self._process.start()
        try:
            eventually(self._is_ready, within_seconds=_START_SECONDS, what="the exporters' targets file")
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rest.close()
        self._process.kill()

    def _is_ready(self) -> bool:
        if not self._process.running:
            raise RuntimeError(f"the exporters have ended:\n{self._process.log()}")
        return self.targets.exists()

    def stats(self) -> Stats:
        """Return what the server did, and begin its next period."""
        return msgspec.convert(self._rest.json("/stats"), Stats)

    def reset(self) -> None:
        """Forget the scrapes."""
        self._rest.json("/reset")


class Collector:
    """A running collector of the release in ``tree``, with a Redis of its own, as a context."""

    def __init__(self, tree: Path, targets: Path) -> None:
        self._stack = ExitStack()
        self.valkey = Valkey()
        self._process = Process("collector", [sys.executable, "-P", "-m", "collector"], {
            "PYTHONPATH": f"{tree}:{tree / 'services'}", "REDIS_URL": self.valkey.url,
            "COLLECTOR_PORT": str(free_port()), "COLLECTOR_TARGETS": str(targets),
            "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
        })  # fmt: skip

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.callback(self.valkey.stop)
            self.valkey.start()
            self.rounds = RedisRounds(self.valkey.client())
            self._stack.callback(self.rounds.close)
            self._stack.callback(self._process.kill)
            self._process.start()
            # At once, so that the threads that the collector starts have the same core.
            psutil.Process(self._process.pid).cpu_affinity([COLLECTOR_CORE])
            eventually(self._has_published, within_seconds=_START_SECONDS, what="the collector's first round")
            self._running = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Killed: a collector that has more nodes than its core can scrape may take longer than a run to end.
        self._running.close()

    def _has_published(self) -> bool:
        self.check()
        return bool(self.rounds.arrivals)

    def check(self) -> None:
        """Check that the process runs.

        Raises:
            RuntimeError: the process has ended; the text has its log.
        """
        if not self._process.running:
            raise RuntimeError(f"the collector has ended:\n{self._process.log()}")

    def cpu_seconds(self) -> float:
        """Return the CPU time since the start."""
        return cpu_seconds(self._process.pid)

    def rss_bytes(self) -> int:
        """Return the resident memory."""
        return int(psutil.Process(self._process.pid).memory_info().rss)


def settle(exporters: ExporterProcess, collector: Collector, within_seconds: float) -> bool:
    """Wait until the collector has scraped every node often enough; return whether that happened in time.

    The first scrapes cost more: they connect, compare the exporter's families, and make a template.
    """
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        collector.check()
        if exporters.stats().fewest >= FIRST_SCRAPES:
            return True
        time.sleep(0.25)
    return False
