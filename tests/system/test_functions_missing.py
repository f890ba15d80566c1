"""The product on a Redis without the functions, with users that cannot load functions."""

from collections.abc import Iterator

import pytest

from contract.library import LIBRARY, LIBRARY_NAME
from tests.drivers.ports import free_port
from tests.drivers.redis_users import load_functions, url_of, users
from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually

READ_ON = 'docs/data.md, "Functions in a Redis of your own"'


@pytest.fixture
def own_redis(stack: Stack) -> Iterator[Stack]:
    """A stack on a Redis with the users and without functions."""
    with users(stack.valkey):
        yield stack
        stack.close()


def test_services_report_missing_functions_and_are_live_after_the_load(own_redis: Stack) -> None:
    # Given
    stack, port = own_redis, free_port()
    stack.start_simulator(2)
    url = {name: url_of(stack.valkey, name) for name in ("collector", "ws", "api")}
    # When
    process = stack.start("collector", "collector", COLLECTOR_PORT=str(port), REDIS_URL=url["collector"])
    collector = stack.rest(port)
    replica, api = stack.start_replica(REDIS_URL=url["ws"]), stack.start_api(REDIS_URL=url["api"])
    # Then each reports it immediately, in its log and by its readiness
    for name, log in (("collector", process.log), ("ws", stack.replicas[0].log), ("api", stack.api.log)):
        eventually(lambda log=log: READ_ON in log() and LIBRARY_NAME in log(), what=f"{name}'s log")  # type: ignore[misc]
    eventually(lambda: collector.get("/readyz").text.startswith("not ready: Redis lacks the function "))
    for service in (replica, api):
        assert service.get("/readyz").text.startswith("ready\nredis: up\nfunctions: Redis lacks the function ")
    # And so does the health of the api and of a replica
    client = stack.client(replica, "/", "/health")
    client.emit("request_health", namespace="/health")
    for health in (api.json("/api/health"), client.wait_for("health_response")[0]["data"]):
        assert (health["status"], health["redis"]["status"]) == ("degraded", "up")
        assert READ_ON in health["redis"]["functions_missing"]
    # And the log has it once a minute, however often the service retries
    assert process.log().count(READ_ON) == 1
    # When the functions are loaded
    load_functions(stack.valkey, LIBRARY)
    # Then all is live by itself
    client.wait_for("redis_cluster_metrics", 2)
    healthy = eventually(lambda: (found := api.json("/api/health"))["status"] == "healthy" and found, what="health")
    assert "functions_missing" not in healthy["redis"]
    for service in (collector, replica, api):
        eventually(lambda service=service: service.get("/readyz").text == "ready\nredis: up\n")  # type: ignore[misc]
    with stack.redis() as redis:
        # No service tried a command that its user lacks, except to load the functions.
        refused = {entry["object"] for entry in redis.execute_command("ACL LOG")}
    assert refused <= {"function|load", b"function|load"}
