"""Faulty exporters in a live cluster: their nodes have the reason, and other nodes are unaffected."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.drivers.rest import Rest
from tests.drivers.socket_client import SocketClient
from tests.drivers.stack import Stack, own_stack
from tests.drivers.waiting import eventually

#: Most lines that the collector may log about one fault.
LOG_LINES = 25


@dataclass
class Cluster:
    """Four nodes and a Socket.IO client."""

    stack: Stack
    control: Rest
    probes: Rest
    client: SocketClient
    api: Rest

    def fault(self, node: str, name: str) -> None:
        answer = requests.put(f"{self.control.origin}/nodes/{node}/fault", data=name, timeout=10)
        answer.raise_for_status()

    def snapshot(self) -> Any:
        return self.client.last("redis_cluster_metrics")

    def all_are_online(self) -> bool:
        return bool(self.snapshot()["cluster_stats"]["online_nodes"] == 4)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with own_stack() as stack:
        control, probes = stack.start_simulator(4), stack.start_collector()
        yield Cluster(stack, control, probes, stack.client(stack.start_replica()), stack.start_api())


@pytest.mark.parametrize("fault", ["slow", "broken", "drip", "huge", "dead"])
def test_faulty_exporter_is_offline_with_its_reason_and_delays_no_other_node(cluster: Cluster, fault: str) -> None:
    # Given a live cluster
    stack, client = cluster.stack, cluster.client
    eventually(cluster.all_are_online)
    before = len(stack.collector.log().splitlines())
    failed = cluster.probes.metric("collector_scrapes_failed_total")
    # When one of its exporters becomes faulty
    cluster.fault("node02", fault)

    def bad() -> dict[str, object] | None:
        node: dict[str, object] = cluster.snapshot()["nodes"][1]
        return node if node["status"] == "offline" else None

    # Then it is offline with the reason, the others stay, rounds continue
    assert eventually(bad, within_seconds=30)["error"]
    client.clear()
    for snapshot in client.wait_for("redis_cluster_metrics", 5):
        assert [node["status"] for node in snapshot["nodes"]] == ["online", "offline", "online", "online"]
    assert cluster.probes.metric("collector_scrapes_failed_total") > failed
    assert len(stack.collector.log().splitlines()) - before <= LOG_LINES
    # And it is online again when it works
    cluster.fault("node02", "none")
    eventually(cluster.all_are_online, within_seconds=30)


def test_node_is_online_without_its_disk_when_a_mount_hangs(cluster: Cluster) -> None:
    def disk(is_known: bool) -> Callable[[], bool]:
        def look() -> bool:
            node = cluster.snapshot()["nodes"][0]
            assert (node["node"], node["status"], node["disk_usage"] is not None) == ("node01", "online", is_known)
            return True

        return look

    eventually(disk(is_known=True), within_seconds=30)
    # When its filesystem collector hangs
    cluster.fault("node01", "hung")
    # Then the node is online without it, and the health names the reason
    eventually(disk(is_known=False), within_seconds=30)
    text = "node01 lacks values: the filesystem collector of its exporter hangs"
    eventually(lambda: any(issue.startswith(text) for issue in cluster.api.json("/api/cluster/health")["issues"]))
    # And when it answers, everything is as before
    cluster.fault("node01", "none")
    eventually(disk(is_known=True), within_seconds=30)
    eventually(lambda: cluster.api.json("/api/cluster/health")["issues"] == [])
