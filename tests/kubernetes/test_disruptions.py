"""Evictions, as ``kubectl drain`` requests them: each budget permits one pod, and Redis has none."""

import json

from tests.drivers.alert_log import make_alerts, require_kept
from tests.drivers.fleet import BROWSERS, connections, listening, replicas_of, settle
from tests.drivers.kubernetes import WORKLOADS, KubernetesDeployment, is_ready
from tests.drivers.waiting import eventually

GUARDED = ("api", "ws", "collector", "gateway")


def evict(deployment: KubernetesDeployment, pod: str) -> str:
    """Request a pod's eviction; return the API server's answer."""
    namespace = deployment.kubectl.namespace
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace},
    }
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    return deployment.kubectl.run("create", "--raw", path, "-f", "-", input_text=json.dumps(eviction), check=False)


def allowed(deployment: KubernetesDeployment) -> dict[str, int]:
    """Return the number of permitted evictions of each workload."""
    budgets = deployment.kubectl.items("poddisruptionbudgets")
    return {each["metadata"]["name"]: each["status"]["disruptionsAllowed"] for each in budgets}


def test_drained_node_loses_one_pod_of_each_workload_at_a_time_and_no_client(deployment: KubernetesDeployment) -> None:
    deployment.wait_until(
        lambda: set(allowed(deployment).values()) == {1}, within_seconds=30, what="every workload has its pods"
    )
    assert sorted(allowed(deployment)) == sorted(GUARDED)
    before = {part: deployment.ready_pods(part) for part in GUARDED}
    gone = deployment.replica(before["ws"][0])
    with listening(deployment, 20, BROWSERS) as listeners:
        for part in GUARDED:
            first, second, *_ = before[part]
            # When a pod of each workload is evicted, it stops
            assert '"Success"' in evict(deployment, first), part
            # And another one is refused until there is a new one
            refused = evict(deployment, second)
            assert "TooManyRequests" in refused, f"{part}: {refused}"
            assert "disruption budget" in refused
        assert all(pods[1] in deployment.ready_pods(part) for part, pods in before.items())
        # Then there are as many as before, and another eviction is permitted
        deployment.wait()
        for part in GUARDED:
            assert len(set(deployment.ready_pods(part)) - set(before[part])) == 1, part
        deployment.wait_until(
            lambda: set(allowed(deployment).values()) == {1}, within_seconds=30, what="one more of each may go"
        )
        # And every client is live on the remaining pods
        deployment.next_round(2)
        settle(deployment, listeners)
        assert gone not in replicas_of(listeners)
    assert deployment.restarts() == {}


def test_evicted_redis_comes_back_with_its_data_and_no_client_is_lost(deployment: KubernetesDeployment) -> None:
    # Given an alert that fired and ended, and some history
    log = make_alerts(deployment)
    eventually(lambda: known_history(deployment) >= 1, within_seconds=30, what="some history")
    before, history = deployment.newest(), known_history(deployment)
    claim = deployment.kubectl.json("get", "pvc", "data-redis-0")["metadata"]["uid"]
    previous = deployment.pods("redis")[0]["metadata"]["uid"]
    with listening(deployment, 30, BROWSERS) as listeners:
        # When Redis is evicted, no budget prevents that: with a budget of one pod, a node could never be drained
        assert '"Success"' in evict(deployment, "redis-0")

        def is_back() -> bool:
            return any(pod["metadata"]["uid"] != previous and is_ready(pod) for pod in deployment.pods("redis"))

        deployment.wait_until(is_back, within_seconds=90, what="redis-0 is back")
        # Then it has its volume with the data, and the collector continues
        assert deployment.kubectl.json("get", "pvc", "data-redis-0")["metadata"]["uid"] == claim
        eventually(lambda: deployment.newest() > before, within_seconds=60, what="a newer snapshot")
        deployment.next_round(2)
        require_kept(deployment, log)
        eventually(lambda: known_history(deployment) >= history, within_seconds=60, what="the history is kept")
        # And no client was disconnected
        settle(deployment, listeners)
        confirmed = set(connections(listeners))
        assert confirmed == {1}
    assert deployment.restarts() == {}
    assert {part: len(deployment.ready_pods(part)) for part in WORKLOADS} == WORKLOADS


def known_history(deployment: KubernetesDeployment) -> int:
    """Return the points of the last fifteen minutes."""
    [series] = deployment.rest.json("/api/history?range_seconds=900&measure=cpu_usage")["series"]
    return sum(1 for value in series["measures"]["cpu_usage"]["avg"] if value is not None)
