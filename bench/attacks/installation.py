"""The installation that is attacked: its servers have one of the machine's cores, all else the other."""

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
#: Seconds between two publications by hand, and between two rounds of the collector, which is its default.
PUBLISH_SECONDS: Final = 0.5
INTERVAL_SECONDS: Final = 2.0


class Installation(NamedTuple):
    """What is attacked, once clients can come."""

    stack: ClosedStack
    edge: Rest
    #: A targets file of the collector's that is not there yet.
    more_targets: Path


@contextmanager
def installed(gateway: str, nodes: int) -> Iterator[Installation]:
    """Start all behind the gateway ``local`` or ``haproxy``.

    Snapshots come from a collector of so many simulated nodes; with none, they are published by hand.
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
    """Have this thread, and what it starts, run on one of the machine's cores."""
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


@contextmanager
def _published_by_hand(stack: ClosedStack) -> Iterator[None]:
    """Publish the golden snapshot again and again, each time with the time of then."""
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
    """Start a collector, and away from it its nodes; wait for its first snapshot."""
    pin(OTHERS)
    stack.start_simulator(nodes)
    pin(SERVERS)
    stack.start_collector(
        COLLECTOR_TARGETS=f"{stack.targets},{more_targets}", COLLECTOR_SCRAPE_INTERVAL_SECONDS=str(INTERVAL_SECONDS)
    )
    redis = stack.redis()
    eventually(lambda: redis.exists(latest_key(METRICS_CHANNEL)), what="the first snapshot")
    redis.close()
