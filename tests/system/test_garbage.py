"""Garbage on every entrance harms nothing but itself, is counted, and never fills the log."""

import contextlib
import json
import socket
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis as redis_client
import requests
import websocket

from contract.names import ALERT_LOG_KEY, ALERTS_CHANNEL, CHANNELS, HEALTH_CHANNEL, METRICS_CHANNEL, latest_key
from tests.drivers.rest import Rest
from tests.drivers.socket_client import SocketClient
from tests.drivers.stack import Stack
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

#: Lines that a service may add to its log under any amount of garbage of a few kinds.
LOG_LINES = 25


def test_garbage_on_the_channels_is_dropped_counted_and_seldom_logged(stack: Stack) -> None:
    replica = stack.start_replica()
    client = stack.client(replica, "/", "/health", "/monitoring")
    client.wait_for("monitoring_connected")
    redis = stack.redis()
    before = len(stack.replicas[0].log().splitlines())
    garbage = [b"", b"{", b"[1]", b'{"a":NaN}', b'{"a":"\xff"}', b"\x00" * 1000, b"[" * 200_000, b'{"a":1}garbage']
    large = b'{"x":"' + b"x" * (3 * 1024 * 1024) + b'"}'
    for _ in range(20):
        for channel in CHANNELS:
            for message in garbage:
                redis.publish(channel, message)
    redis.publish(METRICS_CHANNEL, large)
    with pytest.raises((redis_client.ResponseError, redis_client.ConnectionError)):
        redis.publish(METRICS_CHANNEL, b'{"x":"' + b"x" * 100_000_000 + b'"}')
    redis.publish(METRICS_CHANNEL, '{"v":1,"epoch":"no snapshot"}')
    redis.publish(ALERTS_CHANNEL, '{"x":1}')
    assert client.wait_for("redis_cluster_alerts") == [{"x": 1}]
    assert client.wait_for("redis_cluster_metrics") == [{"v": 1, "epoch": "no snapshot"}]
    assert client.all("redis_cluster_health") == client.all("cluster_metrics") == []
    dropped = len(garbage) * len(CHANNELS) * 20 + 1
    metrics = replica.get("/metrics").text.splitlines()
    counted = sum(
        float(line.rpartition(" ")[2]) for line in metrics if 'outcome="dropped"' in line and "_total" in line
    )
    assert counted == dropped
    assert len(stack.replicas[0].log().splitlines()) - before <= LOG_LINES
    redis.close()


def test_snapshot_of_a_far_epoch_published_by_hand_blocks_nothing(stack: Stack) -> None:
    stack.start_simulator(2)
    stack.start_collector()
    replica = stack.start_replica()
    client = stack.client(replica, "/monitoring")
    snapshot = client.wait_for("cluster_metrics", 2)[-1]
    redis = stack.redis()
    redis.publish(METRICS_CHANNEL, json.dumps(snapshot | {"epoch": 2**50, "seq": 2**50}))
    client.clear()
    for later in client.wait_for("cluster_metrics", 3):
        assert later["epoch"] == snapshot["epoch"]
    redis.close()


def test_malformed_clients_harm_nobody_else(stack: Stack) -> None:
    stack.start_simulator(1)
    stack.start_collector()
    replica = stack.start_replica()
    client = stack.client(replica)
    client.wait_for("redis_cluster_metrics")
    before = len(stack.replicas[0].log().splitlines())
    url = replica.origin.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    frames: list[str | bytes] = [
        "", "9", "4", "4x", "42", "42{", '42["', "42[]", "42[1]", '42["request_health"', "45", "451-", "43[]",
        "43999999[]", '42/nowhere,["x"]', '451-["x",{"_placeholder":true,"num":5}]', "40{", "4" + "9" * 5000,
        '40/monitoring,{"subscribe":7}', b"\x00\xff" * 100, "4" + '2["x",' + "[" * 30_000, "4\x00",
    ]  # fmt: skip
    for _ in range(3):
        for frame in frames:
            connection = websocket.create_connection(url, timeout=10)
            with contextlib.suppress(OSError, websocket.WebSocketException):
                connection.send("40")
                connection.send(frame, websocket.ABNF.OPCODE_BINARY if isinstance(frame, bytes) else 1)
            connection.close()
    address = urllib.parse.urlsplit(replica.origin)
    raw = [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx",
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\n\r\n\xff\xff",
        b"\r\n\r\n",
    ]
    for request in raw:
        with (
            socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection,
            contextlib.suppress(OSError),  # the replica may have closed it before it has everything
        ):
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
    for query in (
        "EIO=4&transport=%00",
        "EIO=99",
        "EIO=4&transport=polling&sid=" + "x" * 5000,
        "transport=polling",
        "%ff%fe",
    ):
        assert requests.get(f"{replica.origin}/socket.io/?{query}", timeout=10).status_code == 400
    client.clear()
    client.wait_for("redis_cluster_metrics", 3)
    assert stack.tracebacks() == []
    assert len(stack.replicas[0].log().splitlines()) - before <= LOG_LINES
    assert replica.metric("ws_malformed_packets_total") > 0
    assert replica.status("/livez") == 200


