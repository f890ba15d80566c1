"""The effect of an attack from one address on other clients.

``python -m bench.attacks [--quick] [--only WORD] [--gateway haproxy] [--write FILE]`` measures each attack, and the
same time without the attack.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.attacks.attackers import ATTACKS, Target
from bench.attacks.installation import installed
from bench.attacks.others import Others
from bench.push.measure import percentile_ms
from bench.push.report import Chapter, Table, machine, write
from tests.drivers.closed_stack import PASSWORD, ClosedStack, port_of
from tests.drivers.rest import Rest

INTRODUCTIONS: Final = {name: Path(__file__).parent / f"introduction_{name}.md" for name in ("local", "haproxy")}
OTHERS: Final = 20
#: Seconds before a measurement, and seconds in which an attack must begin.
BEGIN_SECONDS: Final = 3.0
ATTACKER_NICE: Final = 5
#: Memory limit in compose in MiB by process; the gateway of local mode is a push replica as well.
LIMITS_MIB: Final = {"api": 256, "gateway": 512, "haproxy": 256, "ws1": 512, "collector": 256}


def memory_mib(pid: int) -> int:
    """Return the approximate peak of the memory of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    peak = Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    return int(peak) // 1024 + sum(map(memory_mib, map(int, children)))


@contextmanager
def attacking(name: str, target: Target) -> Iterator[None]:
    """Run an attack in a separate process."""

    def run() -> None:
        os.nice(ATTACKER_NICE)
        ATTACKS[name].run(target)

    process = multiprocessing.get_context("fork").Process(target=run, daemon=True)
    process.start()
    try:
        yield
    finally:
        if process.exitcode is not None:
            raise RuntimeError(f"the attack stopped early: {name}")
        process.kill()
        process.join()


class Bench:
    """Measures each attack in a new installation."""

    def __init__(self, gateway: str, *, quick: bool) -> None:
        self._gateway = gateway
        self._seconds = 5.0 if quick else 20.0
        self.out = Chapter()
        self.out.add_line(f"Measured {machine()}; {self._seconds:.0f} s without and with each attack.")
        self.out.add_line("")
        self._table = Table(
            self.out,
            "attack",
            "a push, p99 / longest, ms",
            "longest without a push, ms",
            "`/api/health`, p95, ms",
            "ratio",
            "`/`, p95, ms",
            "ratio",
            "memory, MiB",
        )

    def run(self, names: Iterable[str]) -> None:
        """Measure the attacks; print the table."""
        for name in names:
            with installed(self._gateway, ATTACKS[name].nodes) as installation:
                self._row(name, *installation)

    def _row(self, name: str, stack: ClosedStack, edge: Rest, more_targets: Path) -> None:
        port = port_of(edge)
        person = stack.signed_in(edge)
        user = "ada" if "known user" in name else "mallory"
        target = Target(port, stack.seal.cookie, user, PASSWORD, stack.add_token("publisher", "publish"), more_targets)
        others = Others(port, person.cookie, OTHERS)
        others.start()
        try:
            time.sleep(BEGIN_SECONDS)
            others.forget()
            time.sleep(self._seconds)
            alone = others.health, others.pages
            others.forget()
            with attacking(name, target):
                time.sleep(BEGIN_SECONDS + self._seconds)
                pushes, gap, beside = others.pushes, others.longest_gap(), (others.health, others.pages)
        finally:
            others.stop()
        cells = [f"{percentile_ms(pushes, 99):.0f} / {max(pushes) / 1e6:.0f}", f"{gap / 1e6:.0f}"]
        for before, during in zip(alone, beside, strict=True):
            cells.append(f"{percentile_ms(before, 95):.0f} → {percentile_ms(during, 95):.0f}")
            cells.append(f"{percentile_ms(during, 95) / percentile_ms(before, 95):.1f}")
        measured = {process.name: process.pid for process in stack.processes if process.name in LIMITS_MIB}
        memory = (f"{process} {memory_mib(pid)} of {LIMITS_MIB[process]}" for process, pid in measured.items())
        cells.append(", ".join(memory))
        self._table.row(name, *cells)
        for failure, count in Counter(others.failures).most_common(5):
            print(f"  {count} × {failure}", flush=True)


def main() -> int:
    """Run the measurements; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 seconds per attack instead of 20")
    parser.add_argument("--only", default="", help="only attacks with this word in their name")
    parser.add_argument("--gateway", choices=INTRODUCTIONS, default="local", help="gateway of the services")
    parser.add_argument("--write", type=Path, help="write the table into this file")
    options = parser.parse_args()
    bench = Bench(options.gateway, quick=options.quick)
    bench.run(name for name in ATTACKS if options.only in name)
    if options.write:
        write(options.write, [INTRODUCTIONS[options.gateway].read_text(), *bench.out])
    return 0


if __name__ == "__main__":
    sys.exit(main())
