"""Every client of every pod gets each message once and in order."""

from tests.drivers.fleet import require_clients_follow, require_each_publication_once
from tests.drivers.gateway_metrics import FETCH_METRICS, servers_up
from tests.drivers.kubernetes import KubernetesDeployment


def test_each_message_reaches_three_hundred_clients_of_three_pods_once(deployment: KubernetesDeployment) -> None:
    require_each_publication_once(deployment, clients=300)


def test_clients_follow_the_pods_from_one_to_three_and_back(deployment: KubernetesDeployment) -> None:
    def known(count: int) -> bool:
        """Whether every gateway has so many pods."""
        return all(
            servers_up(deployment.execute(pod, *FETCH_METRICS), "ws") == count
            for pod in deployment.ready_pods("gateway")
        )

    def scale(count: int) -> None:
        deployment.scale("ws", count)
        # Caches keep names for half a minute
        deployment.wait_until(lambda: known(count), within_seconds=60, what=f"the gateways know of {count} pods")

    scale(1)
    gateways = deployment.ready_pods("gateway")
    require_clients_follow(deployment, scale)
    # And the gateways are the same pods
    assert deployment.ready_pods("gateway") == gateways
    assert deployment.restarts() == {}
