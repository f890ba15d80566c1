"""Clients that came and went leave nothing behind."""

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable

import psutil
import pytest
import redis as redis_client
import requests
import websocket

from bench.push.swarm import Swarm
from contract.names import ALERTS_CHANNEL
from tests.drivers.counted import PROGRAM, Counts, grown
from tests.drivers.replica import Replica
from tests.drivers.waiting import eventually

WAVES = 6


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def counted(replicas: Callable[..., Replica], counts: Counts) -> Replica:
    replica = replicas(**counts.environment)
    replica.process.stop()
    replica.process.command = [sys.executable, "-c", PROGRAM]
    replica.process.start()
    replica.wait_until_ready()
    return replica


def upgraded(replica: Replica) -> websocket.WebSocket:
    """A client that polled, and goes on over a WebSocket."""
    url = f"{replica.origin}/socket.io/?EIO=4&transport="
    sid = json.loads(requests.get(url + "polling", timeout=15).text[1:])["sid"]
    requests.post(f"{url}polling&sid={sid}", data="40", timeout=15)
    connection = websocket.create_connection(f"{url.replace('http', 'ws')}websocket&sid={sid}", timeout=15)
    connection.send("2probe")
    assert connection.recv() == "3probe"
    connection.send("5")
    return connection


def wave(replica: Replica, redis: redis_client.Redis, number: int) -> None:
    """Let clients of all kinds come, be published to, and go in all ways."""
    swarm = Swarm(replica.port, deflate=bool(number % 2))
    swarm.connect(300)
    assert swarm.failed == 0
    others = [upgraded(replica) for _ in range(20)]
    unfinished = [replica.bare_websocket("permessage-deflate") for _ in range(20)]
    for connection in unfinished:
        connection.sendall(b"\xc1\xfe\x40\x00" + bytes(4) + b"part of a message")
    garbage = [replica.bare_websocket() for _ in range(20)]
    for connection in garbage:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"\x81\x02no")
    redis.publish(ALERTS_CHANNEL, b"{}")
    swarm.run(0.2)
    swarm.close()
    for other in others[:10]:
        other.close()
    for other in others[10:]:
        other.shutdown()
    for connection in [*unfinished, *garbage]:
        connection.close()
    eventually(lambda: replica.metric('ws_clients{transport="websocket"}') == 0)
    eventually(lambda: replica.metric("ws_outbox_packets") == replica.metric("ws_clients_behind") == 0)


def test_nothing_is_left_of_clients_that_came_and_went(
    counted: Replica, counts: Counts, redis: redis_client.Redis
) -> None:
    rss: list[int] = []
    objects: list[Counter[str]] = []
    for number in range(WAVES):
        wave(counted, redis, number)
        objects.append(counts.ask(counted.process.pid))
        rss.append(psutil.Process(counted.process.pid).memory_info().rss)

    def settled() -> bool:
        assert grown(objects[1], counts.ask(counted.process.pid)) == {}
        return True

    eventually(settled)
    assert rss[-1] <= 1.15 * rss[1]
