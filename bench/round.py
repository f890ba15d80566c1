"""Compare a replica's own work for a round, without its clients, between this release and the last one.

``python -m bench.round [--nodes 1000 4000] [--runs 7]`` prints a Markdown table. The snapshots are those of a real
collector with simulated nodes. The two releases run in turn.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.push.delta import consecutive_snapshots
from bench.push.report import Chapter, Table, machine
from contract.codec import encode
from tests.drivers.last_release import lay_out_last_release
from tests.drivers.process import ROOT

PARTS: Final = ("check and decode", "compare", "encode", "deflate")
#: Seconds between two rounds of a collector that has time for 4000 nodes.
INTERVAL_SECONDS: Final = 10


def main() -> int:
    """Measure both releases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000, 4000], help="simulated nodes")
    parser.add_argument("--runs", type=int, default=7, help="runs of each release")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-round-") as name:
        folder = Path(name)
        previous = folder / "previous"
        lay_out_last_release(previous)
        out = Chapter()
        out.add_line(
            f"Measured {machine()}; CPU ms, the median of {options.runs} runs. Each node has changed; one client gets "
            "whole snapshots and one gets deltas, both compressed.\n"
        )
        table = Table(out, "nodes", "release", *PARTS, "sum", "ratio", "snapshot, bytes", "delta, bytes")
        for nodes in options.nodes:
            snapshots = [folder / f"{nodes}-{number}.json" for number in range(2)]
            for file, snapshot in zip(snapshots, consecutive_snapshots(2, nodes, INTERVAL_SECONDS), strict=True):
                file.write_bytes(encode(snapshot))
            compare(table, nodes, {"the last one": previous, "this one": ROOT}, snapshots, options.runs)
    return 0


def compare(table: Table, nodes: int, trees: dict[str, Path], snapshots: list[Path], runs: int) -> None:
    """Measure all releases in turn; add a row for each."""
    results: dict[str, list[Any]] = {name: [] for name in trees}
    for _ in range(runs):
        for name, tree in trees.items():
            results[name].append(_measured(tree, snapshots))
    sums = {name: [sum(run["parts"].values()) for run in measured] for name, measured in results.items()}
    first = next(iter(sums.values()))
    for name, measured in results.items():
        table.row(
            str(nodes),
            name,
            *(f"{median(run['parts'][part] for run in measured):.2f}" for part in PARTS),
            f"{median(sums[name]):.1f}",
            f"{median(mine / other for mine, other in zip(sums[name], first, strict=True)):.2f}",
            str(measured[0]["whole_bytes"]),
            str(measured[0]["delta_bytes"]),
        )


def _measured(tree: Path, snapshots: list[Path]) -> Any:
    command = [sys.executable, "-P", str(ROOT / "bench" / "round_parts.py"), *map(str, snapshots)]
    environment = {"PYTHONPATH": f"{tree}:{tree / 'services'}"}
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)


if __name__ == "__main__":
    sys.exit(main())
