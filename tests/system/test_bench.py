"""The benchmarks' servers and load work: every peer delivers what is published, and is measured."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client

from bench.access.handshake import shake
from bench.access.replicas import Closed, ClosedToMany, ClosedToPrograms, Open
from bench.push.churn import Counted
from bench.push.measure import connect, push
from bench.push.report import write
from bench.push.servers import AsgiEmit, EventletEmit, Node, NodeDeflate, Ours, OursPlain, Server
from bench.push.swarm import Swarm
from contract.events import MONITORING_NAMESPACE, ROOT_NAMESPACE
from tests.drivers.credentials import Credentials
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


@pytest.fixture
def credentials(tmp_path: Path, redis: redis_client.Redis) -> Credentials:
    return Credentials(tmp_path, redis)


@pytest.mark.parametrize("kind", [Open, Closed, ClosedToMany])
def test_open_and_closed_replica_deliver_everything(kind: type[Open], valkey: Valkey, credentials: Credentials) -> None:
    with kind(valkey.url, credentials) as server:
        pushed = push(server, clients=30, rate=20, size=1100, seconds=1)

    assert pushed.arrived == 1.0
    assert pushed.cpu_us_per_delivery > 0


@pytest.mark.parametrize("namespace", [ROOT_NAMESPACE, MONITORING_NAMESPACE])
def test_handshake_is_measured_up_to_the_first_snapshot(
    namespace: str, valkey: Valkey, credentials: Credentials
) -> None:
    with contextlib.ExitStack() as stack:
        kinds = (Open, Closed, ClosedToMany, ClosedToPrograms)
        servers = [stack.enter_context(kind(valkey.url, credentials)) for kind in kinds]
        found = shake(servers, namespace, clients=30, waves=2, size=1100)

    assert [(shaken.clients, shaken.got) for shaken in found] == [(60, 60)] * 4
    assert all(shaken.cpu_us_each > 0 for shaken in found)


def test_closed_replica_of_the_benchmark_lets_nobody_in_without_a_credential(
    valkey: Valkey, credentials: Credentials
) -> None:
    with Closed(valkey.url, credentials) as server:
        swarm = Swarm(server.port)
        swarm.connect(3, within_seconds=2)
        swarm.close()

    assert swarm.failed == 3


def test_chapter_takes_its_own_place_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write(page, ["# All", "", "one", "### Part", "two"])
    write(page, ["## Other", "three"])

    write(page, ["# All", "four"])
    write(page, ["## Other", "five", ""])

    assert page.read_text() == "# All\nfour\n\n## Other\nfive\n"
