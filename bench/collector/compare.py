"""Measure the collectors of two releases alternately, and readers of one exposition."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.collector.expositions import Kind
from bench.collector.processes import (
    COLLECTOR_CORE,
    FIRST_SCRAPES,
    INTERVAL_SECONDS,
    Collector,
    ExporterProcess,
    settle,
)
from bench.collector.readers import FULL, PROMETHEUS_CLIENT
from bench.collector.rounds import count_rounds
from bench.push.report import Table

#: The exporters may limit the result above this share of their core, or above this lateness of their loop (99th
#: percentile).
BUSY: Final = 0.8
LATE_MS: Final = 50.0
#: Longest time before a measurement, in which the collector makes the first scrapes of every node.
SETTLE_SECONDS: Final = 75.0
#: Successive expositions, two seconds apart, that a reader reads in turn.
READ_EXPOSITIONS: Final = 20
_READERS: Final = Path(__file__).with_name("readers.py")


@dataclass(frozen=True)
class Run:
    """One period of one collector."""

    seconds: float
    cpu_seconds: float
    scrapes: int
    rss_bytes: int
    rounds_expected: int
    rounds_published: int
    #: Age of the oldest value when a round arrived, in seconds.
    oldest: float
    #: Most nodes without values in a round.
    without_values: int
    #: Whether every node had its first scrapes before the period.
    is_settled: bool
    #: Share of their core that the exporters used, and lateness of their loop.
    exporters_share: float
    exporters_late_ms: float

    @property
    def share(self) -> float:
        """Return the share of a core that the collector used."""
        return self.cpu_seconds / self.seconds

    @property
    def scrape_us(self) -> float:
        """Return the CPU time for each scrape, including the work of the rounds."""
        return self.cpu_seconds / max(1, self.scrapes) * 1e6


def measure(tree: Path, exporters: ExporterProcess, seconds: float) -> Run:
    """Run the collector of the release in ``tree`` and measure one period."""
    exporters.reset()
    with Collector(tree, exporters.targets) as collector:
        is_settled = settle(exporters, collector, SETTLE_SECONDS)
        before, cpu, began = exporters.stats(), collector.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        after, used, ended = exporters.stats(), collector.cpu_seconds() - cpu, time.monotonic()
        collector.check()
        rounds = count_rounds(collector.rounds.arrivals, began, ended, INTERVAL_SECONDS)
        return Run(
            seconds=ended - began,
            cpu_seconds=used,
            scrapes=after.answers - before.answers,
            rss_bytes=collector.rss_bytes(),
            rounds_expected=rounds.expected,
            rounds_published=rounds.published,
            oldest=rounds.oldest,
            without_values=rounds.without_values,
            is_settled=is_settled,
            exporters_share=(after.cpu_seconds - before.cpu_seconds) / (ended - began),
            exporters_late_ms=after.late_ms,
        )


def alternate(trees: Mapping[str, Path], exporters: ExporterProcess, runs: int, seconds: float) -> dict[str, list[Run]]:
    """Measure the releases in turn, several times."""
    found: dict[str, list[Run]] = {name: [] for name in trees}
    for _ in range(runs):
        for name, tree in trees.items():
            found[name].append(measure(tree, exporters, seconds))
    return found


HEADS: Final = (
    *("", "of a core", "µs per scrape", "÷ last release", "RSS MB"),
    *("rounds expected / published / missed", "oldest data, s", ""),
)


def add_rows(table: Table, nodes: int, found: Mapping[str, Sequence[Run]]) -> None:
    """Add a row for each release; the ratio is the median of the ratios of consecutive runs to the first release."""
    first = next(iter(found.values()))
    for name, runs in found.items():
        expected, published = sum(run.rounds_expected for run in runs), sum(run.rounds_published for run in runs)
        ratio = median(run.scrape_us / other.scrape_us for run, other in zip(runs, first, strict=True))
        table.row(
            f"{nodes} nodes, {name}",
            f"{100 * median(run.share for run in runs):.0f} %",
            f"{median(run.scrape_us for run in runs):.0f}",
            "–" if runs is first else f"{ratio:.2f}",
            f"{max(run.rss_bytes for run in runs) / 1e6:.0f}",
            f"{expected} / {published} / {expected - published}",
            f"{max(run.oldest for run in runs):.1f}",
            "; ".join(notes(runs)),
        )


def notes(runs: Sequence[Run]) -> list[str]:
    """Return what limits the figures of these runs."""
    found = []
    share, late = max(run.exporters_share for run in runs), max(run.exporters_late_ms for run in runs)
    if share > BUSY:
        found.append(f"**the exporters were the bottleneck** ({share:.0%} of their core)")
    elif late > LATE_MS:
        found.append(f"**the exporters answered late** ({late:.0f} ms): the machine was busy")
    if not all(run.is_settled for run in runs):
        found.append(f"not every node was scraped {FIRST_SCRAPES} times in the first {SETTLE_SECONDS:.0f} s")
    without = max(run.without_values for run in runs)
    if without:
        found.append(f"up to {without} nodes without values")
    return found


def read_times(trees: Mapping[str, Path], size: str, runs: int, folder: Path) -> dict[str, dict[str, float]]:
    """Return the CPU time to read one exposition in µs, on the collector's core: by release and reader.

    The releases read in turn, ``runs`` times. ``folder``: an existing folder for the exporters.
    """
    now = time.time()
    kind = Kind(0, size, now)
    files = []
    for number in range(READ_EXPOSITIONS):
        files.append(folder / f"exposition-{size}-{number}")
        files[-1].write_bytes(kind.at(now + number * INTERVAL_SECONDS).text(0))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    for _ in range(runs):
        for name, tree in trees.items():
            found[name].append(_read(tree, files))
    return {
        name: {reader: median(each[reader] for each in times) for reader in times[0]} for name, times in found.items()
    }


def _read(tree: Path, files: Sequence[Path]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-P", str(_READERS), *map(str, files)],
        env={**os.environ, "PYTHONPATH": f"{tree}:{tree / 'services'}"},
        preexec_fn=lambda: os.sched_setaffinity(0, {COLLECTOR_CORE}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    times: dict[str, float] = json.loads(done.stdout)
    return times


def add_reader_rows(table: Table, times: Mapping[str, Mapping[str, float]]) -> None:
    """Add a row for each reader of ours, by release, and a row for the parser of prometheus_client.

    A ratio is to the full reader of the first release.
    """
    first = next(iter(times.values()))[FULL]
    rows = {f"{name}, {reader} reader": us for name, found in times.items() for reader, us in found.items()}
    others = [us for name, us in rows.items() if PROMETHEUS_CLIENT in name]
    rows = {name: us for name, us in rows.items() if PROMETHEUS_CLIENT not in name}
    for name, us in {**rows, PROMETHEUS_CLIENT: median(others)}.items():
        table.row(f"only reading: {name}", "–", f"{us:.0f}", f"{us / first:.2f}", "–", "–", "–", "")
