"""Start and shutdown of a replica."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest
import requests
from redis import Redis

from contract.names import REPLICAS_KEY, replica_key
from contract.presence import ReplicaPresence
from tests.drivers.frames import frame
from tests.drivers.ports import free_port
from tests.drivers.process import ROOT, Process
from tests.drivers.replica import Start
from tests.drivers.socket_client import SocketClient
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

#: Replicas start with ``python -m ws``.
started = pytest.mark.parametrize("copies", [None], ids=["started"])


def another_replica(redis: Redis) -> None:
    """Register another replica in Redis for a minute."""
    presence = ReplicaPresence(
        replica="another", connected_clients=0, started="2026-11-30T00:00:00.000Z", version="", messages=0, deliveries=0
    )
    redis.hset(replica_key(presence.replica), mapping=presence.fields())
    redis.expire(replica_key(presence.replica), 60)
    redis.zadd(REPLICAS_KEY, {presence.replica: (time.time() + 60) * 1000})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_replica_unregisters_and_disconnects_its_clients_when_it_shuts_down(
    replicas: Start, redis: Redis, number: int
) -> None:
    # Given a minute to disconnect the clients; two clients need less time, and ``stop`` waits for less than a minute
    replica = replicas(WS_DRAIN_SECONDS="60")
    eventually(lambda: redis.zcard(REPLICAS_KEY) == 1)
    name = redis.zrange(REPLICAS_KEY, 0, -1)[0].decode()
    idle, client = replica.client(), replica.client("/")
    waiting = socket.create_connection(("127.0.0.1", replica.port), timeout=20)
    waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert waiting.recv(65536).endswith(b"live\n")

    assert replica.process.stop(number) == 0

    for connection in (idle, client):
        connection.wait_until_closed()
        assert connection.close_code == 1001
    assert waiting.recv(1) == b""
    waiting.close()
    assert not redis.exists(REPLICAS_KEY, replica_key(name))


@started
def test_clients_reconnect_when_a_replica_was_restarted(replicas: Start, redis: Redis) -> None:
    replica = replicas()
    clients = [SocketClient(replica.origin, "/", transport=transport) for transport in ("websocket", "polling")]
    try:
        for client in clients:
            client.wait_for("connection_confirmed")

        assert replica.process.stop() == 0
        replica.process.start()

        confirmed = [client.wait_for("connection_confirmed", 2) for client in clients]
        assert all(first["replica"] != second["replica"] for first, second in confirmed)
    finally:
        for client in clients:
            client.close()


def test_new_client_is_refused_when_a_replica_drains(replicas: Start, redis: Redis) -> None:
    replica = replicas(WS_DRAIN_SECONDS="60")
    another_replica(redis)
    leaving = [replica.client("/") for _ in range(50)]
    with requests.Session() as kept:
        url = f"{replica.origin}/socket.io/?EIO=4&transport=polling"
        assert kept.get(url, timeout=15).status_code == 200

        os.kill(replica.process.pid, signal.SIGTERM)
        eventually(lambda: any(client.closed for client in leaving))
        ready = kept.get(f"{replica.origin}/readyz", timeout=15)
        answer = kept.get(url, timeout=15)

    assert (ready.status_code, ready.text) == (404, "draining\n")
    assert answer.status_code == 503
    assert not all(client.closed for client in leaving)


def test_draining_replica_admits_new_clients_until_gateways_notice(replicas: Start, redis: Redis) -> None:
    replica = replicas(WS_DRAIN_SECONDS="60")
    another_replica(redis)
    leaving = [replica.client("/") for _ in range(50)]

    os.kill(replica.process.pid, signal.SIGTERM)
    # A new connection still gets an answer: the replica drains
    eventually(lambda: replica.get("/readyz").status_code == 404)
    late = replica.get("/socket.io/?EIO=4&transport=polling")

    assert late.status_code == 200
    assert not any(client.closed for client in leaving)
    eventually(lambda: any(client.closed for client in leaving), within_seconds=30)


def test_replica_shuts_down_immediately_when_there_is_no_other_replica(replicas: Start) -> None:
    # Given a minute to disconnect the clients one by one
    replica = replicas(WS_DRAIN_SECONDS="60")
    clients = [replica.client("/") for _ in range(50)]
    # When there is no other replica, then the replica stops within the time limit of ``stop``, less than a minute
    assert replica.process.stop(signal.SIGTERM) == 0
    for client in clients:
        client.wait_until_closed()


def test_replica_shuts_down_soon_when_redis_hangs_and_a_client_reads_nothing(
    replica: Any, valkey: Valkey, redis: Redis
) -> None:
    deaf = replica.bare_websocket()
    deaf.sendall(frame(0x81, b"40"))
    eventually(lambda: replica.metric('ws_namespace_clients{namespace="/"}') == 1)
    for _ in range(2):
        redis.publish("cluster:alerts", b'{"x":"' + b"a" * 3_000_000 + b'"}')
    eventually(lambda: replica.metric("ws_deliveries_total") == 3)

    valkey.pause()
    try:
        assert replica.process.stop() == 0
    finally:
        valkey.resume()
        deaf.close()


def run(**env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ws"], env={**os.environ, **env}, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_replica_prints_one_sentence_when_its_port_is_in_use(taken: int) -> None:
    done = run(WS_PORT=str(taken))

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(f"ERROR ws: cannot listen on 127.0.0.1:{taken}: Address already in use\n")


@pytest.mark.parametrize(("name", "value"), [("LOG_LEVEL", "loud"), ("WS_HOST", "no.such.host.invalid")])
def test_replica_prints_one_sentence_when_a_setting_is_invalid(name: str, value: str) -> None:
    done = run(**{name: value, "WS_PORT": str(free_port())})

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert value in done.stderr


def test_replica_serves_and_logs_a_removed_setting_once(replicas: Start) -> None:
    replica = replicas(WS_PUSH="plain")

    assert replica.process.log().count("WS_PUSH was removed in 0.4; ") == 1


SECOND_ADDRESS = """
import sys
import ws.loop
from runtime.logs import configure_logs
from ws.config import Config
from ws.service import SecondAddress, run

