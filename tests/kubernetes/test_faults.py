"""A leader that dies, an edit: what stands in Redis and in the ConfigMap goes on counting."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from contract.names import lease_ttl_seconds
from tests.drivers.alert_log import entries
from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.kustomization import INTERVAL_SECONDS, patch
from tests.drivers.newcomer import arrivals
from tests.drivers.waiting import eventually

#: From the last round of a collector that dies to the first one of the next.
TAKEN_OVER_WITHIN_SECONDS = lease_ttl_seconds(INTERVAL_SECONDS) + 2 * INTERVAL_SECONDS
#: What a busy machine may take besides.
MARGIN_SECONDS = 5.0
#: Run in a pod, this kills its collector.
KILL = """
import os, pathlib, signal
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if path.read_bytes().endswith(b"-m\\0collector\\0"):
        os.kill(int(path.parent.name), signal.SIGKILL)
"""


@pytest.fixture
def killable(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product with collectors that can be killed from inside their pods: they are not its first process."""
    shared = patch("Deployment", "collector", "add", "/spec/template/spec/shareProcessNamespace", True)
    _installation.apply(patches=[shared])
    _installation.wait()
    _installation.next_round()
    return _installation


def test_another_collector_leads_when_the_lease_has_run_out_after_the_active_one_was_killed(
    killable: KubernetesDeployment,
) -> None:
    leader, name, statuses = killable.leader(), leading(killable), killable.statuses()
    with following(killable) as came:
        before = came[-1]["epoch"]
        killable.execute(leader, "/opt/venv/bin/python", "-c", KILL, check=False)
        # Then another leads, in a new epoch, before long: the standby, or what is started in the same pod
        eventually(lambda: came[-1]["epoch"] > before, within_seconds=60, what="a new epoch")
    assert 1.5 * INTERVAL_SECONDS < longest_pause(came) < TAKEN_OVER_WITHIN_SECONDS + MARGIN_SECONDS
    eventually(lambda: leading(killable) != name, what="the api knows the leader")
    assert leader in killable.restarts(), "it was killed"
    # And nothing seems to have happened to the nodes
    assert {node["status"] for snapshot in came for node in snapshot["nodes"]} == {"online"}
    assert killable.statuses() == statuses


def test_standby_leads_at_once_when_the_pod_of_the_active_collector_is_deleted(
    deployment: KubernetesDeployment,
) -> None:
    leader, statuses = deployment.leader(), deployment.statuses()
    with following(deployment) as came:
        before = came[-1]["epoch"]
        # Even without grace the kubelet asks first, which is enough to give the lease back.
        deployment.delete_pods(leader, grace_seconds=0)
        eventually(lambda: came[-1]["epoch"] > before, within_seconds=60, what="a new epoch")
    assert longest_pause(came) < TAKEN_OVER_WITHIN_SECONDS + MARGIN_SECONDS
    eventually(lambda: deployment.leader() != leader, what="the api knows the leader")
    assert {node["status"] for snapshot in came for node in snapshot["nodes"]} == {"online"}
    assert deployment.statuses() == statuses


def test_edit_of_the_config_map_is_in_force_without_a_restart(deployment: KubernetesDeployment) -> None:
    pods, [node] = deployment.ready_pods("collector"), deployment.statuses()
    try:
        # When somebody adds a node
        deployment.set_nodes([{"host": "127.0.0.1:1", "name": "gone"}])
        eventually(
            lambda: deployment.statuses() == {node: "online", "gone": "offline"}, within_seconds=30, what="two nodes"
        )
        firing = lambda: {each["rule"] for each in deployment.rest.json("/api/alerts")["active_alerts"]}  # noqa: E731
        eventually(lambda: "node_down" in firing(), within_seconds=30, what="an alert of it")
        # And does without that alert
        deployment.write_config("alerts.yaml", "node_down: {enabled: false}\n")
        eventually(lambda: "node_down" not in firing(), within_seconds=30, what="the alert has ended")
        assert deployment.statuses()["gone"] == "offline"
    finally:
        deployment.apply()
        deployment.set_nodes([])
    eventually(lambda: deployment.statuses() == {node: "online"}, within_seconds=30, what="one node")
    # Then it is the same pods that do so
    assert deployment.ready_pods("collector") == pods
    assert deployment.restarts() == {}
    assert entries(deployment)


@contextmanager
def following(deployment: KubernetesDeployment) -> Iterator[list[Any]]:
    """A client's snapshots, the first of which has come; each with the time of its arrival as ``at``."""
    came: list[Any] = []
    ends = threading.Event()

    def follow() -> None:
        for at, snapshot in arrivals(deployment.origin):
            came.append({**snapshot, "at": at})
            if ends.is_set():
                return

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    eventually(lambda: len(came) > 1, what="the first snapshots")
    yield came
    ends.set()
    follower.join(60)
    assert [(each["epoch"], each["seq"]) for each in came] == sorted((each["epoch"], each["seq"]) for each in came)


def leading(deployment: KubernetesDeployment) -> str:
    """Name of the process that holds the lease."""
    return str(deployment.rest.json("/api/health")["collector"]["leader"])


def longest_pause(came: list[Any]) -> float:
    """Seconds between two snapshots."""
    seconds = max(later["at"] - former["at"] for former, later in pairwise(came))
    print(f"{seconds:.1f} s without a snapshot")
    return float(seconds)
