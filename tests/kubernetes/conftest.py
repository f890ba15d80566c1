"""The real manifests on a real cluster, told by ``CONTEXT``. ``make test-k8s`` brings the images there first."""

import os
from collections.abc import Iterator

import pytest

from tests.drivers.kubectl import Kubectl, chosen_context
from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.kustomization import LABEL, one_by_one

#: The file that needs an empty cluster, so that nothing is removed for it; and the longest, so that processes that test
#: side by side end at the same time.
FIRST = ("test_from_nothing.py", "test_components.py", "test_upgrade.py", "test_rollouts.py")


def own_namespace() -> str:
    """The namespace of this process: where several test side by side, each has one."""
    told, worker = os.environ.get("NAMESPACE", "dispycluster"), os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return told if worker == "gw0" else f"{told}-{worker}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have ``FIRST`` at the beginning, and everything else in the order that it has."""
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(scope="session")
def kubectl() -> Iterator[Kubectl]:
    """The cluster. What stands in the namespace is ours to remove, or nothing is done.

    Raises:
        AssertionError: the cluster was not told, or the namespace is somebody's.
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
    """The cluster without the product."""
    _installation.remove()
    return _installation


@pytest.fixture
def deployment(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product as its manifests have it, without components, whole and live.

    But all pods of a part are replaced at once: ``rolled`` is for tests of how they roll.
    """
    if not _installation.is_unmodified():
        _installation.apply()
        _installation.wait()
    _installation.next_round()
    return _installation


@pytest.fixture
def rolled(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The same, with pods that are replaced one after the other, as the manifests have it."""
    if not _installation.is_unmodified(one_by_one()):
        _installation.apply(patches=one_by_one())
        _installation.wait()
    _installation.next_round()
    return _installation


@pytest.fixture
def as_it_stands(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product as ``kubectl apply -k deploy/k8s`` has it, with all its pods."""
    _installation.apply_unmodified()
    _installation.wait_until_ready()
    return _installation
