"""Real replicas, and a stand-in for the collector."""

from collections.abc import Callable, Iterator, Mapping

import pytest
import redis as redis_client

from tests.drivers.publisher import Publisher, message
from tests.drivers.replica import Replica
from tests.drivers.valkey import Valkey


@pytest.fixture(scope="session", name="message")
def _message() -> Callable[..., bytes]:
    return message


@pytest.fixture
def replicas(valkey: Valkey) -> Iterator[Callable[..., Replica]]:
    started: list[Replica] = []

    def start(headers: Mapping[str, str] | None = None, **env: str) -> Replica:
        replica = Replica(valkey.url, headers, **env)
        started.append(replica)
        replica.wait_until_ready()
        return replica

    yield start
    logs = [replica.process.log() for replica in started]
    for replica in started:
        replica.close()
    assert not [log for log in logs if "Traceback" in log]


@pytest.fixture(params=["fast", "plain"])
def replica(replicas: Callable[..., Replica], request: pytest.FixtureRequest) -> Replica:
    return replicas(WS_PUSH=request.param)


@pytest.fixture
def collector(redis: redis_client.Redis) -> Publisher:
    return Publisher(redis)
