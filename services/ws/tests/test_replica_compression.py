"""Compressed frames: compressed once for all clients, and without context takeover."""

import socket
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Event, Message, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

from contract.names import METRICS_CHANNEL
from tests.drivers.publisher import message
from tests.drivers.replica import Start
from tests.drivers.waiting import eventually


class Inflating:
    """A client of wsproto that negotiates compression as browsers do."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self.deflate = PerMessageDeflate(client_max_window_bits=15)
        self._waiting: list[Event] = []
        self.bytes = 0
        self._send(Request(host="localhost", target="/socket.io/?EIO=4&transport=websocket", extensions=[self.deflate]))
        assert isinstance(self._next(), AcceptConnection)
        self.send("40")

    def _send(self, event: Event) -> None:
        self._socket.sendall(self._protocol.send(event))

    def _next(self) -> Event:
        while not self._waiting:
            data = self._socket.recv(1 << 20)
            assert data
            self.bytes += len(data)
            self._protocol.receive_data(data)
            self._waiting = list(self._protocol.events())
        return self._waiting.pop(0)

    def send(self, packet: str) -> None:
        self._send(Message(data=packet))

    def packet(self, start: str) -> str:
        """Return the next packet that begins with ``start``."""
        text = ""
        while True:
            event = self._next()
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    if text.startswith(start):
                        return text
                    text = ""

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def inflating(replicas: Start) -> Any:
    replica = replicas()
    client = Inflating(replica.port)
    client.packet("40")
    yield replica, client
    client.close()


def test_large_packets_are_compressed_and_small_ones_are_not(inflating: Any, collector: Any) -> None:
    replica, client = inflating
    assert client.deflate.enabled()
    plain = replica.client("/")
    eventually(lambda: replica.metric('ws_namespace_clients{namespace="/"}') == 2)
    for seq in range(5):
        large = message(METRICS_CHANNEL, seq=seq, padding="é" * 100_000)
        client.bytes = 0
        collector.publish(METRICS_CHANNEL, large)
        assert client.packet('42["redis_cluster_metrics"').encode() == b'42["redis_cluster_metrics",' + large + b"]"
        assert client.bytes < len(large) / 20
        # The other client gets the same state before the next one replaces it.
        plain.wait(('2["redis_cluster_metrics",' + large.decode() + "]").__eq__)
        collector.publish(METRICS_CHANNEL, b'{"small":1}')
        assert client.packet("42") == '42["redis_cluster_metrics",{"small":1}]'


def test_answer_to_one_client_is_compressed_too(inflating: Any, collector: Any) -> None:
    _, client = inflating
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL))
    client.send("40/monitoring,")
    client.packet('42/monitoring,["cluster_metrics"')

    client.send('42/monitoring,1["request_nodes_status"]')

    assert client.packet('42/monitoring,["nodes_status_response"').endswith("]")
    assert client.packet("43/monitoring,1[").endswith("]")


def test_compressed_messages_of_a_client_are_read(inflating: Any) -> None:
    replica, client = inflating

    client.send("40/health,")

    assert client.packet("40/health,")
    assert replica.metric("ws_malformed_packets_total") == 0
