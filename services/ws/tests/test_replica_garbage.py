"""Invalid data of a client affects only its own connection."""

import contextlib
import random
import socket
from collections.abc import Callable
from typing import Any

import pytest
import requests
import websocket
from redis import Redis

from contract.names import ALERTS_CHANNEL
from tests.drivers.engine_session import EngineSession
from tests.drivers.frames import deflated, frame
from tests.drivers.replica import Start
from tests.drivers.waiting import eventually

MALFORMED = "ws_malformed_packets_total"
DEEP = "[" * 100_000


@pytest.fixture
def bystander(replica: Any, redis: Redis) -> Callable[[], None]:
    """A check that another client is still served."""
    client = replica.client("/")
    client.event("connection_confirmed")
    count = 0

    def prove() -> None:
        nonlocal count
        count += 1
        redis.publish(ALERTS_CHANNEL, b"{}")
        client.event("redis_cluster_alerts", count)
        assert replica.get("/livez").status_code == 200
        assert len(replica.process.log()) < 4000, replica.process.log()

    return prove


def only_the_bystander_is_left(replica: Any) -> None:
    def only_one_is_left() -> bool:
        return (
            replica.metric('ws_clients{transport="websocket"}') == 1
            and replica.metric('ws_clients{transport="polling"}') == 0
            and replica.metric('ws_namespace_clients{namespace="/"}') == 1
        )

    eventually(only_one_is_left)


def test_connection_is_closed_when_a_frame_is_not_a_packet(replica: Any, bystander: Callable[[], None]) -> None:
    packets: list[str | bytes] = ["", "x", "9", "0{}", "²", "b!!", "é" * 1000, b"", b"\x00\x01", b'42["x"]', "\x1e"]

    for packet in packets:
        client = replica.client("/")
        if isinstance(packet, bytes):
            client.connection.send_binary(packet)
        else:
            client.send(packet)
        client.wait_until_closed()

    assert replica.metric(MALFORMED) == len(packets)
    only_the_bystander_is_left(replica)
    bystander()


PACKETS = ["4", "4x", "42", "42[]", "42{}", "42[1]", '42[["x"]]', '42["connect"]', '42["disconnect","x"]', "4{}"]
PACKETS += ['451-["x",{"_placeholder":true,"num":0}]', "46-[]", "44{}", '42["x",NaN]', f"42{DEEP}", f"4{DEEP}"]
PACKETS += ["421" + "0" * 200 + '["x"]', "4" + "1" * 5000, "40{", "40/health,[1]", '42abc["x"]']


def test_connection_is_closed_when_a_message_is_not_a_packet(replica: Any, bystander: Callable[[], None]) -> None:
    for packet in PACKETS:
        client = replica.client("/")
        client.send(packet)
        client.wait_until_closed(packet)

    assert replica.metric(MALFORMED) == len(PACKETS)
    assert replica.process.log().count("a client sent") == 1
    only_the_bystander_is_left(replica)
    bystander()


@pytest.mark.parametrize("packet", ['42["request_health"]', '42/health,["request_health"]', "41", "43[1]"])
def test_connection_is_closed_when_its_first_packet_requests_no_namespace(replica: Any, packet: str) -> None:
    client = replica.bare_client()

    client.send(packet)

    client.wait_until_closed()


def test_connection_stays_open_when_a_packet_has_no_receiver(replica: Any, bystander: Callable[[], None]) -> None:
    client = replica.client("/")

    for packet in ['42["nobody_knows_this",{}]', "43[1]", "431[]", "40/nowhere,", '42/health,["request_health"]']:
        client.send(packet)
    client.connect("/health")
    client.send('42/health,["request_health"]')

    client.event("health_response")
    assert replica.metric("ws_unknown_events_total") == 1
    bystander()


def test_refusal_of_a_namespace_is_an_object(replica: Any) -> None:
    client = replica.client("/", "/health")

    for packet in ("40/nowhere,", "40/health,", "40"):
        client.send(packet)

    assert client.wait(lambda packet: packet.startswith("4"), 3) == [
        '4/nowhere,{"message":"Invalid namespace"}',
        '4/health,{"message":"Already connected"}',
        '4{"message":"Already connected"}',
    ]
    client.send('42/health,["request_health"]')
    client.event("health_response")


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x02hi",
        frame(0x83, b""),
        frame(0x81, b"4\xff\xfe"),
        frame(0x81, b"4" * 600_000),
        frame(0x81, b"", announced=2**62),
        frame(0x80, b"4"),
        b"\x88\x82" + bytes(4) + b"\x00\x01",
        b"\x09\x80" + bytes(4),
        frame(0x01, b"4") + frame(0x00, b"a" * 1000) * 600,
        frame(0x01, b"4") + (b"\x00\x80" + bytes(4)) * 600_000,
        frame(0xC1, deflated(b"4" * 50_000_000)),
    ],
    ids=[
        *("unmasked", "opcode", "utf-8", "long", "longer", "continuation", "close code", "fragmented ping"),
        *("fragments", "empty fragments", "bomb"),
    ],
)
def test_connection_is_closed_when_its_data_is_not_a_websocket(
    replica: Any, bystander: Callable[[], None], data: bytes
) -> None:
    before = replica.metric("process_resident_memory_bytes")

    with replica.bare_websocket("permessage-deflate") as connection, contextlib.suppress(ConnectionError):
        connection.settimeout(20)  # less than the time to the first ping
        connection.sendall(data)
        while connection.recv(65536):
            pass

    only_the_bystander_is_left(replica)
    assert replica.metric("process_resident_memory_bytes") - before < 16 * 1024 * 1024
    bystander()


