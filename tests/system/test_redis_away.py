"""Redis stops and comes back empty: no service restarts, and all report the problem."""

import time

from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually

#: Longer than the longest pause between two attempts of any service, and than its longest wait for an answer.
AWAY_SECONDS = 5


def test_everything_is_live_again_when_redis_comes_back_empty(stack: Stack) -> None:
    # Given a live cluster with a client on all namespaces
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
    # Then a new page loads and shows the problem, the api answers with the last data and their age, and clients stay
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
