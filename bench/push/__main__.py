"""Compare our push path with other servers: ``python -m bench.push [--quick] [--write docs/benchmarks.md]``.

Servers run on one core, the load on the other. A comparison runs the servers alternately, five times each. Each figure
is the median of the five runs, and each ratio is the median of the ratios of the five pairs. Latency samples of all
runs are merged. The deliveries to a client that could not connect count as missing.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from bench.push.beside_api import beside_api
from bench.push.churn import CLIENTS, WAVES, CountedReplica, churn
from bench.push.delta import bytes_per_round
from bench.push.measure import BUSY, Connected, Pushed, connect, percentile_ms, push
from bench.push.report import Chapter, Table, machine, write
from bench.push.servers import (
    AsgiEmit,
    EventletEmit,
    Floor,
    Node,
    NodeDeflate,
    Ours,
    OursOnGevent,
    Server,
    valkey,
)
from bench.push.slow import measure_slow
from tests.prepare import NODE_PEER, get_packages

#: Text before the tables in a file.
INTRODUCTION = Path(__file__).parent / "introduction.md"

SMALL, LARGE = 1_100, 110_000
PARTS = ["deliveries", "compression", "connections", "deltas", "slow", "churn", "api"]


class Bench:
    """All measurements, and the chapter with their results."""

    def __init__(self, redis_url: str, runs: int, seconds: float) -> None:
        self._url = redis_url
        self._runs = runs
        self._seconds = seconds
        self.out = Chapter()

    def alternate(self, *measures: Callable[[], Pushed]) -> list[list[Pushed]]:
        """Run the measurements alternately; return the runs of each measurement."""
        found: list[list[Pushed]] = [[] for _ in measures]
        for _ in range(self._runs):
            for runs, measure in zip(found, measures, strict=True):
                runs.append(measure())
        return found

    def pushed(self, kind: type[Server], **how: object) -> Callable[[], Pushed]:
        """Return a function that measures one run of a server."""

        def measure() -> Pushed:
            with kind(self._url) as server:
                return push(server, clients=1000, seconds=self._seconds, **how)  # type: ignore[arg-type]

        return measure

    def deliveries(self) -> None:
        """Measure CPU time and latency of deliveries."""
        for rate, kinds in (
            (40, (Ours, OursOnGevent, Floor, Node)),
            (20, (Ours, OursOnGevent, Floor, Node, EventletEmit)),
        ):
            self.out.add_line(f"\n### 1000 clients, 1.1 KB, {rate} a second\n")
            found = self.alternate(*(self.pushed(kind, rate=rate, size=SMALL) for kind in kinds))
            self._table(kinds, found)
        self.out.add_line("\n### Default settings, one run (1000 clients, 1.1 KB, 20 a second)\n")
        self._table((AsgiEmit,), [[self.pushed(AsgiEmit, rate=20, size=SMALL)()]])

    def compression(self) -> None:
        """Measure CPU time and bytes with and without compression."""
        for size, name, rate in ((SMALL, "1.1 KB", 40), (LARGE, "110 KB", 2)):
            self.out.add_line(f"\n### 1000 clients, {name}, {rate} a second, permessage-deflate\n")
            measures = [self.pushed(Ours, rate=rate, size=size, deflate=offered) for offered in (False, True)]
            measures.append(self.pushed(Node, rate=rate, size=size))
            plain, deflated, node = self.alternate(*measures)
            table = Table(self.out, "", "CPU µs per delivery", "bytes per delivery", "p99 ms")
            for what, runs in (
                ("ours, not offered", plain),
                ("ours, offered", deflated),
                ("Node, default settings", node),
            ):
                table.row(
                    what,
                    f"{median_cpu(runs):.1f}",
                    f"{runs[0].wire_bytes_per_delivery:.0f}",
                    f"{percentile(runs, 99):.1f}",
                )
            shares = f"CPU {ratio(deflated, plain):.2f}, bytes {median_bytes(deflated) / median_bytes(plain):.3f}"
            self.out.add_line(f"\nOffered ÷ not: {shares}.")
        self.out.add_line("\nNode with `perMessageDeflate` on, one run at 1.1 KB, 20 a second:\n")
        self._table((NodeDeflate,), [[self.pushed(NodeDeflate, rate=20, size=SMALL, deflate=True)()]])

    def connections(self) -> None:
        """Measure the time to connect and the memory of idle connections."""
        self.out.add_line("\n### 4000 connections\n")
        table = Table(self.out, "server", "connected in s", "a second", "failed", "RSS KB each", "with deflate offered")
        kinds: Sequence[type[Server]] = (Ours, OursOnGevent, Node)
        runs: dict[type[Server], list[Connected]] = {kind: [] for kind in kinds}
        for _ in range(self._runs):
            for kind in kinds:
                with kind(self._url) as server:
                    runs[kind].append(connect(server, clients=4000))
        for kind in (EventletEmit, AsgiEmit):
            with kind(self._url) as server:
                runs[kind] = [connect(server, clients=4000)]
        for kind, found in runs.items():
            with kind(self._url) as server:
                offered = connect(server, clients=4000, deflate=True)
            seconds, each = median(run.seconds for run in found), median(run.rss_bytes_each for run in found)
            failed = sum(run.failed for run in found)
            table.row(
                kind.name, f"{seconds:.2f}", f"{4000 / seconds:.0f}", str(failed), f"{each / 1000:.1f}",
                f"{offered.rss_bytes_each / 1000:.1f}",
            )  # fmt: skip
        for name, of, to in (("Ours ÷ Node", Ours, Node), ("Ours on gevent ÷ ours", OursOnGevent, Ours)):
            pairs = list(zip(runs[of], runs[to], strict=True))
            self.out.add_line(
                f"\n{name}: time {median(a.seconds / b.seconds for a, b in pairs):.2f}, "
                f"RSS {median(a.rss_bytes_each / b.rss_bytes_each for a, b in pairs):.2f}."
            )

    def deltas(self) -> None:
        """Measure the bytes of a large cluster's round."""
        self.out.add_line("\n### A round of 1000 nodes, bytes for one client\n")
        table = Table(
            self.out, "changed values", "snapshot", "delta", "delta ÷ snapshot", "snapshot, deflate", "delta, deflate"
        )
        for name, found in bytes_per_round():
            table.row(
                name, str(found.whole), str(found.delta), f"{found.delta / found.whole:.3f}",
                str(found.whole_deflated), str(found.delta_deflated),
            )  # fmt: skip

    def slow(self) -> None:
        """Measure the other clients while some clients do not read."""
        self.out.add_line("\n### 50 of 1000 clients stop reading (11 KB, 20 a second)\n")
        with Ours(self._url) as server:
            found = measure_slow(server)
        table = Table(self.out, "", "before", "while they are behind")
        table.row("p99 of the others, ms", f"{found.before_ms:.1f}", f"{found.while_ms:.1f}")
        table.row("RSS MB", f"{found.rss_before / 1e6:.1f}", f"{found.rss_most / 1e6:.1f}")
        grown = found.rss_most - found.rss_before
        self.out.add_line(
            f"\np99 ratio {found.while_ms / found.before_ms:.2f}; RSS grew {grown / 1e6:.1f} MB; "
            f"closed as slow: {found.closed}; live again when they read: {found.recovered}."
        )

    def churn(self) -> None:
        """Measure the memory that remains after many clients have disconnected."""
        self.out.add_line(f"\n### {WAVES} times {CLIENTS} connections\n")
        with CountedReplica(self._url) as server:
            found = churn(server)
        table = Table(self.out, "", "RSS MB")
        table.row("fresh", f"{found.fresh / 1e6:.1f}")
        table.row(f"{CLIENTS} connected", f"{found.full / 1e6:.1f}")
        table.row("after the second time", f"{found.after_second / 1e6:.1f}")
        table.row("after the last", f"{found.after_last / 1e6:.1f}")
        self.out.add_line(
            f"\nRSS KB each {(found.full - found.fresh) / CLIENTS / 1000:.2f}; "
            f"last ÷ second {found.after_last / found.after_second:.3f}; "
            f"types with more objects: {found.grown or 'none'}; failed to connect: {found.failed}."
        )

    def api(self) -> None:
        """Measure push latency in the local mode while a client sends requests to the api without a pause."""
        self.out.add_line(
            "\n### Local mode, 1000 nodes, 100 clients of deltas: one client requests all nodes and history in a loop\n"
        )
        pairs = beside_api(self._url, self._runs)
        table = Table(self.out, "", "alone", "beside the requests")
        table.row(
            "p99 ms",
            f"{median(pair.alone_ms for pair in pairs):.1f}",
            f"{median(pair.beside_ms for pair in pairs):.1f}",
        )
        worse = median(pair.beside_ms / pair.alone_ms for pair in pairs)
        self.out.add_line(
            f"\nRatio {worse:.2f}; requests answered in a run: {median(pair.answered for pair in pairs):.0f}."
        )

    def _table(self, kinds: Sequence[type[Server]], found: list[list[Pushed]]) -> None:
        table = Table(
            self.out, "server", "CPU µs per delivery", "p50 ms", "p99 ms", "arrived", "ours ÷ other: CPU", "p99"
        )
        ours = found[0] if kinds[0] is Ours else None
        for kind, runs in zip(kinds, found, strict=True):
            busy = max(run.load_share for run in runs)
            arrived = min(run.arrived for run in runs)
            name = kind.name + (f" (load side busy: {busy:.0%})" if busy > BUSY else "")
            if not arrived:  # no figures for a server that is overloaded from the beginning
                table.row(name, "–", "–", "–", f"{arrived:.1%}", "–", "–")
                continue
            compared = "–", "–"
            if ours is not None and runs is not ours:
                p99 = median(
                    percentile_ms(a.latencies_ns, 99) / percentile_ms(b.latencies_ns, 99)
                    for a, b in zip(ours, runs, strict=True)
                )
                compared = f"{ratio(ours, runs):.2f}", f"{p99:.2f}"
            table.row(
                name,
                f"{median_cpu(runs):.1f}",
                f"{percentile(runs, 50):.1f}",
                f"{percentile(runs, 99):.1f}",
                f"{arrived:.1%}",
                *compared,
            )


