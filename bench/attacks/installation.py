"""The attacked installation: its servers run on one core of the machine, everything else on the other."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL, latest_key
from runtime.clock import timestamp
from tests.drivers.closed_stack import ClosedStack, closed_stack
from tests.drivers.publisher import Publisher, message
from tests.drivers.repeatedly import repeatedly
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

SERVERS, OTHERS = 0, 1
#: Seconds between two publications by the benchmark, and between two rounds of the collector (its default).
PUBLISH_SECONDS: Final = 0.5
INTERVAL_SECONDS: Final = 2.0


class Installation(NamedTuple):
    """An installation that accepts clients."""

    stack: ClosedStack
    edge: Rest
    #: A targets file of the collector that does not exist yet.
    more_targets: Path


@contextmanager
def installed(gateway: str, nodes: int) -> Iterator[Installation]:
    """Start an installation behind the gateway ``local`` or ``haproxy``.

    Snapshots come from a collector of ``nodes`` simulated nodes; with 0, the benchmark publishes the snapshots.
    """
    pin(SERVERS)
    with closed_stack() as stack, ExitStack() as until_the_end:
        stack.add_user("mallory")
        api = stack.start_api(TRUSTED_PROXIES="peer")
        if gateway == "haproxy":
            edge = stack.start_haproxy(api, stack.start_replica(TRUSTED_PROXIES="peer"))
        else:
            edge = stack.start_gateway(api)
        more_targets = stack.folder / "more.yaml"
        if nodes:
            _collect(stack, nodes, more_targets)
        pin(OTHERS)
        if not nodes:
            until_the_end.enter_context(_published_by_hand(stack))
        yield Installation(stack, edge, more_targets)


def pin(core: int) -> None:
    """Run this thread and its children on one core of the machine."""
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


@contextmanager
def _published_by_hand(stack: ClosedStack) -> Iterator[None]:
    """Publish the golden snapshot repeatedly with the current time."""
    redis = stack.redis()
    publisher, numbers = Publisher(redis), count(1)

    def publish() -> None:
        now = timestamp(time.time())
        publisher.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, epoch=2, seq=next(numbers), timestamp=now))

    publisher.publish(HEALTH_CHANNEL, message(HEALTH_CHANNEL))
    publish()
    with repeatedly(publish, pause_seconds=PUBLISH_SECONDS) as tally:
        yield
    redis.close()
    if tally.failures:
        raise RuntimeError(f"snapshots were not published: {tally.failures[0]}")


def _collect(stack: ClosedStack, nodes: int, more_targets: Path) -> None:
    """Start a collector, and its nodes on the other core; wait for the first snapshot."""
    pin(OTHERS)
    stack.start_simulator(nodes)
    pin(SERVERS)
    stack.start_collector(
        COLLECTOR_TARGETS=f"{stack.targets},{more_targets}", COLLECTOR_SCRAPE_INTERVAL_SECONDS=str(INTERVAL_SECONDS)
    )
    redis = stack.redis()
    eventually(lambda: redis.exists(latest_key(METRICS_CHANNEL)), what="the first snapshot")
    redis.close()
