from collections.abc import Iterator

import pytest

from contract.names import METRICS_CHANNEL, latest_key
from tests.drivers.process import ROOT
from tests.drivers.rest import Rest
from tests.drivers.stack import Stack
from tests.drivers.valkey import Valkey

GOLDEN_SNAPSHOT = ROOT / "contract" / "golden" / "messages" / "metrics.json"


@pytest.fixture
def stack(valkey: Valkey) -> Iterator[Stack]:
    """An empty stack on a real, empty Valkey; no service may have printed a traceback by its end."""
    stack = Stack(valkey)
    yield stack
    stack.close()
    assert stack.tracebacks() == []


@pytest.fixture(scope="module")
def shared_api(_valkey_of_session: Valkey) -> Iterator[Rest]:
    """One api for the tests of a module that change nothing."""
    stack = Stack(_valkey_of_session)
    redis = stack.redis()
    redis.flushall()
    redis.set(latest_key(METRICS_CHANNEL), GOLDEN_SNAPSHOT.read_bytes())
    redis.close()
    yield stack.start_api()
    stack.close()
    assert stack.tracebacks() == []
