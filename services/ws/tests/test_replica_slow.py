"""Slow clients do not affect other clients, and cost the replica little memory."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from contract.names import ALERTS_CHANNEL, METRICS_CHANNEL
from tests.drivers.engine_session import EngineSession
from tests.drivers.frames import frame
from tests.drivers.publisher import message
from tests.drivers.replica import Start
from tests.drivers.waiting import eventually

#: Bytes of a snapshot that is much larger than the kernel's buffers.
LARGE = 300_000


class Deaf:
    """A client that reads only when the test calls a method."""

    def __init__(self, replica: Any, connect: bytes) -> None:
        self._socket: socket.socket = replica.bare_websocket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self._socket.sendall(frame(0x81, connect))
        self._data = b""
        while b"\r\n\r\n" not in self._data:
            self._data += self._socket.recv(4096)
        self._data = self._data.split(b"\r\n\r\n", 1)[1]

    def read_until_closed(self) -> int | None:
        """Read to the end of the connection; return the close code."""
        for _ in self.packets(None):
            pass
        return self.code

    def packets(self, until: Callable[[str], bool] | None) -> Iterator[str]:
        """Yield the packets up to the wanted packet, or to the end."""
        self.code: int | None = None
        self._socket.settimeout(20)
        while True:
            while (frame := self._frame()) is not None:
                opcode, payload = frame
                if opcode == 8:
                    self.code = int.from_bytes(payload[:2], "big")
                    continue
                yield payload.decode()
                if until is not None and until(payload.decode()):
                    return
            try:
                data = self._socket.recv(1 << 20)
            except ConnectionResetError:
                return
            if not data:
                return
            self._data += data

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._data
        short = data[1] & 127 if len(data) > 1 else 127
        head = 2 if short < 126 else 4 if short == 126 else 10
        if len(data) < head:
            return None
        length = short if short < 126 else int.from_bytes(data[2:head], "big")
        return None if len(data) < head + length else self._cut(head, length)

    def _cut(self, head: int, length: int) -> tuple[int, bytes]:
        opcode, payload = self._data[0] & 15, self._data[head : head + length]
        self._data = self._data[head + length :]
        return opcode, payload

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


@pytest.fixture
def deaf(replicas: Start) -> Iterator[Callable[..., tuple[Any, Deaf]]]:
    """A function that returns a replica, and a client that reads nothing."""
    opened: list[Deaf] = []

    def connect(packet: bytes = b"40", **env: str) -> tuple[Any, Deaf]:
        replica = replicas(**env)
        client = Deaf(replica, packet)
        opened.append(client)
        eventually(lambda: sum_of_clients(replica) == 1)
        return replica, client

    yield connect
    for client in opened:
        client.close()


def sum_of_clients(replica: Any) -> float:
    return sum(
        replica.metric(f'ws_namespace_clients{{namespace="{name}"}}') for name in ("/", "/health", "/monitoring")
    )


def large(seq: int) -> bytes:
    return message(METRICS_CHANNEL, seq=seq, padding="a" * LARGE)


def test_slow_client_gets_the_newest_state_and_every_entry_when_it_reads_in_time(
    deaf: Callable[..., tuple[Any, Deaf]], collector: Any
) -> None:
    replica, client = deaf(b"40/monitoring,", WS_SLOW_SECONDS="60")
    collector.transition(1)
    list(client.packets(lambda packet: "alerts_update" in packet))
    good = replica.client("/monitoring")
    for seq in range(2, 61):
        collector.publish(METRICS_CHANNEL, large(seq))
        collector.transition(seq)
        good.event("cluster_metrics", seq - 1)  # a replica that falls behind omits snapshots
    eventually(lambda: replica.metric("ws_conflated_total") > 10)
    eventually(lambda: replica.metric("ws_clients_behind") == 1)

    events: dict[str, list[Any]] = {"cluster_metrics": [], "alerts_update": []}
    for packet in client.packets(None):
        if packet == "2":  # a ping, if the machine is slow
            continue
        name, payload = json.loads(packet[packet.index("[") :])
        events[name].append(payload)
        if all(payloads and payloads[-1]["seq"] == 60 for payloads in events.values()):
            break

    seqs = [payload["seq"] for payload in events["cluster_metrics"]]
    assert seqs == sorted(set(seqs))
    assert len(seqs) < 50
    entries = [entry["id"] for payload in events["alerts_update"] for entry in payload["entries"]]
    assert entries == [f"7-{seq}" for seq in range(2, 61)]
    eventually(lambda: replica.metric("ws_clients_behind") == 0)
    assert replica.metric('ws_closes_total{reason="slow"}') == 0


@pytest.mark.parametrize(
    ("count", "publication", "slow_seconds"),
    [
        (30, lambda seq: (METRICS_CHANNEL, large(seq)), "1"),
        (60, lambda seq: (ALERTS_CHANNEL, message(ALERTS_CHANNEL, seq=seq, padding="a" * 100_000)), "600"),
    ],
    ids=["no progress", "too many log entries"],
)
def test_client_is_disconnected_with_a_close_code_when_it_does_not_read(
    deaf: Callable[..., tuple[Any, Deaf]], collector: Any, count: int, publication: Any, slow_seconds: str
) -> None:
    replica, client = deaf(WS_SLOW_SECONDS=slow_seconds)
    for seq in range(1, count + 1):
        collector.publish(*publication(seq))

    eventually(lambda: replica.metric('ws_closes_total{reason="slow"}') == 1)

    assert sum_of_clients(replica) == 0
    assert client.read_until_closed() == 1013


def test_memory_and_other_clients_are_not_affected_when_many_clients_read_nothing(
    replicas: Start, collector: Any
) -> None:
    replica = replicas(WS_SLOW_SECONDS="3")
    good = replica.client("/")
    crowd = [Deaf(replica, b"40") for _ in range(50)]
    eventually(lambda: sum_of_clients(replica) == 51)
    process = psutil.Process(replica.process.pid)
    before, most = process.memory_info().rss, 0

    for seq in range(1, 121):
        collector.publish(METRICS_CHANNEL, large(seq))
        time.sleep(0.02)
        most = max(most, process.memory_info().rss)
    good.wait(lambda packet: '"seq":120,' in packet)

    assert most - before < 64 << 20
    eventually(lambda: replica.metric('ws_closes_total{reason="slow"}') == 50)
    assert not good.closed
    for client in crowd:
        client.close()


def test_polling_client_is_disconnected_when_it_does_not_poll(replicas: Start, collector: Any) -> None:
    replica = replicas()
    session = EngineSession(replica.port)
    assert session.post("40").status == 200
    process = psutil.Process(replica.process.pid)
    eventually(lambda: sum_of_clients(replica) == 1)
    before = process.memory_info().rss

    messages = 'ws_messages_total{channel="cluster:metrics",outcome="%s"}'

    def taken() -> float:
        # Stored snapshots may overtake some of the first ones.
        return sum(replica.metric(messages % outcome) for outcome in ("state", "passed_on", "repeated"))

    for seq in range(1, 201):
        collector.publish(METRICS_CHANNEL, large(seq))
        if seq % 50 == 0:  # Redis cuts off a reader that is 32 MiB behind
            eventually(lambda seq=seq: taken() == seq)

    assert process.memory_info().rss - before < 32 << 20
    text = ""
    while '"seq":200,' not in text:
        text = session.get().text


def test_client_is_disconnected_when_it_floods_with_requests_and_reads_no_answer(
    deaf: Callable[..., tuple[Any, Deaf]], collector: Any
) -> None:
    replica, client = deaf(b"40/monitoring,", WS_SLOW_SECONDS="2")
    other = replica.client("/")
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=1))
    requests = 20 * frame(0x81, b'42/monitoring,["request_nodes_status"]')

    def flood() -> None:
        try:
            for _ in range(4000):
                client._socket.sendall(requests)
        except OSError:
            pass

    flooding = threading.Thread(target=flood)
    flooding.start()
    eventually(lambda: replica.metric('ws_closes_total{reason="slow"}') == 1, within_seconds=40)
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=2))
    other.wait(lambda packet: '"seq":2,' in packet)
    client.close()
    flooding.join()
