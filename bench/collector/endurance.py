"""Run one collector for a long time, with a ws replica and a page, and check that every round arrives in time.

What "old" means here: the age of a value is the time since the exporter wrote the value. The age of a snapshot is the
time since its ``timestamp``, as the pages show it. The oldest value on arrival and the oldest snapshot until the next
arrival are limited. Their sum is about two intervals even with an idle collector: a node that was scraped just after a
round waits one interval for the next round, which a page shows for another interval.
"""

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import websocket

from bench.collector.compare import BUSY, LATE_MS, SETTLE_SECONDS
from bench.collector.processes import FIRST_SCRAPES, INTERVAL_SECONDS, Collector, ExporterProcess, settle
from bench.collector.rounds import Arrival, count_rounds, read_arrival
from bench.push.report import Chapter, Table, machine
from contract.events import EVENT_OF_CHANNEL
from contract.names import METRICS_CHANNEL
from tests.drivers.process import ROOT
from tests.drivers.replica import Replica
from tests.drivers.waiting import eventually

#: Highest age in seconds: of a value when its round arrives, and of the snapshot that a page shows.
OLDEST_SECONDS: Final = 4.0
#: Length of the parts after which the state is printed.
PART_SECONDS: Final = 60.0
_EVENT: Final = f'42["{EVENT_OF_CHANNEL[METRICS_CHANNEL]}",'.encode()


class Page:
    """A client of the namespace ``/`` that keeps the arrivals of snapshots, in a thread."""

    def __init__(self, port: int) -> None:
        self.arrivals: list[Arrival] = []
        self._connection = websocket.create_connection(
            f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket",
            timeout=60,
            suppress_origin=True,
            skip_utf8_validation=True,  # faster; decoding checks the text, too
        )
        self._connection.send("40")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, websocket.WebSocketException):
            while True:
                opcode, data = self._connection.recv_data()
                at = time.monotonic()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    return
                if data == b"2":
                    self._connection.send("3")
                elif data.startswith(_EVENT):
                    self.arrivals.append(read_arrival(data[len(_EVENT) : -1], at))

    def close(self) -> None:
        """Close the connection."""
        self._connection.shutdown()
        self._thread.join(10)


@dataclass(frozen=True)
class Seen:
    """What a subscriber saw in a period; ages in seconds."""

    expected: int
    published: int
    #: Rounds that did not follow the previous round: their ``seq`` was repeated, or left out others.
    out_of_order: int
    #: Age of the oldest value when a round arrived.
    oldest_value: float
    #: Age of the oldest snapshot, and of the oldest value, just before the next round arrived.
    oldest_shown_snapshot: float
    oldest_shown_value: float
    #: Most nodes without values in a round.
    without_values: int

    @property
    def problems(self) -> list[str]:
        """Return which requirements were not met."""
        found = []
        if self.expected > self.published:
            found.append(f"{self.expected - self.published} of {self.expected} rounds are missing")
        if self.out_of_order:
            found.append(f"{self.out_of_order} rounds are repeated or out of order")
        if self.without_values:
            found.append(f"up to {self.without_values} nodes had no values")
        if self.oldest_value > OLDEST_SECONDS:
            found.append(f"values were {self.oldest_value:.2f} s old when they arrived")
        if self.oldest_shown_snapshot > OLDEST_SECONDS:
            found.append(f"a snapshot was {self.oldest_shown_snapshot:.2f} s old before the next arrived")
        return found


def seen(arrivals: Sequence[Arrival], began: float, ended: float) -> Seen:
    """Return what a subscriber with these arrivals saw between two monotonic times."""
    rounds = count_rounds(arrivals, began, ended, INTERVAL_SECONDS)
    before = [arrival for arrival in arrivals if arrival.at <= began][-1:]
    shown = before + [arrival for arrival in arrivals if began < arrival.at <= ended]
    # The last snapshot is shown until the end.
    nexts = [arrival.at for arrival in shown[1:]] + [ended]
    shown_for = [(each, until - each.at) for each, until in zip(shown, nexts, strict=True)] if shown else []
    return Seen(
        expected=rounds.expected,
        published=rounds.published,
        out_of_order=sum(second.seq != first.seq + 1 for first, second in pairwise(shown)),
        oldest_value=rounds.oldest,
        oldest_shown_snapshot=max((each.snapshot_age + wait for each, wait in shown_for), default=ended - began),
        oldest_shown_value=max((each.oldest + wait for each, wait in shown_for), default=ended - began),
        without_values=rounds.without_values,
    )


