"""An address or identity that exceeds a limit gets an error, and does not affect other clients."""

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
from redis import Redis

from contract.names import METRICS_CHANNEL
from tests.drivers.credentials import Credentials
from tests.drivers.frames import frame
from tests.drivers.publisher import Publisher, message
from tests.drivers.raw_client import RawClient
from tests.drivers.replica import Replica, Start
from tests.drivers.waiting import eventually

#: Header of a trusted proxy for a client at another address.
ELSEWHERE = ("X-Forwarded-For: 10.1.2.3",)


@pytest.fixture
def start(replicas: Start) -> Start:
    def started(**env: str) -> Replica:
        return replicas(TRUSTED_PROXIES="127.0.0.1", **env)

    return started


def open_request(replica: Replica, *headers: str) -> requests.Response:
    pairs = dict(header.split(": ", 1) for header in headers)
    return replica.get("/socket.io/?EIO=4&transport=polling", headers=pairs)


def snapshots(client: RawClient) -> int:
    return len(client.payloads("redis_cluster_metrics"))


def test_connection_is_refused_when_its_address_has_reached_the_limit(start: Start) -> None:
    replica = start(WS_LIMIT_CONNECTIONS="3")
    first = [replica.client() for _ in range(3)]

    refused = open_request(replica)

    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["status"] == 429
    with pytest.raises(websocket.WebSocketBadStatusException, match="429"):
        replica.client()
    assert replica.get("/socket.io/?EIO=4&transport=polling&xsid=1&sid=").status_code == 429
    assert replica.metric('ws_limited_total{kind="connections"}') == 3
    # Other addresses can connect, existing connections stay, and a closed connection makes room.
    assert replica.client(headers=ELSEWHERE).names()[:1] in ([], ["connection_confirmed"])
    assert not any(client.closed for client in first)
    first[0].close()
    eventually(lambda: open_request(replica).status_code == 200, what="room for one more")


def test_connection_is_refused_when_its_address_connects_too_often(start: Start) -> None:
    replica = start(WS_LIMIT_CONNECTS_PER_SECOND="1")
    codes = [open_request(replica).status_code for _ in range(40)]

    # A burst of ten, and the connections allowed during the test itself.
    assert codes[:10] == [200] * 10
    assert 429 in codes
    assert open_request(replica, *ELSEWHERE).status_code == 200
    assert replica.metric('ws_limited_total{kind="connects"}') == codes.count(429)


def test_flood_of_packets_is_delayed_with_a_warning_while_other_clients_are_served(
    start: Start, collector: Publisher
) -> None:
    replica = start(WS_LIMIT_PACKETS_PER_SECOND="20")
    other = replica.client(headers=ELSEWHERE)
    flooder = replica.client("/monitoring")

    for number in range(400):
        flooder.send(f'42/monitoring,{number}["request_cluster_status"]')

    def limited() -> int:
        return sum(error["code"] == "limit_exceeded" for error in flooder.payloads("error"))

    eventually(lambda: limited() > 0, within_seconds=20, what="the warning that packets wait")
    for seq in range(1, 6):
        collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=seq))
        other.event("redis_cluster_metrics", seq)
    assert not flooder.closed
    # The client gets a warning once per second, not once per packet.
    assert limited() < 100
    # No packet is lost: the rest waits.
    answered = len(flooder.payloads("error")) + len(flooder.payloads("cluster_status_response"))
    eventually(
        lambda: len(flooder.payloads("error")) + len(flooder.payloads("cluster_status_response")) > answered,
        within_seconds=20,
        what="the next answers",
    )
    assert replica.metric('ws_limited_total{kind="packets"}') > 0


def test_flood_of_pings_is_answered_at_the_packet_rate(replicas: Start) -> None:
    replica = replicas(WS_LIMIT_PACKETS_PER_SECOND="200")
    connection = replica.bare_websocket()
    ping = frame(0x89, b"")
    connection.settimeout(0.2)
    began = time.monotonic()
    pongs, sent = 0, 0

    def pings_limit() -> float:
        """Return the most pings: a burst of ten seconds, and one or two more reads."""
        return 2000 + 200 * (time.monotonic() - began) + 2 * 16 * 1024 / len(ping)

    while time.monotonic() - began < 1.5 or sent / len(ping) < 2 * pings_limit():
        assert time.monotonic() - began < 30
        try:
            sent += connection.send(ping * 1000)
            pongs += connection.recv(65536).count(b"\x8a\x00")
        except TimeoutError:
            continue

    assert pongs < pings_limit()
    assert replica.metric('ws_limited_total{kind="packets"}') > 0
    connection.close()


