"""Redis goes away and comes back empty: nothing of ours is restarted, and nobody is lied to."""

import statistics
import time

from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually

#: Longer than the longest pause between two tries of any service, and than any of them waits for an answer.
AWAY_SECONDS = 5


def test_everything_is_live_again_when_redis_comes_back_empty(stack: Stack) -> None:
    # Given a living cluster with a client on all namespaces
    stack.write_rules("node_down: {for_seconds: 1}\n")
    stack.start_simulator(4, "--fault", "node02=dead")
    services = {"collector": stack.start_collector(), "ws": stack.start_replica(), "api": stack.start_api()}
    client = stack.client(services["ws"], "/", "/health", "/monitoring")
    client.wait_for("redis_cluster_metrics", 3)
    eventually(lambda: services["api"].json("/api/alerts")["alert_count"] >= 1, what="the alert of the dead node")
    known = services["api"].json("/api/cluster/snapshot")
    # When Redis is away
    stack.valkey.stop()
    away_until = time.monotonic() + AWAY_SECONDS
    for name, service in services.items():
        eventually(lambda service=service: "redis: down since 20" in service.get("/readyz").text, what=name)  # type: ignore[misc]
    while time.monotonic() < away_until:
        for service in services.values():
            assert service.status("/livez") == 200
            assert service.status("/readyz") == 200
        time.sleep(0.5)
    # Then a page opened now loads and says so, the api answers what it last knew with its age, and clients stay
    page = services["api"].get("/")
    assert page.status_code == 200
    assert '"redis_down_since":"20' in page.text.replace('": "', '":"')
    last = services["api"].get("/api/cluster/snapshot")
    assert last.json()["seq"] >= known["seq"]
    assert float(last.headers["Age"]) >= AWAY_SECONDS - 1
    health = services["api"].json("/api/health")
    assert (health["status"], health["redis"]["status"]) == ("degraded", "down")
    assert client.connected
    # When it comes back, empty
    client.clear()
    stack.valkey.start()
    # Then all is live soon, without a new connection and without losing the active alert
    began = time.monotonic()
    client.wait_for("redis_cluster_metrics", 2)
    client.wait_for("cluster_metrics", 2)
    eventually(lambda: services["api"].json("/api/health")["status"] == "healthy")
    print(f"all is live {time.monotonic() - began:.2f} s after Redis is")
    assert services["api"].json("/api/alerts")["alert_count"] >= 1
    assert client.all("connection_confirmed") == []
    entries = services["api"].json("/api/alerts/log")["entries"]
    assert entries[0]["transition"] == "started"
    for name, service in services.items():
        assert service.get("/readyz").text == "ready\nredis: up\n", name


def test_replica_is_live_again_within_two_seconds_when_redis_restarts(stack: Stack) -> None:
    replica = stack.start_replica()
    client = stack.client(replica)
    client.wait_for("connection_confirmed")
    redis = stack.redis()
    took = []
    for round_number in range(5):
        stack.valkey.stop()
        eventually(lambda: "down since" in replica.get("/readyz").text)
        time.sleep(0.2 * round_number)  # the back-off must not depend on how long Redis was away
        stack.valkey.start()
        began = time.monotonic()
        # A subscriber is what Redis being back means to a client: PUBLISH says how many there are.
        eventually(lambda: redis.publish("cluster:alerts", "{}") == 1)
        took.append(time.monotonic() - began)
        client.wait_for("redis_cluster_alerts", round_number + 1)
    # A busy machine may hold one of them up, but not most of them.
    assert statistics.median(took) < 3, took
    redis.close()


def test_replica_and_api_notice_when_redis_hangs_without_closing_connections(stack: Stack) -> None:
    replica, api = stack.start_replica(), stack.start_api()
    stack.valkey.pause()
    try:
        for service in (replica, api):
            eventually(lambda service=service: "down since" in service.get("/readyz").text, within_seconds=20)  # type: ignore[misc]
            assert service.status("/livez") == 200
    finally:
        stack.valkey.resume()
    for service in (replica, api):
        eventually(lambda service=service: service.get("/readyz").text == "ready\nredis: up\n", within_seconds=10)  # type: ignore[misc]
