"""The benchmark's servers and load work: every peer delivers what is published, and is measured."""

import os
from collections.abc import Iterator

import pytest

from bench.push.churn import Counted
from bench.push.measure import connect, push
from bench.push.servers import AsgiEmit, EventletEmit, Node, NodeDeflate, Ours, OursPlain, Server
from tests.drivers.valkey import Valkey


@pytest.fixture(autouse=True)
def _cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.parametrize("kind", [Ours, OursPlain, Counted, Node, EventletEmit, AsgiEmit])
def test_server_delivers_everything_and_is_measured(kind: type[Server], valkey: Valkey) -> None:
    with kind(valkey.url) as server:
        pushed = push(server, clients=30, rate=20, size=1100, seconds=1)

        assert pushed.arrived == 1.0
        assert pushed.cpu_us_per_delivery > 0
        assert len(pushed.latencies_ns) == 600
        assert connect(server, clients=30).failed == 0
        assert server.rss_bytes() > 10_000_000


@pytest.mark.parametrize("kind", [Ours, NodeDeflate])
def test_server_compresses_where_it_is_offered(kind: type[Server], valkey: Valkey) -> None:
    with kind(valkey.url) as server:
        plain, deflated = (
            push(server, clients=10, rate=5, size=20_000, seconds=1, deflate=offered) for offered in (False, True)
        )

    assert plain.arrived == deflated.arrived == 1.0
    assert deflated.wire_bytes_per_delivery < plain.wire_bytes_per_delivery / 3
