"""Real replicas, and a stand-in for the collector."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from redis import Redis

from contract.names import METRICS_CHANNEL
from tests.drivers.copies import Copies
from tests.drivers.publisher import Publisher, message
from tests.drivers.replica import Replica, Start
from tests.drivers.valkey import Valkey

Served = Callable[[Replica], None]
#: For a replica that pings nobody: a ping may come at any time, and a test that reads packet by packet would meet it.
NO_PINGS = "import ws.engine.ping_wheel; ws.engine.ping_wheel.PingWheel.advance = lambda wheel: None"


@pytest.fixture(scope="session")
def _copies_of_session() -> Iterator[Copies]:
    copies = Copies("ws.__main__")
    yield copies
    copies.close()


@pytest.fixture
def copies(_copies_of_session: Copies) -> Copies | None:
    """What replicas are copies of; ``None`` where a module starts each with ``python -m ws``."""
    return _copies_of_session


@contextmanager
def _replicas(valkey: Valkey, copies: Copies | None) -> Iterator[Callable[..., Replica]]:
    started: list[Replica] = []

    def start(headers: Mapping[str, str] | None = None, prelude: str = "", **env: str) -> Replica:
        """``prelude`` is Python that a copy runs first, for seconds that nobody sets."""
        replica = Replica(valkey.url, headers, copies, prelude, **env)
        started.append(replica)
        replica.wait_until_ready()
        return replica

    yield start
    logs = [replica.process.log() for replica in started]
    for replica in started:
        replica.close()
    assert not [log for log in logs if "Traceback" in log]


@pytest.fixture
def replicas(valkey: Valkey, copies: Copies | None) -> Iterator[Callable[..., Replica]]:
    with _replicas(valkey, copies) as start:
        yield start


@pytest.fixture(scope="module")
def module_replicas(_valkey_of_session: Valkey, _copies_of_session: Copies) -> Iterator[Callable[..., Replica]]:
    """Replicas that the tests of one module share."""
    with _replicas(_valkey_of_session, _copies_of_session) as start:
        yield start


@pytest.fixture
def replica(replicas: Start) -> Replica:
    return replicas()


@pytest.fixture
def served(collector: Publisher) -> Served:
    """Proves that a client of another address gets what is published."""
    sequence = itertools.count(1)

    def prove(replica: Replica) -> None:
        client = replica.client(headers=("X-Forwarded-For: 10.9.9.9",))
        collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=next(sequence)))
        client.event("redis_cluster_metrics")
        client.close()

    return prove


@pytest.fixture
def collector(redis: Redis) -> Publisher:
    return Publisher(redis)
