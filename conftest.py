"""Fixtures for the tests in all folders."""

import os
import socket
from collections.abc import Iterator

import pytest
import redis as redis_client
from hypothesis import HealthCheck, settings

from tests.drivers.valkey import Valkey

# The duration of an example depends on the machine's other work more than on the code.
settings.register_profile("no deadline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no deadline")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two workers per core, as most tests mostly wait, but at most 12, to limit the memory."""
    return min(2 * (os.cpu_count() or 1), 12)


@pytest.fixture(scope="session")
def _valkey_of_session() -> Iterator[Valkey]:
    server = Valkey()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(_valkey_of_session: Valkey) -> Iterator[Valkey]:
    """A running, empty Valkey. If the test stops it, it is started again for the fixtures of the module."""
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
    """A loopback port on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]
