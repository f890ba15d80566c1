"""Where the snapshots come from that the other clients wait for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from contract.clock import timestamp
from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL
from tests.drivers.closed_stack import ClosedStack
from tests.drivers.publisher import Publisher, message
from tests.drivers.repeatedly import repeatedly

#: Seconds between two publications by hand.
PUBLISH_SECONDS: Final = 0.5


@contextmanager
def published_by_hand(stack: ClosedStack) -> Iterator[None]:
    """Publish the golden snapshot twice a second, each time with the time of then."""
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
