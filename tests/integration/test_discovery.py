"""Nodes that one DNS name resolves to: containers behind an alias of their network."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from docker.errors import NotFound
from docker.models.containers import Container

from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import LABELS, engine
from tests.drivers.socket_client import SocketClient
from tests.drivers.waiting import eventually

ALIAS = "boards"
#: Two rounds, the round in progress, and two more for a query that started earlier.
ROUNDS = 5


class Boards:
    """Containers of one simulated node each, with the name ``ALIAS`` on a network of the collector."""

    def __init__(self, deployment: Deployment) -> None:
        self._network = deployment.network("lan").name
        tag = deployment.container("collector").image.tags[0]
        self._image = tag.replace("/collector:", "/simulator:")
        self._containers: list[Container] = []

    def start(self) -> str:
        """Start one container; return its address."""
        container = engine().containers.create(
            self._image,
            ["--nodes", "1", "--host", "0.0.0.0", "--port", "9099"],
            labels=LABELS,
            network=self._network,
            networking_config={self._network: engine().api.create_endpoint_config(aliases=[ALIAS])},
            healthcheck={"test": ["NONE"]},
            init=True,
        )
        self._containers.append(container)
        container.start()
        container.reload()
        return f"{container.attrs['NetworkSettings']['Networks'][self._network]['IPAddress']}:9100"

    def stop(self) -> None:
        """Stop the oldest container."""
        self._containers.pop(0).remove(force=True)

    def close(self) -> None:
        """Remove all containers."""
        for container in self._containers:
            with suppress(NotFound):
                container.remove(force=True)


@pytest.fixture
def boards(deployment: Deployment) -> Iterator[Boards]:
    boards = Boards(deployment)
    yield boards
    boards.close()
    deployment.set("COLLECTOR_DNS_TARGETS", "")
    deployment.up()


@pytest.fixture
def client(deployment: Deployment) -> Iterator[SocketClient]:
    client = SocketClient(deployment.origin)
    yield client
    client.close()


def test_nodes_appear_and_disappear_with_the_addresses_of_a_dns_name(
    deployment: Deployment, boards: Boards, client: SocketClient
) -> None:
    first = boards.start()
    deployment.set("COLLECTOR_DNS_TARGETS", ALIAS)
    deployment.up()

    def discovered() -> dict[str, str]:
        return {node["address"]: node["node"] for node in deployment.snapshot()["nodes"] if node["address"] != "local"}

    eventually(lambda: discovered() == {first: "node01"}, within_seconds=60, what="the first board")
    collector = deployment.container("collector").id
    epoch = deployment.newest()[0]

    def answered() -> set[str]:
        output = deployment.execute("collector", "getent", "ahostsv4", ALIAS).splitlines()
        return {f"{line.split()[0]}:9100" for line in output}

    def within_rounds(addresses: set[str]) -> None:
        # The engine and its name server change at slightly different times.
        eventually(lambda: answered() == addresses, what="the name server knows")
        begun = deployment.newest()

        def first_with_them() -> tuple[int, int] | None:
            for snapshot in client.all("redis_cluster_metrics"):
                reached = (snapshot["epoch"], snapshot["seq"])
                if reached > begun and {node["address"] for node in snapshot["nodes"]} == {"local", *addresses}:
                    return reached
            return None

        reached = eventually(first_with_them, within_seconds=60, what=f"{len(addresses)} boards")
        assert reached[0] == begun[0]
        assert reached[1] - begun[1] <= ROUNDS

    # A node appears under its own name; if the name exists already, with its address.
    second = boards.start()
    within_rounds({first, second})
    names = {first: "node01", second: f"node01@{second}"}
    eventually(lambda: discovered() == names, within_seconds=60, what="both boards by name")
    third = boards.start()
    within_rounds({first, second, third})
    names[third] = f"node01@{third}"
    eventually(lambda: discovered() == names, within_seconds=60, what="all three by name")
    # A node disappears; the others keep their names.
    boards.stop()
    within_rounds({second, third})
    del names[first]
    eventually(lambda: discovered() == names, what="names that stay")
    boards.stop()
    within_rounds({third})
    assert deployment.container("collector").id == collector
    assert deployment.newest()[0] == epoch
    assert not any("DNS name" in issue for issue in deployment.rest.json("/api/cluster/health")["issues"])