def median_cpu(runs: Sequence[Pushed]) -> float:
    """Return the median of the CPU time per delivery in µs."""
    return median(run.cpu_us_per_delivery for run in runs)


def median_bytes(runs: Sequence[Pushed]) -> float:
    """Return the median of the bytes per delivery."""
    return median(run.wire_bytes_per_delivery for run in runs)


def percentile(runs: Sequence[Pushed], percent: float) -> float:
    """Return a percentile of the samples of all runs in ms."""
    return percentile_ms([sample for run in runs for sample in run.latencies_ns], percent)


def ratio(ours: Sequence[Pushed], others: Sequence[Pushed]) -> float:
    """Return the median of the ratios of CPU time, pair by pair."""
    return median(a.cpu_us_per_delivery / b.cpu_us_per_delivery for a, b in zip(ours, others, strict=True))


def main() -> int:
    """Run the measurements; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of each measurement instead of five")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--write", type=Path, help="write the tables into this file")
    options = parser.parse_args()
    get_packages(NODE_PEER, "Node's Socket.IO")
    with valkey() as store:
        bench = Bench(store.url, runs=1 if options.quick else 5, seconds=3 if options.quick else 5)
        bench.out.add_line(f"Measured {machine()}; `make bench`.")
        for name in [options.only] if options.only else PARTS:
            getattr(bench, name)()
    if options.write:
        write(options.write, [INTRODUCTION.read_text(), *bench.out])
    return 0


if __name__ == "__main__":
    sys.exit(main())
