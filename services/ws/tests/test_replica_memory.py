"""Connections leave no objects and files behind, for all ways in which they end."""

import json
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import count

import psutil
import pytest
import requests
import websocket

from bench.push.swarm import Swarm
from bench.push.work import of_bytes
from contract.names import METRICS_CHANNEL
from tests.drivers.frames import frame
from tests.drivers.object_counts import GROWTH_LIMIT, PROGRAM, ObjectCounts, grown
from tests.drivers.publisher import Publisher, message
from tests.drivers.replica import Replica
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

#: Types with at least one object per client.
OF_A_CLIENT = ("Session", "Backlog", "UpgradeProbe", "ClosingSocket")
#: Bytes of a snapshot that is much larger than the kernel's buffers.
LARGE = 300_000


#: Packets of a client before it disconnects.
FAREWELLS = [b"", frame(0x88, b"\x03\xe8"), frame(0x81, b"41") + frame(0x81, b"1")]
#: Incomplete data at a disconnection: a frame's head, a fragment, and a compressed fragment.
PARTS = [b"\x81\xfe\x10", frame(0x01, b'42["a'), b"\xc1\xfe\x10\x00" + bytes(4) + b"\xaa\x56\x4a"]


class Counted(Replica):
    """A replica that reports its objects."""

    def __init__(self, redis_url: str) -> None:
        self._counts = ObjectCounts()
        super().__init__(redis_url, program=PROGRAM, **self._counts.environment)

    def counts(self) -> Counter[str]:
        """Return the number of objects by type, and of open files."""
        counts = self._counts.ask(self.process.pid)
        counts["open files"] = self._measured().num_fds()
        return counts

    def rss_bytes(self) -> int:
        return int(self._measured().memory_info().rss)

    def is_left(self) -> bool:
        """Whether the replica has no clients and no waiting packets."""
        samples = [f'ws_clients{{transport="{name}"}}' for name in ("websocket", "polling")]
        samples += [f'ws_namespace_clients{{namespace="{name}"}}' for name in ("/", "/health", "/monitoring")]
        return not any(map(self.metric, [*samples, "ws_clients_behind", "ws_outbox_packets"]))

    def _measured(self) -> psutil.Process:
        return psutil.Process(self.process.pid)


@pytest.fixture
def replica(valkey: Valkey) -> Iterator[Counted]:
    replica = Counted(valkey.url)
    try:
        replica.wait_until_ready()
        yield replica
    finally:
        replica.close()
    assert "Traceback" not in replica.process.log()


class Waves:
    """Waves of five hundred clients that connect, get events, and disconnect."""

    def __init__(self, replica: Counted, collector: Publisher) -> None:
        self._replica = replica
        self._collector = collector
        self._snapshots = of_bytes(1100)
        self._numbers = count()

    def run(self) -> None:
        """Run one wave; return when all clients have left."""
        self._readers(200)
        self._readers(200, deflate=True)
        self._upgraders(80)
        self._deaf(20)
        eventually(self._replica.is_left, what="no client left")

    def _readers(self, clients: int, *, deflate: bool = False) -> None:
        """Clients that read everything; every second client disconnects abruptly within a message."""
        swarm = Swarm(self._replica.port, deflate=deflate)
        swarm.connect(clients)
        assert swarm.failed == 0
        swarm.begin_measuring(0)
        for _ in range(3):
            self._publish()
        # The first events may be counted as well.
        eventually(
            lambda: swarm.poll(0.1) == 0 and swarm.received >= 3 * clients, what="all publications at all clients"
        )
        for number, client in enumerate(swarm.clients.values()):
            if number % 2:
                client.socket.send(PARTS[number // 2 % (3 if deflate else 2)])
                abort(client.socket)
            else:
                client.socket.send(FAREWELLS[number // 2 % 3])
        swarm.run(0.1)
        swarm.close()

    def _upgraders(self, clients: int) -> None:
        """Clients that poll, then upgrade to a WebSocket, each for another node; some abandon the upgrade."""
        address = f"127.0.0.1:{self._replica.port}/socket.io/?EIO=4"
        upgraded = []
        with requests.Session() as session:
            for number in range(clients):
                url = f"http://{address}&transport=polling"
                sid = json.loads(session.get(url, timeout=15).text[1:])["sid"]
                wanted = json.dumps({"subscribe": {"mode": "delta", "nodes": [f"node of {sid}"]}})
                session.post(f"{url}&sid={sid}", data=f"40\x1e40/monitoring,{wanted}", timeout=15)
                connection = websocket.create_connection(
                    f"ws://{address}&transport=websocket&sid={sid}", timeout=15, suppress_origin=True
                )
                connection.send("2probe")
                assert connection.recv() == "3probe"
                if number % 4 == 0:
                    abort(connection.sock)
                    session.post(f"{url}&sid={sid}", data="1", timeout=15)
                else:
                    connection.send("5")
                    upgraded.append(connection)
        self._publish()
        for number, connection in enumerate(upgraded):
            while not connection.recv().startswith('42["redis_cluster_metrics"'):
                pass
            if number % 2:
                abort(connection.sock)
            else:
                connection.close(timeout=5)

    def _deaf(self, clients: int) -> None:
        """Clients that read nothing, and disconnect while packets wait."""
        connections = [self._replica.bare_websocket() for _ in range(clients)]
        for connection in connections:
            connection.sendall(frame(0x81, b"40"))

        def all_are_behind() -> bool:
            raw = message(METRICS_CHANNEL, seq=next(self._numbers) + 1, padding="a" * LARGE)
            self._collector.publish(METRICS_CHANNEL, raw)
            return self._replica.metric("ws_clients_behind") == clients

        eventually(all_are_behind)
        for connection in connections:
            abort(connection)
        self._publish()

    def _publish(self) -> None:
        self._collector.publish(METRICS_CHANNEL, self._snapshots.publication(next(self._numbers)))


def abort(connection: socket.socket) -> None:
    """Reset the connection, so that the peer's next read fails."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_replica_keeps_no_objects_when_clients_have_disconnected(replica: Counted, collector: Publisher) -> None:
    waves = Waves(replica, collector)
    replica.counts()  # the first count creates objects as well
    for _ in range(2):
        waves.run()
    counts, rss_bytes = replica.counts(), replica.rss_bytes()

    for _ in range(4):
        waves.run()

    def nothing_is_left() -> bool:
        left = replica.counts()
        assert grown(counts, left) == {}
        return sum(left[name] for name in OF_A_CLIENT) < GROWTH_LIMIT

    eventually(nothing_is_left)  # closing handshakes take some seconds
    assert replica.rss_bytes() <= 1.15 * rss_bytes
