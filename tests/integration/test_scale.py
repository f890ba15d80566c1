"""Clients while replicas start and stop."""

from tests.drivers.deployment import Deployment
from tests.drivers.fleet import require_clients_follow


def test_clients_follow_the_replicas_from_one_to_three_and_back_without_a_gateway_restart(
    deployment: Deployment,
) -> None:
    deployment.up(ws=1)
    gateway = deployment.container("gateway")
    require_clients_follow(deployment, lambda replicas: deployment.up(ws=replicas))
    # And it is still the same gateway
    now = deployment.container("gateway")
    assert (now.id, now.attrs["State"]["StartedAt"]) == (gateway.id, gateway.attrs["State"]["StartedAt"])
    assert now.attrs["RestartCount"] == gateway.attrs["RestartCount"]
