"""Redis over TLS with the owner's CA: everything is live, and no service trusts a server that it cannot verify."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.drivers.certificate import make_certificate
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.rest import Rest
from tests.drivers.short_limits import SHORT_LIMITS_RUNNER
from tests.drivers.stack import Stack
from tests.drivers.tls_redis import TlsRedis
from tests.drivers.waiting import eventually

UP = "ready\nredis: up\n"
DOWN = "redis: down since 20"
PORTS = {"collector": "COLLECTOR_PORT", "ws": "WS_PORT", "api": "API_PORT"}

StackOn = Callable[[str], tuple[Stack, TlsRedis]]


@pytest.fixture
def stack_on(tmp_path: Path) -> Iterator[StackOn]:
    """Return a function that makes an empty stack on a Redis whose certificate has a given name."""
    stacks: list[Stack] = []

    def make(name: str) -> tuple[Stack, TlsRedis]:
        server = TlsRedis(tmp_path, name)
        stack = Stack(server)
        stack.runner = SHORT_LIMITS_RUNNER
        stacks.append(stack)
        server.start()
        stack.env["REDIS_CA_FILE"] = str(server.ca_file)
        return stack, server

    yield make
    for stack in stacks:
        stack.close()
        stack.valkey.stop()
        assert stack.tracebacks() == []


def test_snapshots_reach_clients_and_health_is_good_when_redis_has_tls(stack_on: StackOn) -> None:
    stack, server = stack_on("IP:127.0.0.1")
    # When collector, ws and api run on it
    stack.start_simulator(2)
    services = {"collector": stack.start_collector(), "ws": stack.start_replica(), "api": stack.start_api()}
    client = stack.client(services["ws"])
    # Then snapshots get through, and the health has all services
    snapshot = client.wait_for("redis_cluster_metrics", 3)[-1]
    assert [node["status"] for node in snapshot["nodes"]] == ["online", "online"]
    health = eventually(lambda: (found := services["api"].json("/api/health"))["status"] == "healthy" and found)
    assert health["redis"]["status"] == "up"
    # When Redis hangs, and when it comes back empty: all services notice, and are live again with the same client
    for away, back in ((server.pause, server.resume), (server.stop, server.start)):
        away()
        try:
            for name, service in services.items():
                eventually(lambda service=service: DOWN in service.get("/readyz").text, what=f"{name} down")  # type: ignore[misc]
        finally:
            back()
        client.clear()
        client.wait_for("redis_cluster_metrics", 2)
        for name, service in services.items():
            eventually(lambda service=service: service.get("/readyz").text == UP, what=f"{name} up")  # type: ignore[misc]
    assert client.all("connection_confirmed") == []


@pytest.mark.parametrize(
    ("names", "has_its_ca", "reason"),
    [
        pytest.param("IP:127.0.0.1", False, "self.signed certificate|local issuer", id="another CA"),
        pytest.param("DNS:redis.example", True, "not valid for '127.0.0.1'", id="another name"),
    ],
)
def test_services_keep_running_and_log_why_when_redis_cannot_be_verified(
    stack_on: StackOn, tmp_path_factory: pytest.TempPathFactory, names: str, has_its_ca: bool, reason: str
) -> None:
    # Given a Redis with an untrusted certificate
    stack, server = stack_on(names)
    if not has_its_ca:
        stranger = tmp_path_factory.mktemp("stranger")
        make_certificate(stranger, names)
        stack.env["REDIS_CA_FILE"] = str(stranger / "ca.crt")
    stack.start_simulator(1)
    # When the services are started
    services = {name: _started(stack, name) for name in PORTS}
    # Then each runs, logs a warning, and is not ready, because it never had Redis
    for name, (process, rest) in services.items():
        warning = re.compile(f"WARNING {name}: Redis .*certificate verify failed: .*({reason})")
        eventually(lambda rest=rest: rest.status("/readyz") == 503, what=f"{name} answers")  # type: ignore[misc]
        eventually(lambda process=process, warning=warning: warning.search(process.log()), what=f"{name} logs why")  # type: ignore[misc]
        assert rest.status("/livez") == 200
    # And they retry, while Redis has only two connections of this test
    tries = server.refused_handshakes()
    eventually(lambda: server.refused_handshakes() >= tries + 5, what="more attempts")
    redis = server.client()
    assert redis.info("stats")["total_connections_received"] == 2
    redis.close()
    assert [name for name, (process, _) in services.items() if not process.running] == []


def _started(stack: Stack, name: str) -> tuple[Process, Rest]:
    port = free_port()
    return stack.start(name, name, **{PORTS[name]: str(port)}), stack.rest(port)
