"""The benchmarks' servers and load: every server delivers all messages, and is measured."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.access.handshake import shake
from bench.access.replicas import Closed, ClosedToMany, ClosedToPrograms, Open
from bench.push.churn import CountedReplica
from bench.push.measure import connect, push
from bench.push.report import write
from bench.push.servers import AsgiEmit, EventletEmit, Node, NodeDeflate, Ours, OursOnGevent, Server
from bench.push.swarm import Swarm
from contract.events import MONITORING_NAMESPACE, ROOT_NAMESPACE
from tests.drivers.credentials import Credentials
from tests.drivers.valkey import Valkey


@pytest.fixture(autouse=True)
def _cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.parametrize("kind", [Ours, OursOnGevent, CountedReplica, Node, EventletEmit, AsgiEmit])
def test_server_delivers_all_messages_and_is_measured(kind: type[Server], valkey: Valkey) -> None:
    with kind(valkey.url) as server:
        pushed = push(server, clients=30, rate=40, size=1100, seconds=0.5)

        assert pushed.arrived == 1.0
        assert pushed.cpu_us_per_delivery > 0
        assert len(pushed.latencies_ns) == 600
        assert connect(server, clients=30, rest_seconds=0).failed == 0
        assert server.rss_bytes() > 10_000_000


@pytest.mark.parametrize("kind", [Ours, NodeDeflate])
def test_server_compresses_when_the_client_offers_it(kind: type[Server], valkey: Valkey) -> None:
    with kind(valkey.url) as server:
        plain, deflated = (
            push(server, clients=10, rate=20, size=20_000, seconds=0.25, deflate=offered) for offered in (False, True)
        )

    assert plain.arrived == deflated.arrived == 1.0
    assert deflated.wire_bytes_per_delivery < plain.wire_bytes_per_delivery / 3


@pytest.fixture(scope="module")
def of_access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Open]]:
    """The replicas of the access benchmark."""
    with contextlib.ExitStack() as stack:
        valkey = stack.enter_context(Valkey())
        credentials = Credentials(tmp_path_factory.mktemp("access"), stack.enter_context(valkey.client()))
        kinds = (Open, Closed, ClosedToMany, ClosedToPrograms)
        yield [stack.enter_context(kind(valkey.url, credentials)) for kind in kinds]


def test_open_and_closed_replica_deliver_all_messages(of_access: Sequence[Open]) -> None:
    for server in of_access[:3]:
        pushed = push(server, clients=30, rate=40, size=1100, seconds=0.5)

        assert pushed.arrived == 1.0, server.name
        assert pushed.cpu_us_per_delivery > 0, server.name


@pytest.mark.parametrize("namespace", [ROOT_NAMESPACE, MONITORING_NAMESPACE])
def test_handshake_is_measured_until_the_first_snapshot(namespace: str, of_access: Sequence[Open]) -> None:
    found = shake(of_access, namespace, clients=30, waves=2, size=1100, first=30)

    assert [(shaken.clients, shaken.got) for shaken in found] == [(60, 60)] * 4
    assert all(shaken.cpu_us_each > 0 for shaken in found)


def test_closed_replica_of_the_benchmark_refuses_clients_without_credentials(of_access: Sequence[Open]) -> None:
    (closed,) = (server for server in of_access if type(server) is Closed)
    swarm = Swarm(closed.port)
    swarm.connect(3, within_seconds=2)
    swarm.close()

    assert swarm.failed == 3


def test_chapter_replaces_its_previous_text_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write(page, ["# All", "", "one", "### Part", "two"])
    write(page, ["## Other", "three"])

    write(page, ["# All", "four"])
    write(page, ["## Other", "five", ""])

    assert page.read_text() == "# All\nfour\n\n## Other\nfive\n"
