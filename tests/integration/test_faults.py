"""Services are killed, paused, disconnected and emptied under load: every client gets the newest snapshot by itself."""

from collections.abc import Iterator

import pytest

from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import engine
from tests.drivers.fleet import BROWSERS, connections, listening, replicas_of, settle
from tests.drivers.listener import Listener
from tests.drivers.waiting import Deadline, eventually
from tests.integration.conftest import PINGS, Shared

CLIENTS = 30
#: Seconds after which a client leaves a silent replica.
SILENCE_SECONDS = int(PINGS["WS_PING_INTERVAL_SECONDS"]) + int(PINGS["WS_PING_TIMEOUT_SECONDS"])


@pytest.fixture(scope="module")
def _listeners(shared: Shared) -> Iterator[list[Listener]]:
    with listening(shared.deployment(), CLIENTS, BROWSERS) as listeners:
        yield listeners


@pytest.fixture
def listeners(deployment: Deployment, _listeners: list[Listener]) -> list[Listener]:
    """Clients for all tests of this file, each with the newest snapshot."""
    settle(deployment, _listeners)
    return _listeners


@pytest.mark.parametrize("service", ["api", "ws", "collector", "redis", "gateway", "exporter"])
def test_clients_get_the_newest_snapshot_when_a_container_is_killed(
    deployment: Deployment, listeners: list[Listener], service: str
) -> None:
    container = deployment.container(service)
    started = container.attrs["State"]["StartedAt"]
    deployment.kill(container)

    def back() -> bool:
        container.reload()
        return bool(container.attrs["State"]["Running"]) and container.attrs["State"]["StartedAt"] != started

    eventually(back, within_seconds=30, what=f"{service} started again by its restart policy")
    eventually(lambda: deployment.statuses() and set(deployment.statuses().values()) == {"online"}, within_seconds=60)
    deployment.next_round(2)
    settle(deployment, listeners)


def test_clients_move_to_another_replica_when_theirs_is_paused(
    deployment: Deployment, listeners: list[Listener]
) -> None:
    # Given clients on every replica: new clients go to the replicas with the fewest
    with listening(deployment, CLIENTS, BROWSERS) as more:
        everybody = [*listeners, *more]
        assert len(replicas_of(everybody)) == 3
        with deployment.paused(deployment.container("ws")):
            eventually(lambda: deployment.healthy_servers("ws") == 2, what="the gateway has noticed")
            eventually(
                lambda: len(replicas_of(everybody)) == 2,
                within_seconds=SILENCE_SECONDS + 45,
                what="its clients are on the other two",
            )
            settle(deployment, everybody)
        settle(deployment, everybody)


@pytest.mark.parametrize("service", ["collector", "redis"])
def test_clients_stay_connected_when_the_collector_or_redis_is_paused(
    deployment: Deployment, listeners: list[Listener], service: str
) -> None:
    before = connections(listeners)
    with deployment.paused(deployment.container(service)):
        # A page that opens now loads, and shows the age of its data
        eventually(lambda: float(deployment.rest.get("/api/cluster/snapshot").headers["Age"]) > 6, what="old data")
        assert deployment.rest.get("/").status_code == 200
    deployment.next_round(2)
    settle(deployment, listeners)
    assert connections(listeners) == before


def test_clients_get_the_newest_snapshot_when_redis_restarts_empty(
    deployment: Deployment, listeners: list[Listener]
) -> None:
    before, newest = connections(listeners), deployment.newest()
    deployment.compose("stop", "redis")
    deployment.compose("run", "--rm", "--no-deps", "-T", "redis", "sh", "-c", "rm -rf /store/*")
    deployment.compose("start", "redis")
    eventually(lambda: deployment.newest()[0] > newest[0], within_seconds=30, what="a new epoch")
    deployment.next_round(2)
    settle(deployment, listeners)
    assert deployment.rest.json("/api/alerts/log")["entries"][0]["transition"] == "started"
    assert connections(listeners) == before


def test_node_is_offline_while_the_collector_is_disconnected_from_its_exporter(
    deployment: Deployment, listeners: list[Listener]
) -> None:
    network = deployment.network("exporter")
    collector = deployment.container("collector")
    network.disconnect(collector)
    try:
        eventually(lambda: set(deployment.statuses().values()) == {"offline"}, what="the node is offline")
        assert deployment.snapshot()["nodes"][0]["error"]
        eventually(lambda: deployment.rest.json("/api/alerts")["alert_count"] == 1, what="an alert")
    finally:
        network.connect(collector)
    eventually(lambda: set(deployment.statuses().values()) == {"online"}, what="the node is back")
    eventually(lambda: deployment.rest.json("/api/alerts")["alert_count"] == 0, what="the alert has ended")
    settle(deployment, listeners)
    assert engine().ping()


def test_api_reports_soon_that_redis_is_away_when_its_name_is_gone_too(deployment: Deployment) -> None:
    deployment.compose("stop", "redis")
    try:
        deadline = Deadline(7)
        health = deployment.rest.json("/api/health")
        # Without a limit, the DNS query alone takes ten seconds.
        assert not deadline.has_passed
        assert health["redis"]["status"] == "down"
    finally:
        deployment.compose("start", "redis")

    def reasons() -> set[str]:
        return {reason["code"] for reason in deployment.rest.json("/api/health")["reasons"]}

    # The health reports a replica that was killed earlier for a while.
    eventually(lambda: reasons() <= {"replica_vanished"}, within_seconds=30)
