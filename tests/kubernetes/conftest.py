"""The real manifests on a real cluster, told by ``CONTEXT``. ``make test-k8s`` brings the images there first."""

import os
from collections.abc import Iterator

import pytest

from tests.drivers.kubectl import Kubectl, told_context
from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.kustomization import LABEL


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """The cluster. What stands in the namespace is ours to remove, or nothing is done.

    Raises:
        AssertionError: the cluster was not told, or the namespace is somebody's.
    """
    kubectl = Kubectl(told_context(), os.environ.get("NAMESPACE", "dispycluster"))
    there = kubectl.succeeds("get", "namespace", kubectl.namespace)
    ours = kubectl.run("get", "namespace", "-l", LABEL, "-o", "name").split()
    assert not there or f"namespace/{kubectl.namespace}" in ours, (
        f"the namespace {kubectl.namespace} of {kubectl.context} was not made by these tests: nothing is done"
    )
    return kubectl


@pytest.fixture(scope="session")
def _installation(kubectl: Kubectl) -> Iterator[KubernetesDeployment]:
    deployment = KubernetesDeployment(kubectl)
    keep = os.environ.get("KEEP") == "1"
    if not keep:
        deployment.remove()
    yield deployment
    if not keep:
        deployment.remove()


@pytest.fixture
def empty(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The cluster without the product."""
    _installation.remove()
    return _installation


@pytest.fixture
def deployment(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product as its manifests have it, without components, whole and live."""
    if not _installation.is_whole():
        _installation.apply()
        _installation.wait()
    _installation.next_round()
    return _installation


@pytest.fixture
def as_it_stands(_installation: KubernetesDeployment) -> KubernetesDeployment:
    """The product as ``kubectl apply -k deploy/k8s`` has it, whole."""
    _installation.apply_as_it_stands()
    _installation.wait_for_pods()
    return _installation
