"""Pods are replaced one by one or together, under load: every client gets the newest snapshot by itself."""

import pytest

from tests.drivers.alert_log import entries, require_kept
from tests.drivers.fleet import BROWSERS, connections, listening, settle
from tests.drivers.kubernetes import WORKLOADS, KubernetesDeployment
from tests.drivers.newcomer import get
from tests.drivers.repeatedly import repeatedly
from tests.drivers.waiting import eventually

CLIENTS = 60
#: Workloads on which no client's connection depends.
WITHOUT_CONNECTIONS = ("api", "collector", "redis")


@pytest.mark.parametrize("part", WORKLOADS)
def test_clients_notice_nothing_when_a_workload_is_rolled_out(rolled: KubernetesDeployment, part: str) -> None:
    deployment = rolled
    log, statuses = entries(deployment), deployment.statuses()
    with (
        listening(deployment, CLIENTS, BROWSERS) as listeners,
        repeatedly(lambda: get(deployment.origin + "/api/cluster/snapshot")) as requests,
    ):
        before = set(deployment.ready_pods(part))
        deployment.restart(part)
        assert requests.done > 0
        assert part == "redis" or not before & set(deployment.ready_pods(part)), "all are new"
        deployment.next_round(2)
        settle(deployment, listeners)
        confirmed = set(connections(listeners))
        eventually(lambda: requests.done > 20, within_seconds=60, what="enough requests")
    assert requests.failures == []
    if part in WITHOUT_CONNECTIONS:
        assert confirmed == {1}
    assert deployment.statuses() == statuses
    require_kept(deployment, log)
    assert deployment.restarts() == {}


@pytest.mark.parametrize("part", WORKLOADS)
def test_clients_get_the_newest_snapshot_when_all_pods_of_a_workload_are_killed(
    rolled: KubernetesDeployment, part: str
) -> None:
    deployment = rolled
    log = entries(deployment)
    with listening(deployment, CLIENTS, BROWSERS) as listeners:
        before = {pod["metadata"]["uid"] for pod in deployment.pods(part)}
        deployment.delete_pods(*deployment.ready_pods(part), grace_seconds=0)

        def replaced() -> bool:
            ready = {each["metadata"]["uid"] for each in deployment.pods(part)}
            return not ready & before and len(deployment.ready_pods(part)) == WORKLOADS[part]

        deployment.wait_until(replaced, within_seconds=90, what=f"other pods of {part}")
        deployment.next_round(2)
        settle(deployment, listeners, within_seconds=90)
        confirmed = set(connections(listeners))
    if part in WITHOUT_CONNECTIONS:
        assert confirmed == {1}
    require_kept(deployment, log)
