"""Clients that poll too seldom for what they have asked for: what waits for them is bounded, by address too."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from contract.names import METRICS_CHANNEL
from tests.drivers.publisher import Publisher
from tests.drivers.replica import Replica
from tests.drivers.waiting import eventually

Start = Callable[..., Replica]
Message = Callable[..., bytes]

#: Nodes of a snapshot of about 100 kB.
NODES: Final = tuple(f"node-{number}" for number in range(250))
GROWTH_LIMIT_BYTES: Final = 100 << 20
LOUD: Final = "10.9.9.9"
TARGET: Final = "/socket.io/?EIO=4&transport=polling"
#: What makes almost as many answers wait for a client as may.
QUESTIONS: Final = ("40/monitoring,", *['42/monitoring,["request_nodes_status"]'] * 8)


def snapshot(message: Message, seq: int) -> bytes:
    node = json.loads(message(METRICS_CHANNEL))["nodes"][0]
    return message(METRICS_CHANNEL, seq=seq, nodes=[{**node, "node": name} for name in NODES])


class Polling:
    """A client of an address that polls when it is told to."""

    def __init__(self, replica: Replica, address: str) -> None:
        self._url = replica.origin + TARGET
        self._http = requests.Session()
        self._http.headers["X-Forwarded-For"] = address
        self._url += "&sid=" + json.loads(self.poll().removeprefix("0"))["sid"]

    def poll(self) -> str:
        """Ask for what waits; return it."""
        answer = self._http.get(self._url, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, packets: Sequence[str]) -> int:
        """Send packets; return the status of the answer."""
        return self._http.post(self._url, "\x1e".join(packets), timeout=30).status_code


def peak_bytes(replica: Replica) -> int:
    status = Path(f"/proc/{replica.process.pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@pytest.fixture
def replica(replicas: Start, collector: Publisher, message: Message) -> Replica:
    """One that knows a snapshot."""
    replica = replicas(TRUSTED_PROXIES="127.0.0.1")
    collector.publish(METRICS_CHANNEL, snapshot(message, 1))
    replica.client(headers=(f"X-Forwarded-For: {LOUD}",)).event("redis_cluster_metrics")
    return replica


@pytest.mark.parametrize("copies", [None], ids=["started"])  # a copy's memory is partly its original's
def test_memory_stays_bounded_when_each_client_waits_for_other_nodes(
    replica: Replica, collector: Publisher, message: Message
) -> None:
    watching = replica.client(headers=("X-Forwarded-For: 10.1.1.1",))
    before = peak_bytes(replica)
    for number in range(150):
        wanted: dict[str, Any] = {"mode": "snapshot", "nodes": [*NODES, f"other-{number}"]}
        client = Polling(replica, LOUD)
        client.send([f"40/monitoring,{json.dumps({'subscribe': wanted})}"])

    for seq in range(2, 18):
        collector.publish(METRICS_CHANNEL, snapshot(message, seq))
        watching.wait(lambda packet, seq=seq: f'"seq":{seq},' in packet)  # type: ignore[misc]

    assert peak_bytes(replica) - before < GROWTH_LIMIT_BYTES
    assert not watching.closed


def test_other_addresses_can_poll_when_much_waits_for_the_clients_of_one(replica: Replica) -> None:
    for _ in range(180):
        Polling(replica, LOUD).send(QUESTIONS)

    eventually(lambda: replica.metric('ws_closes_total{reason="slow"}') > 0)
    client = Polling(replica, "10.1.1.1")
    assert client.send(QUESTIONS) == 200
    assert "monitoring_connected" in client.poll()
