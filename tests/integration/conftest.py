"""The real images, as the compose file starts them. ``make test-integration`` builds them first."""

import os
from collections.abc import Iterator

# Its image comes from a registry; what a run leaves behind is swept by label instead.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

import pytest

from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import engine, sweep


@pytest.fixture(scope="session", autouse=True)
def _swept() -> Iterator[None]:
    engine()
    sweep()
    yield
    sweep()


@pytest.fixture(scope="session")
def _deployment_of_session(_swept: None) -> Iterator[Deployment]:
    deployment = Deployment()
    deployment.up()
    yield deployment
    deployment.close()


@pytest.fixture
def deployment(_deployment_of_session: Deployment) -> Deployment:
    """The product with three ws replicas, whole and live, watching this machine."""
    deployment = _deployment_of_session
    deployment.write_nodes(["local"])
    if not deployment.is_whole():
        deployment.up()
    deployment.next_round()
    return deployment
