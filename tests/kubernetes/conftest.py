"""The users' manifests on a cluster that ``CONTEXT`` selects. ``make test-k8s`` copies the images to it first."""

import os
from collections.abc import Iterator

import pytest

from tests.drivers.kubectl import Kubectl, chosen_context
from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.kustomization import LABEL, one_by_one

#: The file that needs an empty cluster, so that no test must remove the product; then the longest, so that parallel
#: test processes finish at the same time.
FIRST = ("test_from_nothing.py", "test_components.py", "test_upgrade.py", "test_rollouts.py")


def own_namespace() -> str:
    """Return the namespace of this process; parallel processes have different ones."""
    name, worker = os.environ.get("NAMESPACE", "dispycluster"), os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return name if worker == "gw0" else f"{name}-{worker}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files in ``FIRST`` at the beginning; all others keep their order."""
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(scope="session")
def kubectl() -> Iterator[Kubectl]:
    """The cluster, with a namespace that tests may remove.

    Raises:
        AssertionError: no cluster is selected, or the namespace is not the tests'.
    """
    kubectl = Kubectl(chosen_context(), own_namespace())
    there = kubectl.succeeds("get", "namespace", kubectl.namespace)
    ours = kubectl.run("get", "namespace", "-l", LABEL, "-o", "name").split()
    assert not there or f"namespace/{kubectl.namespace}" in ours, (
        f"the namespace {kubectl.namespace} of {kubectl.context} was not made by these tests: nothing is done"
    )
    yield kubectl
    kubectl.close()


@pytest.fixture(scope="session")
def _installation(kubectl: Kubectl) -> Iterator[KubernetesDeployment]:
    deployment = KubernetesDeployment(kubectl)
    keep = os.environ.get("KEEP") == "1"
    if not keep:
        deployment.remove()
    yield deployment
    if not keep:
        deployment.remove(wait=False)


@pytest.fixture
def empty(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """A cluster without the product."""
    _installation.remove()
    return _installation


@pytest.fixture
def deployment(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product of the manifests without components, complete and live.

    All pods of a workload are replaced together, except in tests with the fixture ``rolled``.
    """
    if not _installation.is_unmodified():
        _installation.apply()
        _installation.wait()
    _installation.next_round()
    return _installation


@pytest.fixture
def rolled(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product with pods that are replaced one after the other, as in the manifests."""
    if not _installation.is_unmodified(one_by_one()):
        _installation.apply(patches=one_by_one())
        _installation.wait()
    _installation.next_round()
    return _installation


@pytest.fixture
def unmodified(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product of ``kubectl apply -k deploy/k8s``, with all its pods."""
    _installation.apply_unmodified()
    _installation.wait_until_ready()
    return _installation
