"""Every client of every replica gets each message once and in order, through the gateway."""

import json
import select

import requests
from docker.models.containers import Container

from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import execute
from tests.drivers.engine_session import EngineSession
from tests.drivers.fleet import listening, require_each_publication_once
from tests.drivers.waiting import eventually


def test_each_message_reaches_three_hundred_clients_of_three_replicas_once(deployment: Deployment) -> None:
    def counted() -> bool:
        clients: int = deployment.rest.json("/api/health")["websocket"]["connected_clients"]
        return clients == 300

    require_each_publication_once(
        deployment,
        clients=300,
        # And the product counts them over all replicas. Silent clients of an earlier test count until their missed
        # ping.
        meanwhile=lambda: eventually(counted, within_seconds=90, what="300 clients counted"),
    )


def test_publication_with_curl_reaches_clients_of_every_replica(deployment: Deployment) -> None:
    with listening(deployment, 30) as listeners:

        def received() -> list[int]:
            return [len(data) for each in listeners for data in each.of("redis_cluster_metrics").values()]

        with deployment.paused(deployment.container("collector")):
            etag = deployment.rest.get("/api/cluster/nodes").headers["ETag"]
            before = received()
            assert deployment.rest.get("/api/cluster/nodes", **{"If-None-Match": etag}).status_code == 304
            eventually(
                lambda: all(after > previous for after, previous in zip(received(), before, strict=True)),
                what="the publication by the api at every client",
            )


def test_polling_sessions_stay_on_their_replicas_without_cookies(deployment: Deployment) -> None:
    url = f"{deployment.origin}/socket.io/?EIO=4&transport=polling"
    replicas = set()
    for _ in range(12):
        sid = json.loads(requests.get(url, timeout=30).text[1:])["sid"]
        for _ in range(3):  # another replica, which does not know the sid, answers 400
            assert requests.post(f"{url}&sid={sid}", data="40", timeout=30).status_code == 200
        packets = requests.get(f"{url}&sid={sid}", timeout=30).text
        confirmed = next(packet for packet in packets.split("\x1e") if "connection_confirmed" in packet)
        replicas.add(json.loads(confirmed[2:])[1]["replica"])
        # Else the next test counts them.
        assert requests.post(f"{url}&sid={sid}", data="1", timeout=30).status_code == 200
    assert len(replicas) == 3


def test_replica_notices_immediately_that_a_client_no_longer_waits_for_its_poll(deployment: Deployment) -> None:
    def counted() -> int:
        clients: int = deployment.rest.json("/api/health")["websocket"]["connected_clients"]
        return clients

    eventually(lambda: counted() == 0, within_seconds=90, what="clients of previous tests to be gone")
    session = EngineSession(int(deployment.origin.rpartition(":")[2]))
    session.connect()
    eventually(lambda: counted() == 1, what="the client to be counted")

    # A message of the collector, or a request for the health, would answer the poll.
    with deployment.paused(deployment.container("collector")):
        eventually(lambda: _abandon_poll(session), what="a poll that is closed before its answer")

    # Long before its missed ping
    eventually(lambda: counted() == 0, within_seconds=15, what="the client to be gone")


def _abandon_poll(session: EngineSession) -> bool:
    """Send a poll and close its connection; return whether the poll had no answer for a second."""
    with session.waiting_connection() as connection:
        readable, _, _ = select.select([connection], [], [], 1)
        return not readable


def test_no_response_names_the_server(deployment: Deployment) -> None:
    for path in ("/", "/api/health", "/static/none", "/socket.io/?EIO=4&transport=polling", "/socket.io/"):
        assert "Server" not in deployment.rest.get(path).headers


def test_each_message_reaches_clients_of_three_replicas_on_gevent_once(deployment: Deployment) -> None:
    deployment.up(WS_LOOP="gevent")
    try:
        replicas = deployment.containers("ws")
        assert [_has_loaded_gevent(replica) for replica in replicas] == [True, True, True]
        require_each_publication_once(deployment, clients=60)
        assert [replica.id for replica in deployment.containers("ws")] == [replica.id for replica in replicas]
        logs = [replica.logs().decode() for replica in replicas]
        assert [log for log in logs if "Traceback" in log] == []
    finally:
        deployment.up()


def _has_loaded_gevent(container: Container) -> bool:
    """Whether a process of the container has mapped gevent's compiled modules; eventlet has none."""
    maps = execute(container, "sh", "-c", "cat /proc/[1-9]*/maps 2>/dev/null").stdout
    assert "/greenlet/" in maps, "the maps of the service cannot be read"
    return "/gevent/" in maps
