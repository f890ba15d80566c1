"""The real images, as the compose file starts them. ``make test-integration`` builds them first."""

import os
from collections.abc import Iterator
from typing import Any

# Its image comes from a registry; what a run leaves behind is swept by label instead.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

import pytest

from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import engine, remove_leftovers

#: Files that bring up what they test, the longest first. All others share one deployment.
OWN = (
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
    """Begin with what takes longest, so that no worker is left with it at the end."""
    items.sort(key=lambda item: OWN.index(item.path.name) if item.path.name in OWN else -1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep files that share a deployment on one worker (``-n 2 --dist loadfile``).

    It is brought up once then; and an engine has addresses for the networks of no more than three deployments.
    """
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return file if file.endswith(OWN) else "those of one deployment"

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _swept() -> Iterator[None]:
    """What a run leaves behind that was cut off; of this one there is nothing left, unless a test failed."""
    engine()
    remove_leftovers()
    yield
    remove_leftovers()


#: A client that is gone without a word is noticed after 20 seconds; a busy machine answers within 10 all the same.
PINGS = {"WS_PING_INTERVAL_SECONDS": "10", "WS_PING_TIMEOUT_SECONDS": "10"}


class Shared:
    """The deployment of the files that have none of their own: up from when it is asked for until one has its own."""

    def __init__(self) -> None:
        self._deployment: Deployment | None = None

    def deployment(self) -> Deployment:
        """The running one."""
        if self._deployment is None:
            self._deployment = Deployment(**PINGS)
            self._deployment.up()
        return self._deployment

    def close(self) -> None:
        """Remove it."""
        if self._deployment is not None:
            self._deployment.close()
            self._deployment = None


@pytest.fixture(scope="session")
def _shared_of_session(_swept: None) -> Iterator[Shared]:
    shared = Shared()
    yield shared
    shared.close()


@pytest.fixture(scope="module", autouse=True)
def shared(request: pytest.FixtureRequest, _shared_of_session: Shared) -> Shared:
    """The deployment that files share."""
    if request.path.name in OWN:
        _shared_of_session.close()
    return _shared_of_session


@pytest.fixture
def deployment(request: pytest.FixtureRequest, shared: Shared) -> Deployment:
    """The product with three ws replicas, whole and live, watching this machine."""
    assert request.path.name not in OWN
    deployment = shared.deployment()
    deployment.write_nodes(["local"])
    if not deployment.is_healthy():
        deployment.up()
    deployment.next_round()
    return deployment
