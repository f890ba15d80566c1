"""The effect of 500 slow clients on other clients.

``python -m bench.slow_requests [--quick] [--write FILE]`` measures alternately without and with slow clients, three
times each, on one machine. A ratio is computed over all samples.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from access.grant import READ
from bench.push.measure import percentile_ms
from bench.push.report import Chapter, Table, machine, write
from bench.slow_requests.crowd import crowd
from bench.slow_requests.others import Delivery, Measure, connect, health
from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL
from tests.drivers.closed_stack import ClosedStack, closed_stack, port_of
from tests.drivers.publisher import Publisher, message
from tests.drivers.rest import Rest
from tests.drivers.slow_crowd import API_KINDS, KINDS, WS_KINDS

INTRODUCTION: Final = Path(__file__).parent / "introduction.md"
#: Settings without limits, because all clients have the same address.
UNLIMITED: Final = {
    "API_LIMIT_REQUESTS_PER_SECOND": "100000",
    "WS_LIMIT_CONNECTIONS": "1000000",
    "WS_LIMIT_CONNECTS_PER_SECOND": "1000000",
}


class Bench:
    """The measurements and their table."""

    def __init__(self, stack: ClosedStack, publisher: Publisher, *, quick: bool) -> None:
        self._stack = stack
        self._publisher = publisher
        self._count, self._rounds, self._samples = (100, 1, 100) if quick else (500, 3, 300)
        self._token = stack.add_token("bench", READ)
        self.out = Chapter()

    def run(self) -> None:
        """Run all measurements; print the table."""
        api, replica = self._stack.start_api(), self._stack.start_replica()
        gateway = self._stack.start_gateway(self._stack.start_api(TRUSTED_PROXIES="peer"))
        self.out.add_line(
            f"Measured {machine()}; closed access; {self._count} slow connections to the measured server, of "
            f"{len(API_KINDS)} kinds at the api, {len(WS_KINDS)} at a push replica, {len(KINDS)} at the local gateway."
        )
        self.out.add_line("")
        self._table = Table(
            self.out, "ms, p50 / p99", "alone", f"beside {self._count} slow clients", "ratio p50", "ratio p99"
        )
        for place, server, kinds, has_pages, pushes in (
            ("the api", api, API_KINDS, True, False),
            ("a push replica", replica, WS_KINDS, False, True),
            ("the local gateway", gateway, tuple(KINDS), True, True),
        ):
            if has_pages:
                self._row(f"`GET /api/health` from {place}", server, kinds, lambda port: health(port, self._token))
            if pushes:
                self._row(f"a push delivered by {place}", server, kinds, self._delivery)
                self._row(f"a new WebSocket at {place}", server, kinds, lambda port: connect(port, self._token))

    def _delivery(self, port: int) -> Measure:
        return Delivery(port, self._token, self._publisher)

    def _row(self, name: str, server: Rest, kinds: Sequence[str], begin: Callable[[int], Measure]) -> None:
        port = port_of(server)
        alone: list[int] = []
        beside: list[int] = []
        for _ in range(self._rounds):
            alone += self._measured(begin(port))
            with crowd(port, self._count, kinds):
                beside += self._measured(begin(port))
        self._table.row(
            name,
            *(f"{median(each) / 1e6:.1f} / {percentile_ms(each, 99):.1f}" for each in (alone, beside)),
            f"{median(beside) / median(alone):.2f}",
            f"{percentile_ms(beside, 99) / percentile_ms(alone, 99):.2f}",
        )

    def _measured(self, measure: Measure) -> list[int]:
        samples = [measure() for _ in range(self._samples)]
        if isinstance(measure, Delivery):
            measure.close()
        return samples


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 slow connections and one round")
    parser.add_argument("--write", type=Path, help="write the table into this file")
    options = parser.parse_args()
    with closed_stack(**UNLIMITED) as stack:
        redis = stack.redis()
        publisher = Publisher(redis)
        for channel in (METRICS_CHANNEL, HEALTH_CHANNEL):
            publisher.publish(channel, message(channel))
        bench = Bench(stack, publisher, quick=options.quick)
        bench.run()
        redis.close()
    if options.write:
        write(options.write, [INTRODUCTION.read_text(), *bench.out])
    return 0


if __name__ == "__main__":
    sys.exit(main())
