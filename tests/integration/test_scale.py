"""Replicas come and go under their clients."""

from contract.names import ALERTS_CHANNEL
from tests.drivers.deployment import Deployment
from tests.drivers.fleet import by_hand, listening, replicas_of
from tests.drivers.waiting import eventually


def test_clients_follow_the_replicas_from_one_to_three_and_back_without_a_gateway_restart(
    deployment: Deployment,
) -> None:
    deployment.up(ws=1)
    gateway = deployment.container("gateway")
    with listening(deployment, 30) as first:
        assert len(replicas_of(first)) == 1
        # When two more replicas come, new clients land on them
        deployment.up(ws=3)
        with listening(deployment, 60) as second:
            everybody = [*first, *second]
            assert len(replicas_of(everybody)) == 3
            deployment.publish(ALERTS_CHANNEL, [{"number": 1}])
            eventually(lambda: all(got == [1] for got in by_hand(everybody)), what="1 at every client")
            # When they go, their clients come to the one that stays
            deployment.up(ws=1)
            eventually(lambda: len(replicas_of(everybody)) == 1, within_seconds=60, what="all on the one that stays")
            deployment.publish(ALERTS_CHANNEL, [{"number": 2}])
            eventually(lambda: all(got[-1:] == [2] for got in by_hand(everybody)), what="2 at every client")
            assert all(got == [1, 2] for got in by_hand(everybody))
    # And the gateway has been the same all the time
    now = deployment.container("gateway")
    assert (now.id, now.attrs["State"]["StartedAt"]) == (gateway.id, gateway.attrs["State"]["StartedAt"])
    assert now.attrs["RestartCount"] == gateway.attrs["RestartCount"]
