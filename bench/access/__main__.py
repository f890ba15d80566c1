"""Measure the cost of closed access for push: ``python -m bench.access [--quick] [--write docs/benchmarks.md]``.

Open and closed servers run in turn, five times, the server on one core and the load on the other. A ratio is the median
of the five ratios of consecutive runs. The exit code is 1 if a ratio is above its bound, or if a client was refused or
missed messages.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

import psutil

from bench.access.handshake import Shaken, shake
from bench.access.replicas import Closed, ClosedToMany, ClosedToPrograms, Open
from bench.push.measure import BUSY, Pushed, push
from bench.push.report import Chapter, Table, machine, write
from bench.push.servers import valkey
from contract.events import MONITORING_NAMESPACE, ROOT_NAMESPACE
from tests.drivers.credentials import Credentials

#: Text before the table in a file.
INTRODUCTION = Path(__file__).parent / "introduction.md"

CLIENTS, SIZE = 1000, 1_100
#: Waves of connecting clients in a run.
WAVES = 5
RATES = (40, 20)
#: Highest cost of closed access, as a multiple of open access.
DELIVERY_BOUND, HANDSHAKE_BOUND = 1.1, 1.3
PARTS = ["deliveries", "handshakes"]

#: The machine is quiet if the CPU usage of all cores over the given seconds is below the given percent.
QUIET_PERCENT, QUIET_SECONDS = 20.0, 5.0
#: Longest wait for a quiet machine, in seconds.
PATIENCE_SECONDS = 1800.0

T = TypeVar("T")


class Bench:
    """All measurements, and their table."""

    def __init__(self, redis_url: str, credentials: Credentials, *, quick: bool, patient: bool) -> None:
        self._url = redis_url
        self._credentials = credentials
        self._rounds, self._seconds = (1, 3.0) if quick else (5, 5.0)
        self._patient = patient
        self.out = Chapter()
        self._table = Table(self.out, "CPU µs of", "open", "closed", "closed ÷ open", "each ratio", "bound", "")
        self.is_within = True

    def deliveries(self) -> None:
        """Measure a message to one client."""
        kinds = (Open, Closed, ClosedToMany)
        for rate in RATES:
            open_, *others = self._runs(partial(self._pushed, kinds, rate))
            for kind, closed in zip(kinds[1:], others, strict=True):
                runs = [*open_, *closed]
                busy = max(run.load_share for run in runs)
                self._row(
                    f"a delivery, {rate} a second: {kind.name}"
                    + (f" (load side busy: {busy:.0%})" if busy > BUSY else ""),
                    [run.cpu_us_per_delivery for run in open_],
                    [run.cpu_us_per_delivery for run in closed],
                    DELIVERY_BOUND,
                    arrived=min(run.arrived for run in runs),
                )

    def handshakes(self) -> None:
        """Measure the connection of a client up to its first snapshot."""
        kinds = (Open, Closed, ClosedToMany, ClosedToPrograms)
        for namespace in (ROOT_NAMESPACE, MONITORING_NAMESPACE):
            open_, *others = self._runs(partial(self._shaken, kinds, namespace))
            for kind, closed in zip(kinds[1:], others, strict=True):
                self._row(
                    f"a handshake, `{namespace}`: {kind.name}",
                    [run.cpu_us_each for run in open_],
                    [run.cpu_us_each for run in closed],
                    HANDSHAKE_BOUND,
                    arrived=min(run.got / run.clients for run in [*open_, *closed]),
                )

    def _runs(self, one_of_each: Callable[[], Sequence[T]]) -> list[tuple[T, ...]]:
        """Run all kinds in turn, several times; return the runs of each kind."""
        rounds = []
        for _ in range(self._rounds):
            if self._patient:
                wait_until_quiet()
            rounds.append(one_of_each())
        return list(zip(*rounds, strict=True))

    def _pushed(self, kinds: Sequence[type[Open]], rate: float) -> list[Pushed]:
        runs = []
        for kind in kinds:
            with self._server(kind) as server:
                runs.append(push(server, clients=CLIENTS, rate=rate, size=SIZE, seconds=self._seconds))
        return runs

    def _shaken(self, kinds: Sequence[type[Open]], namespace: str) -> list[Shaken]:
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(self._server(kind)) for kind in kinds]
            return shake(servers, namespace, clients=CLIENTS, waves=WAVES, size=SIZE)

    def _server(self, kind: type[Open]) -> Open:
        return kind(self._url, self._credentials)

    def _row(self, what: str, open_: Sequence[float], closed: Sequence[float], bound: float, *, arrived: float) -> None:
        ratios = sorted(b / a for a, b in zip(open_, closed, strict=True))
        verdict = "within" if median(ratios) <= bound else "above"
        if arrived != 1:
            verdict = f"only {arrived:.2%} arrived"
        self.is_within &= verdict == "within"
        self._table.row(
            what, f"{median(open_):.1f}", f"{median(closed):.1f}", f"{median(ratios):.2f}",
            " ".join(f"{ratio:.2f}" for ratio in ratios), f"{bound:.1f}", verdict,
        )  # fmt: skip


def wait_until_quiet() -> None:
    """Wait until the machine is quiet, half an hour at most."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while psutil.cpu_percent(QUIET_SECONDS) > QUIET_PERCENT and time.monotonic() < deadline:
        pass


def main() -> int:
    """Measure and print the tables; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of each instead of five")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--patient", action="store_true", help="start each round when the machine is idle")
    parser.add_argument("--write", type=Path, help="replace the table in this page of the documentation")
    options = parser.parse_args()
    measured = f"Measured {machine()}; `make bench-access`."
    print(f"{measured}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="access-") as folder, valkey() as store, store.client() as redis:
        bench = Bench(store.url, Credentials(Path(folder), redis), quick=options.quick, patient=options.patient)
        for name in [options.only] if options.only else PARTS:
            getattr(bench, name)()
    if options.write:
        write(options.write, [INTRODUCTION.read_text(), f"{measured}\n", *bench.out])
    return 0 if bench.is_within else 1


if __name__ == "__main__":
    sys.exit(main())
