"""Compare the cost of a scrape: ``python -m bench.collector [--quick] [--write docs/benchmarks.md]``.

The last release, this release, and the parser of prometheus_client read the same expositions. With ``--minutes``, this
release runs alone for that time, with a replica and a page; the exit code is 1 if a round is missing or data are too
old.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.collector.compare import HEADS, add_reader_rows, add_rows, alternate, read_times
from bench.collector.endurance import endure
from bench.collector.expositions import SIZES
from bench.collector.processes import INTERVAL_SECONDS, LOAD_CORE, ExporterProcess
from bench.push.report import Chapter, Table, machine, write
from tests.drivers.last_release import lay_out_last_release
from tests.drivers.process import ROOT

#: Text before the tables in a file.
INTRODUCTION: Final = Path(__file__).parent / "introduction.md"

NODES: Final = (1000, 4000)
#: Length of a period, and runs of each release.
SECONDS: Final = 10.0
RUNS: Final = 3
#: More runs where the nodes fit on a core, fewer where the first scrapes of all nodes take long. Together with these
#: runs, the whole benchmark takes a quarter of an hour.
OTHER_RUNS: Final = {(1000, "31"): 5, (4000, "5.5"): 5, (4000, "31"): 1, (1000, "104"): 1, (4000, "104"): 1}
#: Runs of the readers.
READER_RUNS: Final = 2
QUICK_NODES: Final = 200
QUICK_SECONDS: Final = 4.0


class Bench:
    """The tables of all sizes."""

    def __init__(self, folder: Path) -> None:
        self.out = Chapter()
        self._folder = folder
        previous = folder / "previous"
        lay_out_last_release(previous)
        self._trees = {"last release": previous, "this release": ROOT}

    def add_size(self, size: str, counts: Sequence[int], runs: int | None, seconds: float) -> None:
        """Measure the collectors with expositions of this size, and the readers of an exposition."""
        self.out.add_line(f"\n### Expositions of {size} KB\n")
        table = Table(self.out, *HEADS)
        for nodes in counts:
            with ExporterProcess(nodes, size, self._folder) as exporters:
                times = runs or OTHER_RUNS.get((nodes, size), RUNS)
                add_rows(table, nodes, alternate(self._trees, exporters, times, seconds))
        add_reader_rows(table, read_times(self._trees, size, min(runs or READER_RUNS, READER_RUNS), self._folder))


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, help=f"nodes (default: {' and '.join(map(str, NODES))})")
    parser.add_argument("--sizes", default=",".join(SIZES), help="lengths of expositions in KB, with commas")
    parser.add_argument("--seconds", type=float, help=f"length of a period (default: {SECONDS:g})")
    parser.add_argument("--runs", type=int, help="runs of each release (default: 3, 5 in the rows with a goal)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_NODES} nodes, one run of {QUICK_SECONDS:g} s")
    parser.add_argument("--minutes", type=float, help="run this release alone for this time, with 5.5 KB by default")
    parser.add_argument("--write", type=Path, help="write the tables into this file")
    options = parser.parse_args(arguments)
    if options.minutes and options.write:
        parser.error("--write does not write the result of --minutes")
    options.sizes = options.sizes.split(",")
    unknown = [size for size in options.sizes if size not in SIZES]
    if unknown:
        parser.error(f"--sizes {unknown[0]}: the sizes are {', '.join(SIZES)}")
    return options


def main() -> int:
    """Run the measurements; return the exit code."""
    options = options_of(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # leaves all contexts, like Ctrl-C
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory(prefix="bench-collector-") as name:
        folder = Path(name)
        if options.minutes:
            size = options.sizes[0]
            with ExporterProcess(options.nodes or NODES[-1], size, folder) as exporters:
                return endure(exporters, size, 60 * options.minutes)
        bench = Bench(folder)
        quick_nodes = QUICK_NODES if options.quick else None
        nodes = options.nodes or quick_nodes
        counts = NODES if nodes is None else (nodes,)
        runs = options.runs or (1 if options.quick else None)
        seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
        bench.out.add_line(
            f"Measured {machine()}; `make bench-collector`; rounds every {INTERVAL_SECONDS:g} s, "
            f"periods of {seconds:g} s."
        )
        for size in options.sizes:
            bench.add_size(size, counts, runs, seconds)
    if options.write:
        write(options.write, [INTRODUCTION.read_text(), *bench.out])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
