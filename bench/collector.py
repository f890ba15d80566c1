"""What scraping costs the collector, beside the last release's, over the same simulated nodes.

``python -m bench.collector [--nodes 1000] [--seconds 20] [--simulate ARGUMENTS]``: the two collectors take turns, one
at a time, on one core; the simulator has the other. Prints a Markdown table.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from bench.push.report import Table, machine
from contract.names import EPOCH_KEY
from tests.drivers.last_release import lay_out_last_release
from tests.drivers.ports import free_port
from tests.drivers.process import ROOT, Process
from tests.drivers.rest import Rest
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

#: How often each collector is measured.
TURNS: Final = 3
INTERVAL_SECONDS: Final = 2.0
#: Seconds that a collector gets to know every node before it is measured.
BEGIN_SECONDS: Final = 6.0


@dataclass(frozen=True)
class Cost:
    """What a collector took while it was measured."""

    #: CPU of the process, of one core.
    share: float
    rounds: int
    memory_mib: int


class Collectors:
    """Starts a collector of either release, measures it, and ends it."""

    def __init__(self, targets: Path, seconds: float) -> None:
        self._targets = targets
        self._seconds = seconds

    def cost(self, tree: Path) -> Cost:
        """Measure the collector of the release in ``tree``."""
        valkey = Valkey()
        valkey.start()
        port = free_port()
        collector = Process("collector", [sys.executable, "-P", "-m", "collector"], {
            "PYTHONPATH": f"{tree}:{tree / 'services'}", "REDIS_URL": valkey.url, "COLLECTOR_PORT": str(port),
            "COLLECTOR_TARGETS": str(self._targets), "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
        })  # fmt: skip
        collector.start()
        rest = Rest(f"http://127.0.0.1:{port}")
        try:
            process = psutil.Process(collector.pid)
            process.cpu_affinity([0])
            eventually(lambda: rest.status("/readyz") == 200, within_seconds=60, what="the collector is ready")
            time.sleep(BEGIN_SECONDS)
            before = self._state(process, valkey)
            began = time.monotonic()
            time.sleep(self._seconds)
            after = self._state(process, valkey)
            share = (after[0] - before[0]) / (time.monotonic() - began)
            return Cost(share, after[1] - before[1], process.memory_info().rss // 2**20)
        finally:
            rest.close()
            collector.stop()
            valkey.stop()

    @staticmethod
    def _state(process: psutil.Process, valkey: Valkey) -> tuple[float, int]:
        """CPU seconds that the process has taken, and rounds that it has published."""
        with valkey.client() as client:
            return sum(process.cpu_times()[:2]), int(client.hget(EPOCH_KEY, "seq") or 0)


def main() -> int:
    """Measure both in turn, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000, help="simulated nodes")
    parser.add_argument("--seconds", type=float, default=20.0, help="time measured, each turn")
    parser.add_argument("--simulate", default="", help="more arguments of the simulator")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-collector-"))
    former, targets = folder / "former", folder / "nodes.yaml"
    lay_out_last_release(former)
    simulator = Process("simulator", [
        sys.executable, "-m", "simulator", "--nodes", str(options.nodes), "--port", "0",
        "--write-targets", str(targets), *options.simulate.split(),
    ])  # fmt: skip
    simulator.start()
    try:
        psutil.Process(simulator.pid).cpu_affinity([(os.cpu_count() or 1) - 1])
        eventually(targets.exists, within_seconds=60, what="the simulator's targets file")
        print(
            f"Measured {machine()}; {options.nodes} nodes every {INTERVAL_SECONDS:g} s, {options.seconds:g} s each.\n"
        )
        compare(Collectors(targets, options.seconds), {"the last release": former, "this one": ROOT}, options)
    finally:
        simulator.stop()
    return 0


def compare(collectors: Collectors, trees: dict[str, Path], options: argparse.Namespace) -> None:
    """Measure each tree's collector in turn; print a row each."""
    costs: dict[str, list[Cost]] = {name: [] for name in trees}
    for _ in range(TURNS):
        for name, tree in trees.items():
            costs[name].append(collectors.cost(tree))
    table = Table([], "collector", "of a core", "ms a scrape", "ratio", "memory, MiB", "rounds missed")
    first = median(cost.share for cost in next(iter(costs.values())))
    for name, measured in costs.items():
        share = median(cost.share for cost in measured)
        missed = sum(max(0, round(options.seconds / INTERVAL_SECONDS) - 1 - cost.rounds) for cost in measured)
        table.row(
            name,
            f"{100 * share:.0f} %",
            f"{1000 * share * INTERVAL_SECONDS / options.nodes:.2f}",
            f"{share / first:.2f}",
            str(max(cost.memory_mib for cost in measured)),
            str(missed),
        )


if __name__ == "__main__":
    sys.exit(main())
