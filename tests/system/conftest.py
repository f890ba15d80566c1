from collections.abc import Iterator

import pytest

from tests.drivers.stack import Stack, clean
from tests.drivers.valkey import Valkey


@pytest.fixture
def stack(valkey: Valkey) -> Iterator[Stack]:
    """An empty stack on an empty Valkey; no service may print a traceback."""
    with clean(Stack(valkey)) as stack:
        yield stack