def test_bad_requests_of_events_get_an_error_and_the_connection_lives_on(stack: Stack) -> None:
    replica = stack.start_replica()
    client = stack.client(replica, "/", "/health", "/monitoring")
    client.wait_for("monitoring_connected")
    bad = [
        1,
        "x",
        [],
        {"mode": "fast"},
        {"nodes": "all"},
        {"nodes": [1]},
        {"nodes": ["x"] * 2001},
        {"last_alert_id": "x"},
    ]
    for number, argument in enumerate(bad, 1):
        client.emit("subscribe_to_updates", argument, namespace="/monitoring")
        error = client.wait_for("error", number)[-1]
        assert error["code"] == "bad_request"
    assert client.call("request_health", None, "/health")["data"]["redis"]["status"] == "up"
    assert client.call("request_health", {}, "/health")["timestamp"]
    client.emit("no_such_event", {"x": 1})
    assert client.call("subscribe_to_updates", {"nodes": []}, "/monitoring")["nodes"] == []
    assert replica.metric("ws_bad_requests_total") == len(bad)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/alerts/log?limit=0", 400),
        ("/api/alerts/log?limit=1001", 400),
        ("/api/alerts/log?limit=x", 400),
        ("/api/alerts/log?limit=9" + "9" * 500, 400),
        ("/api/alerts/log?after=x", 400),
        ("/api/alerts/log?after=1-1%0d%0aX:1", 400),
        ("/api/alerts/log?after=%ff", 400),
        ("/api/cluster/nodes/..%2f..%2fetc%2fpasswd", 404),
        ("/api/cluster/nodes/%00", 404),
        ("/api/nothing", 404),
        ("/static/..%2f..%2fapp.py", 404),
        ("/nothing", 404),
    ],
)
def test_api_answers_a_clear_error_when_a_request_is_bad(shared_api: Rest, path: str, status: int) -> None:
    response = shared_api.get(path)
    assert response.status_code == status
    if path.startswith("/api"):
        assert response.headers["Content-Type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == status
        assert problem["detail"]
        assert len(response.text) < 2000


def test_api_answers_503_when_keys_hold_garbage(stack: Stack) -> None:
    redis = stack.redis()
    for channel in (METRICS_CHANNEL, HEALTH_CHANNEL, ALERTS_CHANNEL):
        redis.set(latest_key(channel), b'{"v":1,"garbage":"\xff')
    redis.set(ALERT_LOG_KEY, "not a stream")
    api = stack.start_api()
    routes = (
        "/api/cluster/nodes",
        "/api/cluster/snapshot",
        "/api/cluster/overview",
        "/api/cluster/health",
        "/api/alerts",
    )
    for route in routes:
        response = api.get(route)
        assert response.status_code == 503, route
        assert response.json()["detail"]
    assert api.status("/api/alerts/log") == 503
    assert api.status("/") == 200
    assert api.status("/api/health") == 200
    redis.close()


@dataclass
class Living:
    """A cluster of four nodes, and a client that is pushed to."""

    stack: Stack
    control: Rest
    probes: Rest
    client: SocketClient


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    valkey = Valkey()
    valkey.start()
    stack = Stack(valkey)
    try:
        control, probes = stack.start_simulator(4), stack.start_collector()
        yield Living(stack, control, probes, stack.client(stack.start_replica()))
    finally:
        stack.close()
        valkey.stop()
    assert stack.tracebacks() == []


@pytest.mark.parametrize("fault", ["slow", "broken", "drip", "huge", "dead"])
def test_bad_exporter_is_offline_with_its_reason_and_delays_nobody(living: Living, fault: str) -> None:
    # Given a living cluster
    stack, control, probes, client = living.stack, living.control, living.probes, living.client
    eventually(lambda: client.last("redis_cluster_metrics")["cluster_stats"]["online_nodes"] == 4)
    before = len(stack.collector.log().splitlines())
    failed = probes.metric("collector_scrapes_failed_total")
    # When one of its exporters goes bad
    assert requests.put(f"{control.origin}/nodes/node02/fault", data=fault, timeout=10).ok

    def bad() -> dict[str, object] | None:
        node: dict[str, object] = client.last("redis_cluster_metrics")["nodes"][1]
        return node if node["status"] == "offline" else None

    # Then it is offline and says why, the others stay, rounds go on
    assert eventually(bad, within_seconds=30)["error"]
    client.clear()
    for snapshot in client.wait_for("redis_cluster_metrics", 5):
        assert [node["status"] for node in snapshot["nodes"]] == ["online", "offline", "online", "online"]
    assert probes.metric("collector_scrapes_failed_total") > failed
    assert len(stack.collector.log().splitlines()) - before <= LOG_LINES
    # And comes back when it is well again
    assert requests.put(f"{control.origin}/nodes/node02/fault", data="none", timeout=10).ok
    eventually(lambda: client.last("redis_cluster_metrics")["cluster_stats"]["online_nodes"] == 4, within_seconds=30)


def test_broken_targets_file_keeps_the_old_targets_and_says_so(stack: Stack) -> None:
    stack.start_simulator(2)
    good = stack.targets.read_text()
    stack.start_collector()
    api = stack.start_api()
    eventually(lambda: len(api.json("/api/cluster/nodes")) == 2)
    stack.targets.write_text("workers: [node1, {host: }, :: ]\n  x")
    eventually(lambda: any("nodes.yaml" in issue for issue in api.json("/api/cluster/health")["issues"]))
    assert len(api.json("/api/cluster/nodes")) == 2
    stack.targets.write_text(good.replace("node02", "renamed"))
    eventually(lambda: [node["node"] for node in api.json("/api/cluster/nodes")] == ["node01", "renamed"])
    eventually(lambda: not any("nodes.yaml" in issue for issue in api.json("/api/cluster/health")["issues"]))