def test_connection_is_closed_when_its_packet_is_too_long(start: Start) -> None:
    replica = start(WS_LIMIT_PACKET_BYTES="2048")
    other, client = replica.client(), replica.client()

    client.send("42" + json.dumps(["x", "a" * 3000]))

    client.wait_until_closed()
    assert not other.closed
    polled = open_request(replica)
    sid = json.loads(polled.text[1:].partition("\x1e")[0])["sid"]
    path = f"{replica.origin}/socket.io/?EIO=4&transport=polling&sid={sid}"
    assert requests.post(path, data="42" + json.dumps(["x", "a" * 3000]), timeout=15).status_code in (400, 413)


def test_subscription_is_refused_when_its_address_has_reached_the_limit(start: Start) -> None:
    replica = start(WS_LIMIT_SUBSCRIPTIONS="2")

    def subscribe(client: RawClient, nodes: list[str] | None, number: int = 1) -> dict[str, Any]:
        client.send(f'42/monitoring,{number}["subscribe_to_updates",{json.dumps({"nodes": nodes})}]')
        answer = client.wait(lambda packet: packet.startswith(f"3/monitoring,{number}["))[0]
        found: dict[str, Any] = json.loads(answer[answer.index("[") :])[0]
        return found

    first, second, third = (replica.client("/monitoring") for _ in range(3))
    other = replica.client("/monitoring", headers=ELSEWHERE)
    assert subscribe(first, ["a"])["nodes"] == ["a"]
    assert subscribe(second, ["b"])["nodes"] == ["b"]

    assert subscribe(third, ["c"])["code"] == "limit_exceeded"

    assert subscribe(other, ["c"])["nodes"] == ["c"]
    assert subscribe(third, None, 2)["nodes"] is None
    assert subscribe(first, ["d"], 2)["nodes"] == ["d"]
    assert replica.metric('ws_limited_total{kind="subscriptions"}') == 1
    assert subscribe(second, [], 2)["nodes"] == []
    assert subscribe(third, ["c"], 3)["nodes"] == ["c"]
    first.close()
    fourth = replica.client("/monitoring")
    eventually(lambda: "nodes" in subscribe(fourth, ["e"], len(fourth.packets) + 9), what="room for one more")


def test_identity_is_limited_across_addresses(replicas: Start, tmp_path: Path, redis: Redis) -> None:
    credentials = Credentials(tmp_path, redis)
    token = credentials.token("reader")
    replica = replicas(
        headers={"Authorization": f"Bearer {token}"},
        WS_LIMIT_CONNECTIONS="2",
        TRUSTED_PROXIES="127.0.0.1",
        **credentials.env,
    )

    def connect_from(address: int, auth: object, *, cookie: Sequence[str] = ()) -> str:
        client = replica.bare_client(headers=(f"X-Forwarded-For: 10.0.0.{address}", *cookie))
        client.send(f"40{json.dumps(auth)}")
        return client.wait(lambda packet: packet.startswith(("0{", "4{")))[0]

    assert connect_from(1, {"token": token}).startswith("0")
    assert connect_from(2, {"token": token}).startswith("0")
    refused = connect_from(3, {"token": token})
    assert json.loads(refused[1:])["data"]["code"] == "limit_exceeded"
    assert connect_from(4, {}, cookie=(f"Cookie: {credentials.cookie()}", f"Origin: {replica.origin}")).startswith("0")


def test_forwarded_address_is_used_only_from_trusted_proxies(replicas: Start) -> None:
    replica = replicas(WS_LIMIT_CONNECTIONS="1")
    replica.client(headers=ELSEWHERE)

    assert open_request(replica, "X-Forwarded-For: 10.9.9.9").status_code == 429


def test_other_clients_are_served_while_half_requests_are_open(start: Start, collector: Publisher) -> None:
    replica = start()
    halves = []
    for _ in range(300):
        half = socket.create_connection(("127.0.0.1", replica.port))
        half.sendall(b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        halves.append(half)

    client = replica.client()
    for seq in range(1, 11):
        for half in halves[seq::10]:
            half.sendall(b"a")
        collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=seq))
        client.event("redis_cluster_metrics", seq)

    assert replica.get("/livez").status_code == 200
    for half in halves:
        half.close()
