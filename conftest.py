"""Fixtures that tests of every folder share."""

import socket
from collections.abc import Iterator

import pytest
import redis as redis_client

from tests.drivers.valkey import Valkey


@pytest.fixture(scope="session")
def _valkey_of_session() -> Iterator[Valkey]:
    server = Valkey()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(_valkey_of_session: Valkey) -> Valkey:
    """A running, empty Valkey. A test that stopped it finds it started again in the next one."""
    server = _valkey_of_session
    if server._process is None:
        server.start()
    client = server.client()
    client.flushall()
    client.close()
    return server


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
