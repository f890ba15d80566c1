"""What is published once reaches every client of every pod once and in order."""

from contract.names import ALERTS_CHANNEL
from tests.drivers.fleet import by_hand, listening, replicas_of, require_each_publication_once
from tests.drivers.gateway_metrics import FETCH_METRICS, servers_up
from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.waiting import eventually


def test_each_publication_reaches_three_hundred_clients_of_three_pods_once(deployment: KubernetesDeployment) -> None:
    # Given three hundred clients through the gateway
    with listening(deployment, 300) as listeners:
        # When a hundred messages are published, then each client has each of them, once, in order
        require_each_publication_once(deployment, listeners)


def test_clients_follow_the_pods_from_one_to_three_and_back(deployment: KubernetesDeployment) -> None:
    deployment.scale("ws", 1)
    everywhere = lambda count: all(  # noqa: E731
        servers_up(deployment.execute(pod, *FETCH_METRICS), "ws") == count for pod in deployment.ready_pods("gateway")
    )
    # Names stay in caches for half a minute
    eventually(lambda: everywhere(1), within_seconds=60, what="the gateways know of one pod")
    gateways = deployment.ready_pods("gateway")
    with listening(deployment, 30) as first:
        assert len(replicas_of(first)) == 1
        # When two more pods come, new clients land on them
        deployment.scale("ws", 3)
        eventually(lambda: everywhere(3), within_seconds=60, what="the gateways know of three pods")
        with listening(deployment, 60) as second:
            everybody = [*first, *second]
            assert len(replicas_of(everybody)) == 3
            deployment.publish(ALERTS_CHANNEL, [{"number": 1}])
            eventually(lambda: all(got == [1] for got in by_hand(everybody)), what="1 at every client")
            # When they go, their clients come to the one that stays
            deployment.scale("ws", 1)
            eventually(lambda: len(replicas_of(everybody)) == 1, within_seconds=60, what="all on the one that stays")
            deployment.publish(ALERTS_CHANNEL, [{"number": 2}])
            eventually(lambda: all(got[-1:] == [2] for got in by_hand(everybody)), what="2 at every client")
            assert all(got == [1, 2] for got in by_hand(everybody))
    # And the gateways have been the same all the time
    assert deployment.ready_pods("gateway") == gateways
    assert deployment.restarts() == {}
