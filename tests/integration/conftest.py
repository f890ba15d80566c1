"""The product's images, started with the compose file. ``make test-integration`` builds them first."""

import os
from collections.abc import Iterator
from typing import Any

# Its image comes from a registry; these tests remove leftovers by label instead.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

import pytest

from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import engine, remove_leftovers

#: Files with their own deployment, the longest first. All other files share one deployment.
WITH_OWN_DEPLOYMENT = (
    "test_upgrade.py",
    "test_handover.py",
    "test_systemd.py",
    "test_access_containers.py",
    "test_data.py",
    "test_tls.py",
    "test_transport.py",
    "test_neighbours.py",
    "test_gateway_headers.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, so that no worker has a long file at the end."""
    items.sort(
        key=lambda item: WITH_OWN_DEPLOYMENT.index(item.path.name) if item.path.name in WITH_OWN_DEPLOYMENT else -1
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the files that share a deployment on one worker (``-n 2 --dist loadfile``).

    That starts the deployment only once, and an engine has addresses for the networks of only three deployments.
    """
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return file if file.endswith(WITH_OWN_DEPLOYMENT) else "those of one deployment"

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _leftovers_removed() -> Iterator[None]:
    """Remove what interrupted runs left behind. This run leaves nothing unless a test failed."""
    engine()
    remove_leftovers()
    yield
    remove_leftovers()


#: The server notices a silent client after 20 seconds; a busy machine still answers within 10.
PINGS = {"WS_PING_INTERVAL_SECONDS": "10", "WS_PING_TIMEOUT_SECONDS": "10"}


class Shared:
    """The deployment of the files without their own: runs from its first use until a file starts its own."""

    def __init__(self) -> None:
        self._deployment: Deployment | None = None

    def deployment(self) -> Deployment:
        """Return the running deployment."""
        if self._deployment is None:
            self._deployment = Deployment(**PINGS)
            self._deployment.up()
        return self._deployment

    def close(self) -> None:
        if self._deployment is not None:
            self._deployment.close()
            self._deployment = None


@pytest.fixture(scope="session")
def _shared_of_session(_leftovers_removed: None) -> Iterator[Shared]:
    shared = Shared()
    yield shared
    shared.close()


@pytest.fixture(scope="module", autouse=True)
def shared(request: pytest.FixtureRequest, _shared_of_session: Shared) -> Shared:
    """The deployment that files share."""
    if request.path.name in WITH_OWN_DEPLOYMENT:
        _shared_of_session.close()
    return _shared_of_session


@pytest.fixture
def deployment(request: pytest.FixtureRequest, shared: Shared) -> Deployment:
    """The product with three ws replicas, healthy and live, with this machine as a node."""
    assert request.path.name not in WITH_OWN_DEPLOYMENT
    deployment = shared.deployment()
    deployment.write_nodes(["local"])
    if not deployment.is_healthy():
        deployment.up()
    deployment.next_round()
    return deployment
