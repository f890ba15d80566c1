"""A failed leader, and an edited ConfigMap: the data in Redis and the configuration stay in effect."""

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

#: From the last round of a killed collector to the first round of the next.
TAKEN_OVER_WITHIN_SECONDS = lease_ttl_seconds(INTERVAL_SECONDS) + 2 * INTERVAL_SECONDS
#: Additional time on a busy machine.
MARGIN_SECONDS = 5.0
#: Kills the collector in a pod.
KILL = """
import os, pathlib, signal
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if path.read_bytes().endswith(b"-m\\0collector\\0"):
        os.kill(int(path.parent.name), signal.SIGKILL)
"""


@pytest.fixture
def killable(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product with collectors that a command in their pod can kill, because they are not its first process."""
    shared = patch("Deployment", "collector", "add", "/spec/template/spec/shareProcessNamespace", True)
    _installation.apply(patches=[shared])
    _installation.wait()
    _installation.next_round()
    return _installation


def test_another_collector_leads_after_the_lease_of_a_killed_leader_has_expired(
    killable: KubernetesDeployment,
) -> None:
    leader, name, statuses = killable.leader(), leading(killable), killable.statuses()
    with following(killable) as came:
        before = came[-1]["epoch"]
        killable.execute(leader, "/opt/venv/bin/python", "-c", KILL, check=False)
        # Then another collector leads soon, in a new epoch: the standby, or a new process in the same pod
        eventually(lambda: came[-1]["epoch"] > before, within_seconds=60, what="a new epoch")
    assert 1.5 * INTERVAL_SECONDS < longest_pause(came) < TAKEN_OVER_WITHIN_SECONDS + MARGIN_SECONDS
    eventually(lambda: leading(killable) != name, what="the api knows the leader")
    assert leader in killable.restarts(), "it was killed"
    # And no node's status has changed
    assert {node["status"] for snapshot in came for node in snapshot["nodes"]} == {"online"}
    assert killable.statuses() == statuses


def test_standby_leads_immediately_when_the_leaders_pod_is_deleted(
    deployment: KubernetesDeployment,
) -> None:
    leader, statuses = deployment.leader(), deployment.statuses()
    with following(deployment) as came:
        before = came[-1]["epoch"]
        # Even without grace, the kubelet sends SIGTERM first, which suffices to release the lease.
        deployment.delete_pods(leader, grace_seconds=0)
        eventually(lambda: came[-1]["epoch"] > before, within_seconds=60, what="a new epoch")
    assert longest_pause(came) < TAKEN_OVER_WITHIN_SECONDS + MARGIN_SECONDS
    eventually(lambda: deployment.leader() != leader, what="the api knows the leader")
    assert {node["status"] for snapshot in came for node in snapshot["nodes"]} == {"online"}
    assert deployment.statuses() == statuses


def test_edited_config_map_takes_effect_without_a_restart(deployment: KubernetesDeployment) -> None:
    pods, [node] = deployment.ready_pods("collector"), deployment.statuses()
    try:
        # When a node is added
        deployment.set_nodes([{"host": "127.0.0.1:1", "name": "gone"}])
        eventually(
            lambda: deployment.statuses() == {node: "online", "gone": "offline"}, within_seconds=30, what="two nodes"
        )
        firing = lambda: {each["rule"] for each in deployment.rest.json("/api/alerts")["active_alerts"]}  # noqa: E731
        eventually(lambda: "node_down" in firing(), within_seconds=30, what="an alert of it")
        # And the alert is disabled
        deployment.write_config("alerts.yaml", "node_down: {enabled: false}\n")
        eventually(lambda: "node_down" not in firing(), within_seconds=30, what="the alert has ended")
        assert deployment.statuses()["gone"] == "offline"
    finally:
        deployment.apply()
        deployment.set_nodes([])
    eventually(lambda: deployment.statuses() == {node: "online"}, within_seconds=30, what="one node")
    # Then the pods are the same
    assert deployment.ready_pods("collector") == pods
    assert deployment.restarts() == {}
    assert entries(deployment)


@contextmanager
def following(deployment: KubernetesDeployment) -> Iterator[list[Any]]:
    """Yield the snapshots of a client after its first; each has the time of its arrival as ``at``."""
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
    """Return the name of the process with the lease."""
    return str(deployment.rest.json("/api/health")["collector"]["leader"])


def longest_pause(came: list[Any]) -> float:
    """Return the longest time in seconds between two snapshots."""
    seconds = max(later["at"] - previous["at"] for previous, later in pairwise(came))
    print(f"{seconds:.1f} s without a snapshot")
    return float(seconds)
