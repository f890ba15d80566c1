"""Fixtures that tests of every folder share."""

import os
import socket
from collections.abc import Iterator

import pytest
import redis as redis_client
from hypothesis import HealthCheck, settings

from tests.drivers.valkey import Valkey

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("beside other work", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beside other work")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core, since most tests wait most of the time, but not more than a usual machine has memory for."""
    return min(2 * (os.cpu_count() or 1), 12)


@pytest.fixture(scope="session")
def _valkey_of_session() -> Iterator[Valkey]:
    server = Valkey()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(_valkey_of_session: Valkey) -> Iterator[Valkey]:
    """A running, empty Valkey. Where the test stopped it, it is started again at once, for what a module shares."""
    server = _valkey_of_session
    client = server.client()
    client.flushall()
    client.close()
    yield server
    if not server.is_running:
        server.start()


@pytest.fixture
def redis(valkey: Valkey) -> Iterator[redis_client.Redis]:
    """A blocking client of ``valkey`` that does not decode responses."""
    client = valkey.client()
    yield client
    client.close()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of loopback on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]
