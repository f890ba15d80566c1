"""With closed access, a delivery runs no access code: the replica disconnects clients whose access ends."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
import requests
from redis import Redis

from bench.push.swarm import Swarm
from contract.events import NAMESPACES
from contract.names import CHANNELS, METRICS_CHANNEL
from tests.drivers.credentials import Credentials
from tests.drivers.frames import frame
from tests.drivers.polling_session import PollingSession
from tests.drivers.publisher import Publisher, message
from tests.drivers.raw_client import RawClient
from tests.drivers.replica import Replica
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

#: Prefixes of the access modules.
ACCESS = ("ws.access.", "access.")
#: Bytes of a snapshot that is much larger than the kernel's buffers.
LARGE = 300_000
#: Replaces ``python -m ws``. Writes the Python functions that ran in a delivery, and in a handshake, into the file that
#: ``CALLS`` names. A delivery is the handling of one message until all frames are written or wait, and the later
#: writing of waiting frames; no other greenlet runs in between.
PROGRAM = """
import ws.loop
import collections, json, os, sys
from ws.__main__ import main
from ws.access.server import AccessServer
from ws.engine.session import Session
from ws.feed import Feed

called = {"delivery": collections.Counter(), "handshake": collections.Counter()}

def traced(owner, name, phase):
    function = getattr(owner, name)

    def note(frame, event, argument):
        if event == "call":
            called[phase][f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}"] += 1

    def run(*arguments):
        sys.setprofile(note)
        try:
            return function(*arguments)
        finally:
            sys.setprofile(None)
            with open(os.environ["CALLS"] + ".new", "w") as file:
                json.dump(called, file)
            os.replace(os.environ["CALLS"] + ".new", os.environ["CALLS"])

    setattr(owner, name, run)

traced(Feed, "_apply", "delivery")
traced(Session, "writable", "delivery")
traced(AccessServer, "handle_connect", "handshake")
sys.exit(main())
"""


class Traced(Replica):
    """A replica with closed access that records its function calls."""

    def __init__(self, redis_url: str, credentials: Credentials, calls: Path) -> None:
        self.token = credentials.token("reader")
        self._calls = calls
        headers = {"Authorization": f"Bearer {self.token}"}
        super().__init__(redis_url, headers, program=PROGRAM, CALLS=str(calls), **credentials.env)

    def called(self, phase: str) -> Counter[str]:
        """Return the number of calls by function."""
        return Counter(json.loads(self._calls.read_text())[phase])


@pytest.fixture
def credentials(tmp_path: Path, redis: Redis) -> Credentials:
    return Credentials(tmp_path, redis)


@pytest.fixture
def closed(valkey: Valkey, credentials: Credentials, tmp_path: Path) -> Iterator[Traced]:
    replica = Traced(valkey.url, credentials, tmp_path / "calls.json")
    replica.wait_until_ready()
    yield replica
    replica.close()
    assert "Traceback" not in replica.process.log()


def test_delivery_runs_no_access_code_when_access_is_closed(
    closed: Traced, credentials: Credentials, collector: Publisher
) -> None:
    # Given clients of every kind: a WebSocket in each namespace, a client of one node's deltas, a client with
    # compression, a polling client, and a client that does not read.
    cookie, auth = credentials.cookie(), {"token": closed.token}
    first = message(METRICS_CHANNEL)
    collector.publish(METRICS_CHANNEL, first)
    seqs = count(json.loads(first)["seq"] + 1)
    shown = {"Cookie": cookie, "Origin": closed.origin}
    headers = tuple(f"{name}: {value}" for name, value in shown.items())
    root, health, monitoring = (closed.bare_client(name, headers=headers) for name in NAMESPACES)
    for client, namespace in zip((root, health, monitoring), NAMESPACES, strict=True):
        client.connect(namespace)
    follower = closed.client("/monitoring", auth={**auth, "subscribe": {"mode": "delta", "nodes": ["head.lan"]}})
    with requests.Session() as jar, closed.bare_websocket() as deaf, closing(_inflating(closed, cookie)) as inflating:
        jar.headers.update(shown)
        polling = PollingSession(closed.origin, jar)
        polling.connect(closed.origin)
        deaf.sendall(frame(0x81, f"40{json.dumps(auth)}".encode()))
        eventually(lambda: closed.metric('ws_namespace_clients{namespace="/"}') == 4, what="all clients of /")
        collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=next(seqs)))
        assert follower.event("cluster_metrics_delta")  # the messages with padding below may have no delta

        # When more is published than the kernel accepts for the client that does not read, and the client reads again.
        def is_behind() -> bool:
            collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=next(seqs), padding="a" * LARGE))
            return closed.called("delivery")["ws.engine.session.Session.keep_rest"] > 0

        eventually(is_behind)
        last = next(seqs)
        for channel in CHANNELS:
            collector.publish(channel, message(channel, seq=last))
        eventually(lambda: deaf.recv(1 << 20) and closed.called("delivery")["ws.engine.session.Session.writable"] > 0)

        # Then all clients get it, and the delivery ran no access function; the handshake ran some.
        for client, event in (
            (root, "redis_cluster_metrics"),
            (root, "redis_cluster_health"),
            (root, "redis_cluster_alerts"),
            (health, "health_update"),
            (monitoring, "cluster_metrics"),
            (monitoring, "alerts_update"),
        ):
            _wait_for(client, event, last)
        assert polling.event(closed.origin, "redis_cluster_metrics")
        eventually(lambda: inflating.poll(0.1) == 0 and inflating.received > 0, what="a compressed snapshot")
    delivery, handshake = closed.called("delivery"), closed.called("handshake")
    assert delivery["ws.engine.fan_out.FanOut.broadcast"] > len(CHANNELS)
    assert delivery["ws.engine.session.Session.put"] > 0
    assert [name for name in delivery if name.startswith(ACCESS)] == []
    assert {"ws.access.admission.Admission.admit", "access.grant.require_scope"} <= set(handshake)


def _wait_for(client: RawClient, event: str, seq: int) -> None:
    client.wait(lambda packet: f'"{event}"' in packet and f'"seq":{seq},' in packet)


def _inflating(replica: Traced, cookie: str) -> Swarm:
    swarm = Swarm(replica.port, deflate=True, cookies=[cookie])
    swarm.connect(1, within_seconds=20)
    swarm.begin_measuring(0)
    return swarm
