"""Limits on the memory for received data: per client, per address, and for all clients in no namespace."""

import contextlib
import json
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import pytest

from tests.drivers.attacks import attack_rounds
from tests.drivers.engine_session import EngineSession
from tests.drivers.frames import deflated, frame
from tests.drivers.replica import Replica, Start
from tests.drivers.waiting import eventually
from ws.tests.conftest import Served

DEFLATE: Final = "permessage-deflate"
#: Most bytes by which a replica's memory may grow in a flood. Compose allows 512 MiB; an idle replica needs 117.
GROWTH_LIMIT_BYTES: Final = 100 << 20
PACKET_LIMIT_BYTES: Final = 512 * 1024
CONNECT: Final = "40/monitoring,"


def subscription(bytes_: int) -> str:
    """Return a subscription of about this number of bytes."""
    return json.dumps({"mode": "delta", "nodes": [f"node-{number:0120}" for number in range(bytes_ // 128)]})


def compressed(text: str) -> bytes:
    """Return the frame of a compressed message."""
    return frame(0xC1, deflated(text.encode()))


@contextlib.contextmanager
def sockets(replica: Replica, count: int) -> Iterator[Sequence[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(replica.bare_websocket(DEFLATE))) for _ in range(count)]


def send(connection: socket.socket, data: bytes) -> None:
    """Send data; ignore an error if the replica has closed the connection."""
    connection.settimeout(10)
    with contextlib.suppress(OSError):
        connection.sendall(data)


def close_code(connection: socket.socket) -> int:
    """Read until the replica closes the connection; return the close code."""
    connection.settimeout(60)
    data = b""
    while piece := connection.recv(1 << 16):
        data = (data + piece)[-125:]
    close = data.rindex(b"\x88")
    return int.from_bytes(data[close + 2 : close + 4], "big")


@pytest.mark.parametrize("copies", [None], ids=["started"])  # a forked copy shares memory with its original
@pytest.mark.parametrize(
    "text",
    ["4" + "a" * (PACKET_LIMIT_BYTES - 1), CONNECT + json.dumps({"subscribe": "a" * (PACKET_LIMIT_BYTES - 64)})],
    ids=["no subscription", "a subscription"],
)
def test_memory_stays_bounded_when_unadmitted_clients_send_messages_that_inflate_to_much(
    replicas: Start, served: Served, text: str
) -> None:
    replica = replicas(TRUSTED_PROXIES="127.0.0.1", WS_LIMIT_CONNECTS_PER_SECOND="5000")
    bombs = 28 * compressed(text)
    before = replica.peak_bytes()

    def has_dealt_with(count: int) -> bool:
        """Whether this number of clients was disconnected, or some clients wait for a queue slot."""
        waits = replica.metric('ws_limited_total{kind="packets"}')
        return waits > 0 or replica.metric("ws_malformed_packets_total") == count

    for number in attack_rounds():
        with sockets(replica, 60) as strangers:
            for stranger in strangers:
                send(stranger, bombs)
            served(replica)
            eventually(partial(has_dealt_with, (number + 1) * len(strangers)), within_seconds=60)

        assert replica.peak_bytes() - before < GROWTH_LIMIT_BYTES


def test_connection_ends_when_a_message_other_than_a_subscription_inflates_to_much(replicas: Start) -> None:
    replica = replicas()
    with sockets(replica, 1) as (stranger,):
        send(stranger, compressed("40") + compressed('42["x","' + "a" * 4096 + '"]'))

        assert close_code(stranger) == 1009


def test_subscription_may_be_long_when_it_is_compressed(replicas: Start) -> None:
    replica = replicas()
    wanted = subscription(200_000)
    with sockets(replica, 1) as (client,):
        send(client, compressed(CONNECT + f'{{"subscribe":{wanted}}}'))
        send(client, compressed(f'42/monitoring,7["subscribe_to_updates",{wanted}]'))
        send(client, compressed('42/monitoring,["request_cluster_status"]'))

        # There is no snapshot, so the request for it is the only bad request.
        eventually(lambda: replica.metric("ws_bad_requests_total") == 1)
        assert replica.metric("ws_malformed_packets_total") == 0


def test_unadmitted_clients_of_one_address_share_a_budget(replicas: Start) -> None:
    replica = replicas(TRUSTED_PROXIES="127.0.0.1")
    part = frame(0x81, b"4" + b"a" * 500_000, announced=PACKET_LIMIT_BYTES)
    elsewhere = replica.client(headers=("X-Forwarded-For: 10.1.2.3",))
    inside = replica.client()

    with sockets(replica, 12) as strangers:
        for stranger in strangers:
            send(stranger, part)
        # 4 MiB are enough for eight clients.
        eventually(lambda: replica.metric('ws_closes_total{reason="overload"}') == 4)

        inside.send("42" + json.dumps(["x", "a" * 400_000]))
        eventually(lambda: replica.metric("ws_unknown_events_total") == 1)
        assert not elsewhere.closed
        assert not inside.closed
        assert replica.metric('ws_clients{transport="websocket"}') == 2 + 8


def test_bytes_of_a_message_count_in_the_rate_of_packets(replicas: Start) -> None:
    replica = replicas(WS_LIMIT_PACKETS_PER_SECOND="20")
    client = replica.client("/monitoring")

    for _ in range(4):
        client.send('42/monitoring,["subscribe_to_updates",' + subscription(250_000) + "]")

    # The message counts as one packet per 4096 bytes; a burst of 200 packets is allowed.
    eventually(lambda: client.payloads("error"), what="the warning that packets wait")
    assert client.payloads("error")[-1]["code"] == "limit_exceeded"


def post(replica: Replica, sid: str, length: int, body: bytes) -> socket.socket:
    """Return a connection with a POST, whose body may be incomplete."""
    connection = socket.create_connection(("127.0.0.1", replica.port), timeout=60)
    target = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
    send(connection, f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n".encode() + body)
    return connection


@pytest.mark.parametrize("copies", [None], ids=["started"])
def test_memory_stays_bounded_when_bodies_do_not_end(replicas: Start, served: Served) -> None:
    replica = replicas(TRUSTED_PROXIES="127.0.0.1")
    before = replica.peak_bytes()

    for _ in attack_rounds():
        with contextlib.ExitStack() as stack:
            for _ in range(300):
                session = stack.enter_context(contextlib.closing(EngineSession(replica.port)))
                body = b"4" + b"a" * (PACKET_LIMIT_BYTES - 2)
                stack.enter_context(contextlib.closing(post(replica, session.sid, PACKET_LIMIT_BYTES, body)))
            served(replica)

            assert replica.peak_bytes() - before < GROWTH_LIMIT_BYTES
            assert replica.metric('ws_closes_total{reason="overload"}') > 0


@pytest.mark.parametrize("copies", [None], ids=["started"])
def test_memory_stays_bounded_when_bodies_are_many_packets(replicas: Start, served: Served) -> None:
    replica = replicas(TRUSTED_PROXIES="127.0.0.1")
    body = b"\x1e".join([b"6a"] * (PACKET_LIMIT_BYTES // 3))
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(contextlib.closing(EngineSession(replica.port))) for _ in range(30)]
        for session in sessions:
            assert session.post("40").status == 200
        before = replica.peak_bytes()
        for session in sessions:
            stack.enter_context(contextlib.closing(post(replica, session.sid, len(body), body)))
        served(replica)
        eventually(lambda: replica.metric('ws_limited_total{kind="packets"}') > 0)

        assert replica.peak_bytes() - before < GROWTH_LIMIT_BYTES


def test_body_counts_as_the_memory_of_its_text(replicas: Start) -> None:
    replica = replicas(WS_LIMIT_PACKETS_PER_SECOND="1")
    # One such character makes each character take four bytes. The body is kept while its first packets wait.
    body = ("6\x1e" * 100 + "6\N{GRINNING FACE}" + "a" * 500_000).encode()
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            session = stack.enter_context(contextlib.closing(EngineSession(replica.port)))
            stack.enter_context(contextlib.closing(post(replica, session.sid, len(body), body)))

        # The 4 MiB of an address are enough for two clients.
        eventually(lambda: replica.metric('ws_closes_total{reason="overload"}') == 1)


def status(connection: socket.socket) -> int:
    """Return the status of the next answer."""
    return int(connection.recv(1 << 16).split(b" ", 2)[1])


def test_body_is_not_read_further_when_its_session_ends(replicas: Start) -> None:
    replica = replicas()
    session = EngineSession(replica.port)
    with contextlib.closing(session), contextlib.closing(post(replica, session.sid, 100_000, b"4" * 50_000)) as sending:
        # A second POST beside the first ends the session.
        eventually(lambda: session.post("40").status == 400)

        assert status(sending) == 400


def test_answer_reaches_a_client_that_still_sends_and_then_the_connection_closes(replicas: Start) -> None:
    replica = replicas()
    with contextlib.closing(post(replica, "unknown", 1 << 40, b"4" * 200_000)) as sending:
        assert status(sending) == 400

        with pytest.raises(ConnectionError):
            sending.sendall(bytes(100_000_000))
