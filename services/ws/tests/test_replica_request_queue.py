"""A client that always has data to read does not block other clients."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Final

from tests.drivers.engine_session import EngineSession
from tests.drivers.frames import frame
from tests.drivers.replica import Replica, Start
from tests.drivers.waiting import eventually
from ws.tests.conftest import Served

#: A WebSocket ping without payload, masked with zeros, and its pong.
PING: Final = frame(0x89, b"")
PONG: Final = b"\x8a\x00"
#: As many pings as one read returns.
PINGS: Final = 2600


@contextlib.contextmanager
def talking(replica: Replica, head: bytes, again: bytes) -> Iterator[threading.Event]:
    """Send ``head``, and then ``again`` repeatedly while the replica accepts data; read all answers.

    The event is set after the first answer.
    """
    connection = socket.create_connection(("127.0.0.1", replica.port), timeout=60)
    connection.sendall(head)

    answered = threading.Event()

    def send() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(again)

    def read() -> None:
        with contextlib.suppress(OSError):
            while connection.recv(1 << 18):
                answered.set()

    threads = [threading.Thread(target=act, daemon=True) for act in (send, read)]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(20)
        connection.close()


def test_other_clients_are_served_when_one_sends_requests_without_a_pause(replicas: Start, served: Served) -> None:
    replica = replicas(TRUSTED_PROXIES="127.0.0.1")

    with talking(replica, b"", 400 * b"GET /socket.io/?EIO=3 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as answered:
        assert answered.wait(20)

        served(replica)


def test_other_clients_are_served_when_a_body_has_the_smallest_chunks(replicas: Start, served: Served) -> None:
    replica = replicas(TRUSTED_PROXIES="127.0.0.1")
    with contextlib.closing(EngineSession(replica.port)) as session:
        target = f"/socket.io/?EIO=4&transport=polling&sid={session.sid}"
        head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        # The first half million chunks are one body, which takes seconds.
        with talking(replica, head.encode(), 100_000 * b"1\r\n6\r\n") as answered:
            served(replica)

            assert not answered.is_set()


def test_few_pings_are_answered_when_many_clients_of_an_address_flood(replicas: Start, served: Served) -> None:
    replica = replicas(TRUSTED_PROXIES="127.0.0.1", WS_LIMIT_PACKETS_PER_SECOND="100")
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(contextlib.closing(replica.bare_websocket())) for _ in range(40)]
        for sender in senders:
            sender.sendall(PINGS * PING)

        served(replica)

        # One client uses up the quota of the address. The replica reads a few pings of each other client.
        assert sum(received(sender).count(PONG) for sender in senders) < len(senders) * PINGS / 5


def received(connection: socket.socket) -> bytes:
    """Return the data that has already arrived."""
    connection.setblocking(False)
    data = b""
    with contextlib.suppress(BlockingIOError):
        while piece := connection.recv(1 << 18):
            data += piece
    return data


def test_upgrade_probe_is_closed_when_it_only_sends_pings(replicas: Start) -> None:
    replica = replicas()
    with contextlib.closing(EngineSession(replica.port)) as session:
        head = (
            f"GET {session.target('websocket')} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with talking(replica, head.encode(), 100 * PING):
            eventually(lambda: replica.metric("ws_malformed_packets_total") == 1)

        # The session continues to poll.
        assert session.post("40").status == 200