def wrap(app):
    def answer(environ, start_response):
        if environ["PATH_INFO"].startswith("/socket.io/"):
            return app(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"the other application"]
    return answer

configure_logs("ws")
config = Config(redis_url=sys.argv[1], port=int(sys.argv[2]))
sys.exit(run(config, SecondAddress("127.0.0.1", int(sys.argv[3]), wrap)))
"""


def test_second_address_serves_its_own_application_around_socket_io(valkey: Valkey) -> None:
    port, second = free_port(), free_port()
    process = Process("second address", [sys.executable, "-c", SECOND_ADDRESS, valkey.url, str(port), str(second)])
    process.start()
    try:

        def text(port: int, path: str) -> str:
            return requests.get(f"http://127.0.0.1:{port}{path}", timeout=15).text

        eventually(lambda: text(port, "/readyz") == "ready\nredis: up\n")
        assert text(second, "/livez") == text(second, "/") == "the other application"
        assert text(port, "/livez") == "live\n"
        for origin in (port, second):
            client = SocketClient(f"http://127.0.0.1:{origin}", "/")
            client.wait_for("connection_confirmed")
            client.close()
        assert process.stop() == 0
    finally:
        process.kill()


def test_replica_prints_one_sentence_when_the_second_port_is_in_use(valkey: Valkey, taken: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SECOND_ADDRESS, valkey.url, str(free_port()), str(taken)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(f"ERROR ws: cannot listen on 127.0.0.1:{taken}: Address already in use\n")


def test_probes_and_the_description_are_served(replica: Any) -> None:
    assert replica.get("/livez").text == "live\n"
    assert replica.get("/readyz").text == "ready\nredis: up\n"
    assert replica.get("/").text.count("\n") == 1
    assert replica.get("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert replica.get("/nothing").status_code == 404


@started
def test_replica_is_small_when_it_is_idle(replica: Any) -> None:
    clients = [replica.client("/", "/health", "/monitoring") for _ in range(3)]
    for client in clients:
        client.event("monitoring_connected")

    assert psutil.Process(replica.process.pid).memory_info().rss < 50 * 1024 * 1024


def test_client_is_pinged_by_the_settings_and_disconnected_without_an_answer(replicas: Start) -> None:
    # given
    replica = replicas(WS_PING_INTERVAL_SECONDS="2", WS_PING_TIMEOUT_SECONDS="1")
    opened = replica.get("/socket.io/?EIO=4&transport=polling").text
    handshake = json.loads(opened[1:])
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (2000, 1000)

    # when the client sends nothing more
    # then
    eventually(lambda: replica.metric('ws_closes_total{reason="ping timeout"}') == 1, what="the ping timeout")


def test_replica_logs_connections_and_requests_at_the_level_debug(replicas: Start) -> None:
    replica = replicas(WS_LOG_LEVEL="DEBUG", LOG_FORMAT="json")
    client = replica.client("/monitoring")
    client.event("monitoring_connected")
    client.close()
    replica.get("/livez?secret=5")

    def connection_lines() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in replica.process.log().splitlines() if line.startswith("{")]
        return [line for line in lines if "connection" in line]

    eventually(lambda: len(connection_lines()) >= 2, what="the end of the connection")
    first, last = connection_lines()[0], connection_lines()[-1]
    assert first["message"].endswith(" began")
    assert "ended: " in last["message"]
    assert last["reason"] in ("client", "gone")
    assert first["connection"] == last["connection"]
    assert last["address"] == "127.0.0.1"
    assert '"path": "/livez", "status": 200' in replica.process.log()
    assert "secret" not in replica.process.log()
