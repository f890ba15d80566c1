"""Compare the cost of scraping between this collector and the last release's, with the same simulated nodes.

``python -m bench.collector [--nodes 1000] [--seconds 20] [--simulate ARGUMENTS]`` prints a Markdown table. The two
collectors run at the same time on one core, so that disturbances affect both; the simulator has another core.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
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

#: Number of measured periods.
PERIODS: Final = 5
INTERVAL_SECONDS: Final = 2.0
#: Seconds before the measurement, in which a collector scrapes every node.
BEGIN_SECONDS: Final = 6.0


@dataclass(frozen=True)
class State:
    """Resources and rounds of a collector since its start."""

    cpu_seconds: float
    rounds: int
    memory_mib: int


class Collector:
    """A collector of the release in ``tree``, with a Redis of its own."""

    def __init__(self, tree: Path, targets: Path) -> None:
        self._valkey = Valkey()
        self._valkey.start()
        port = free_port()
        self._process = Process("collector", [sys.executable, "-P", "-m", "collector"], {
            "PYTHONPATH": f"{tree}:{tree / 'services'}", "REDIS_URL": self._valkey.url, "COLLECTOR_PORT": str(port),
            "COLLECTOR_TARGETS": str(targets), "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
        })  # fmt: skip
        self._process.start()
        self._rest = Rest(f"http://127.0.0.1:{port}")
        self._measured = psutil.Process(self._process.pid)
        self._measured.cpu_affinity([0])

    def wait_until_ready(self) -> None:
        """Wait until the first round is published."""
        eventually(lambda: self._rest.status("/readyz") == 200, within_seconds=60, what="the collector is ready")

    def state(self) -> State:
        """Return the present resources and rounds."""
        with self._valkey.client() as client:
            rounds = int(client.hget(EPOCH_KEY, "seq") or 0)
        return State(sum(self._measured.cpu_times()[:2]), rounds, self._measured.memory_info().rss // 2**20)

    def stop(self) -> None:
        """Stop the collector and its Redis."""
        self._rest.close()
        self._process.stop()
        self._valkey.stop()


def main() -> int:
    """Measure both collectors and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000, help="simulated nodes")
    parser.add_argument("--seconds", type=float, default=20.0, help=f"length of each of the {PERIODS} periods")
    parser.add_argument("--simulate", default="", help="further arguments of the simulator")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-collector-"))
    previous, targets = folder / "previous", folder / "nodes.yaml"
    lay_out_last_release(previous)
    simulator = Process("simulator", [
        sys.executable, "-m", "simulator", "--nodes", str(options.nodes), "--port", "0",
        "--write-targets", str(targets), *options.simulate.split(),
    ])  # fmt: skip
    simulator.start()
    try:
        psutil.Process(simulator.pid).cpu_affinity([(os.cpu_count() or 1) - 1])
        eventually(targets.exists, within_seconds=60, what="the simulator's targets file")
        print(
            f"Measured {machine()}; {options.nodes} nodes every {INTERVAL_SECONDS:g} s, "
            f"the median of {PERIODS} periods of {options.seconds:g} s.\n"
        )
        compare({"the last release": previous, "this one": ROOT}, targets, options)
    finally:
        simulator.stop()
    return 0


def compare(trees: dict[str, Path], targets: Path, options: argparse.Namespace) -> None:
    """Measure the collectors of all trees together; print a row for each."""
    with ExitStack() as stack:
        collectors = {name: Collector(tree, targets) for name, tree in trees.items()}
        for collector in collectors.values():
            stack.callback(collector.stop)
        for collector in collectors.values():
            collector.wait_until_ready()
        time.sleep(BEGIN_SECONDS)
        states = [{name: collector.state() for name, collector in collectors.items()}]
        for _ in range(PERIODS):
            time.sleep(options.seconds)
            states.append({name: collector.state() for name, collector in collectors.items()})
    shares = {
        name: [
            (after[name].cpu_seconds - before[name].cpu_seconds) / options.seconds for before, after in pairwise(states)
        ]
        for name in collectors
    }
    first = next(iter(shares.values()))
    table = Table([], "collector", "of a core", "ms per scrape", "ratio", "memory, MiB", "rounds missed")
    for name, measured in shares.items():
        share = median(measured)
        expected = int(PERIODS * options.seconds / INTERVAL_SECONDS) - 1
        table.row(
            name,
            f"{100 * share:.0f} %",
            f"{1000 * share * INTERVAL_SECONDS / options.nodes:.2f}",
            f"{median(mine / other for mine, other in zip(measured, first, strict=True)):.2f}",
            str(states[-1][name].memory_mib),
            str(max(0, expected - (states[-1][name].rounds - states[0][name].rounds))),
        )


if __name__ == "__main__":
    sys.exit(main())