def test_upgrade_is_abandoned_when_the_upgrade_probe_is_garbage(replica: Any, bystander: Callable[[], None]) -> None:
    for probe in ["", "x", "2nope", "4", b"\xff"]:
        session = EngineSession(replica.port)
        connection = session.websocket()
        connection.send(probe, websocket.ABNF.OPCODE_BINARY if isinstance(probe, bytes) else websocket.ABNF.OPCODE_TEXT)
        opcode, _ = connection.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE
        connection.shutdown()
        # The session continues to poll.
        session.connect()

    bystander()


HEAD = b"Host: localhost\r\nConnection: close\r\n"
REQUESTS = [
    b"\x00\xff\x13garbage\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: %s\r\n" % (number, b"a" * 800) for number in range(99)) + b"\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    b"POST /socket.io/?EIO=4 HTTP/1.1\r\n" + HEAD + b"Content-Length: -5\r\n\r\n",
    b"POST /socket.io/?EIO=4 HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000,
    b"GET /socket.io/?EIO=3&transport=polling HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /socket.io/?EIO=4&transport=%ff%00&j=x HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /socket.io/?EIO=4&transport=polling&sid=%00%0a\xff HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /socket.io/?%%%%&&&===;;; HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=abc\r\n\r\n",
    b"DELETE /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"POST /livez HTTP/1.1\r\n" + HEAD + b"Content-Length: 0\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\n" + HEAD + b"\r\n",
]


def test_invalid_request_is_refused(replica: Any, bystander: Callable[[], None]) -> None:
    for request in REQUESTS:
        with socket.create_connection(("127.0.0.1", replica.port), timeout=15) as connection:
            connection.sendall(request)
            answer = connection.recv(4096)
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 5", b"<!DOCTYPE HTML>")), (request, answer)

    only_the_bystander_is_left(replica)
    bystander()


def test_replica_keeps_serving_when_connections_send_random_bytes(replica: Any, bystander: Callable[[], None]) -> None:
    chance = random.Random(4)
    for _ in range(100):
        client = replica.client()
        with contextlib.suppress(OSError):
            client.connection.sock.sendall(chance.randbytes(chance.randrange(1, 200)))
            client.connection.sock.shutdown(socket.SHUT_WR)
        client.wait_until_closed()

    only_the_bystander_is_left(replica)
    bystander()


def test_page_of_another_origin_is_refused_and_can_read_the_reason(replica: Any, bystander: Callable[[], None]) -> None:
    headers = {"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    for _ in range(3):
        answer = requests.post(f"{replica.origin}/socket.io/?EIO=4&transport=polling", headers=headers, timeout=15)
        assert (answer.status_code, "Not an accepted origin" in answer.text) == (400, True)
        assert "Access-Control-Allow-Origin" not in answer.headers
    with pytest.raises(websocket.WebSocketBadStatusException):
        replica.client("/", headers=("Origin: http://evil.example",))

    assert replica.metric("ws_refused_origins_total") == 4
    assert replica.process.log().count("http://evil.example") == 1
    assert "WS_ALLOWED_ORIGINS" in replica.process.log()
    only_the_bystander_is_left(replica)
    bystander()


def test_page_of_another_origin_connects_when_it_is_allowed(replicas: Start) -> None:
    replica = replicas(WS_ALLOWED_ORIGINS="https://wall.example", PUBLIC_URL="https://cluster.example/")
    for origin in ("https://wall.example", "https://cluster.example", replica.origin):
        replica.client("/", headers=(f"Origin: {origin}",)).event("connection_confirmed")

    url = "/socket.io/?EIO=4&transport=polling"
    answer = replica.get(url, headers={"Origin": "https://wall.example"})
    refusal = requests.post(replica.origin + url, headers={"Origin": "https://wall.example"}, timeout=15)

    assert answer.headers["Access-Control-Allow-Origin"] == "https://wall.example"
    assert "Not an accepted origin" not in refusal.text


def test_memory_is_bounded_when_many_clients_never_end_their_packets(replicas: Start, redis: Redis) -> None:
    replica = replicas()
    good = replica.client("/")
    before = replica.metric("process_resident_memory_bytes")
    unfinished = frame(0x81, b"", announced=500_000) + b"4" * 499_000
    crowd = []
    for _ in range(400):
        connection = replica.bare_websocket()
        crowd.append(connection)
        with contextlib.suppress(ConnectionError):
            connection.sendall(unfinished)

    eventually(lambda: replica.metric('ws_closes_total{reason="overload"}') > 0)

    assert replica.metric("process_resident_memory_bytes") - before < 200 * 1024 * 1024
    redis.publish(ALERTS_CHANNEL, b"{}")
    good.event("redis_cluster_alerts")
    for connection in crowd:
        connection.close()
    eventually(lambda: replica.metric('ws_clients{transport="websocket"}') == 1)