def endure(exporters: ExporterProcess, size: str, seconds: float) -> int:
    """Run the collector for this time and print what the subscribers saw; return the exit code."""
    out = Chapter()
    out.add_line(
        f"Measured {machine()}; `make bench-collector`; {exporters.nodes} nodes with expositions of {size} KB, "
        f"rounds every {INTERVAL_SECONDS:g} s, {seconds / 60:g} minutes.\n"
    )
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(Collector(ROOT, exporters.targets))
        replica = Replica(collector.valkey.url)
        stack.callback(replica.close)
        replica.wait_until_ready()
        page = stack.enter_context(contextlib.closing(Page(replica.port)))
        eventually(lambda: page.arrivals, what="the page's first snapshot")
        if not settle(exporters, collector, SETTLE_SECONDS):
            out.add_line(f"Not every node was scraped {FIRST_SCRAPES} times in the first {SETTLE_SECONDS:.0f} s.\n")
        cpu, began, are_exporters_quick = collector.cpu_seconds(), time.monotonic(), True
        table = Table(out, "second", "of a core", "RSS MB", "rounds", "exporters: of their core", "late ms")
        while (part := min(PART_SECONDS, began + seconds - time.monotonic())) > 0:
            before, part_cpu, part_began = exporters.stats(), collector.cpu_seconds(), time.monotonic()
            time.sleep(part)
            collector.check()
            after, length = exporters.stats(), time.monotonic() - part_began
            share = (after.cpu_seconds - before.cpu_seconds) / length
            are_exporters_quick &= share <= BUSY and after.late_ms <= LATE_MS
            table.row(
                f"{time.monotonic() - began:.0f}", f"{100 * (collector.cpu_seconds() - part_cpu) / length:.0f} %",
                f"{collector.rss_bytes() / 1e6:.0f}", str(sum(part_began < arrival.at for arrival in page.arrivals)),
                f"{100 * share:.0f} %", f"{after.late_ms:.0f}",
            )  # fmt: skip
        ended = time.monotonic()
        out.add_line(f"\nThe whole time: {100 * (collector.cpu_seconds() - cpu) / (ended - began):.1f} % of a core.")
        found = {
            "a subscriber of Redis": seen(collector.rounds.arrivals, began, ended),
            "a page": seen(page.arrivals, began, ended),
        }
    return _report(out, found, are_exporters_quick=are_exporters_quick)


def _report(out: Chapter, found: dict[str, Seen], *, are_exporters_quick: bool) -> int:
    out.add_line("")
    table = Table(out, "", *found)
    table.row(
        "rounds expected / arrived / missed",
        *(f"{each.expected} / {each.published} / {each.expected - each.published}" for each in found.values()),
    )
    table.row("repeated, or out of order", *(str(each.out_of_order) for each in found.values()))
    table.row("oldest value when its round arrived, s", *(f"{each.oldest_value:.2f}" for each in found.values()))
    for what, field in (("snapshot", "oldest_shown_snapshot"), ("value", "oldest_shown_value")):
        ages = (getattr(each, field) for each in found.values())
        table.row(f"oldest {what} just before the next round arrived, s", *(f"{age:.2f}" for age in ages))
    if not are_exporters_quick:
        out.add_line("\n**The exporters were the bottleneck** in at least one part.")
    problems = [f"{name}: {problem}" for name, each in found.items() for problem in each.problems]
    good = f"Every round arrived; no arriving value and no shown snapshot was older than {OLDEST_SECONDS:g} s."
    out.add_line("\n" + ("\n".join(problems) or good))
    return 1 if problems else 0
