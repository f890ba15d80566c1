"""Fixtures: real replicas, and a publisher in place of the collector."""

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
#: Prelude of a replica without pings, for tests that read packet by packet.
NO_PINGS = "import ws.engine.ping_wheel; ws.engine.ping_wheel.PingWheel.advance = lambda wheel: None"


@pytest.fixture(scope="session")
def _copies_of_session() -> Iterator[Copies]:
    copies = Copies("ws.__main__")
    yield copies
    copies.close()


@pytest.fixture
def copies(_copies_of_session: Copies) -> Copies | None:
    """The process from which replicas are forked; ``None`` if each replica starts with ``python -m ws``."""
    return _copies_of_session


@contextmanager
def _replicas(valkey: Valkey, copies: Copies | None) -> Iterator[Callable[..., Replica]]:
    started: list[Replica] = []

    def start(headers: Mapping[str, str] | None = None, prelude: str = "", **env: str) -> Replica:
        """``prelude`` is Python code that a copy runs first, for example to change a time limit."""
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
    """A check that a client of another address gets published messages."""
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
