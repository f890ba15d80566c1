"""Limits on the memory for waiting packets of clients that poll too rarely: in total and per address."""

import contextlib
import json
import socket
from typing import Any, Final

import pytest

from contract.names import METRICS_CHANNEL
from tests.drivers.engine_session import EngineSession
from tests.drivers.frames import frame
from tests.drivers.polling_session import SEPARATOR
from tests.drivers.publisher import Publisher, message
from tests.drivers.replica import Replica, Start
from tests.drivers.waiting import eventually

#: Nodes of a snapshot of about 100 kB.
NODES: Final = tuple(f"node-{number}" for number in range(250))
GROWTH_LIMIT_BYTES: Final = 100 << 20
LOUD: Final = "10.9.9.9"
#: Requests whose answers almost reach the limit of waiting packets.
QUESTIONS: Final = SEPARATOR.join(["40/monitoring,", *['42/monitoring,["request_nodes_status"]'] * 8])


def snapshot(seq: int, times: int = 1) -> bytes:
    """Return a snapshot of ``NODES``, ``times`` times as large."""
    node = json.loads(message(METRICS_CHANNEL))["nodes"][0]
    nodes = [{**node, "node": name, "error": "e" * (500 * (times - 1))} for name in NODES]
    return message(METRICS_CHANNEL, seq=seq, nodes=nodes)


@pytest.fixture
def replica(replicas: Start, collector: Publisher) -> Replica:
    """A replica that has a snapshot."""
    replica = replicas(TRUSTED_PROXIES="127.0.0.1")
    collector.publish(METRICS_CHANNEL, snapshot(1))
    replica.client(headers=(f"X-Forwarded-For: {LOUD}",)).event("redis_cluster_metrics")
    return replica


@pytest.mark.parametrize("copies", [None], ids=["started"])  # a forked copy shares memory with its original
def test_memory_stays_bounded_when_each_client_selects_other_nodes(replica: Replica, collector: Publisher) -> None:
    watching = replica.client(headers=("X-Forwarded-For: 10.1.1.1",))
    before = replica.peak_bytes()
    for number in range(150):
        wanted: dict[str, Any] = {"mode": "snapshot", "nodes": [*NODES, f"other-{number}"]}
        EngineSession(replica.port, address=LOUD).post(f"40/monitoring,{json.dumps({'subscribe': wanted})}")

    for seq in range(2, 18):
        collector.publish(METRICS_CHANNEL, snapshot(seq))
        watching.wait(lambda packet, seq=seq: f'"seq":{seq},' in packet)  # type: ignore[misc]

    assert replica.peak_bytes() - before < GROWTH_LIMIT_BYTES
    assert not watching.closed


@pytest.mark.parametrize("copies", [None], ids=["started"])
def test_memory_stays_bounded_when_websockets_select_other_nodes_and_read_nothing(
    replica: Replica, collector: Publisher
) -> None:
    watching = replica.client(headers=("X-Forwarded-For: 10.1.1.1",))
    before = replica.peak_bytes()
    with contextlib.ExitStack() as stack:
        for number in range(150):
            stack.enter_context(contextlib.closing(deaf(replica, number)))
        eventually(lambda: replica.metric('ws_namespace_clients{namespace="/monitoring"}') == 150)

        for seq in range(2, 12):
            collector.publish(METRICS_CHANNEL, snapshot(seq, times=10))
            watching.wait(lambda packet, seq=seq: f'"seq":{seq},' in packet)  # type: ignore[misc]

        assert replica.peak_bytes() - before < 2 * GROWTH_LIMIT_BYTES
        assert not watching.closed


def deaf(replica: Replica, number: int) -> socket.socket:
    """Return a WebSocket that selects nodes of its own and reads nothing."""
    connection = replica.bare_websocket()
    wanted = {"mode": "snapshot", "nodes": [*NODES, f"other-{number}"]}
    text = f"40/monitoring,{json.dumps({'subscribe': wanted})}".encode()
    connection.sendall(frame(0x81, text))
    return connection


def test_other_addresses_can_poll_when_many_packets_wait_for_one_address(replica: Replica) -> None:
    for _ in range(180):
        EngineSession(replica.port, address=LOUD).post(QUESTIONS)

    eventually(lambda: replica.metric('ws_closes_total{reason="slow"}') > 0)
    session = EngineSession(replica.port, address="10.1.1.1")
    assert session.post(QUESTIONS).status == 200
    assert "monitoring_connected" in session.get().text
