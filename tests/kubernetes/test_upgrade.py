"""Upgrade from the last release's manifests and images to the current ones and back, with connected clients."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.alert_log import make_alerts, require_kept
from tests.drivers.cluster_images import LOADER, command, load
from tests.drivers.deployment import Deployment
from tests.drivers.fleet import BROWSERS, listening, replicas_of, settle
from tests.drivers.kubernetes import WORKLOADS, KubernetesDeployment
from tests.drivers.kustomization import one_by_one
from tests.drivers.last_release import lay_out_last_release

LAST_RELEASE_TAG = "last-release"
OURS = ("redis", "api", "ws", "collector", "gateway")


@pytest.fixture
def last_release(deployment: KubernetesDeployment, tmp_path: Path) -> Iterator[KubernetesDeployment]:
    """The last release's product with its images in the cluster; it is not applied yet."""
    if not command(LOADER):
        pytest.skip(f"{LOADER} is not set: the last_release images cannot be brought into the cluster")
    lay_out_last_release(tmp_path)
    images = [f"dispycluster/{part}:{LAST_RELEASE_TAG}" for part in OURS]
    Deployment(root=tmp_path, IMAGE_PREFIX="dispycluster", IMAGE_TAG=LAST_RELEASE_TAG).compose(
        "build", "--quiet", *OURS
    )
    try:
        load(images)
        yield KubernetesDeployment(deployment.kubectl, root=tmp_path, tag=LAST_RELEASE_TAG)
    finally:
        subprocess.run(["docker", "image", "rm", *images], capture_output=True)
        deployment.apply()


def pods(deployment: KubernetesDeployment) -> set[str]:
    """Return the ids of all pods."""
    return {pod["metadata"]["uid"] for part in WORKLOADS for pod in deployment.pods(part)}


def images(deployment: KubernetesDeployment) -> set[str]:
    return {
        container["image"]
        for part in WORKLOADS
        for pod in deployment.pods(part)
        for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", [])
    }


def test_upgrade_from_the_last_release_and_rollback_keep_every_client_live_and_the_alert_log(
    deployment: KubernetesDeployment, last_release: KubernetesDeployment
) -> None:
    log = make_alerts(deployment)
    with listening(deployment, 30, BROWSERS) as listeners:
        # The rollback first: whichever release runs, the other one follows
        for other in (last_release, deployment):
            before = pods(deployment)
            # When the other release's manifests are applied
            other.apply(patches=one_by_one())
            other.wait(within_seconds=240)
            # Then every pod is new, every client is live, and no client got an older snapshot
            assert pods(other) & before == set()
            assert images(other) == {f"dispycluster/{part}:{other.tag}" for part in OURS}
            other.next_round(2)
            settle(other, listeners, within_seconds=90)
            assert sum(replicas_of(listeners).values()) == 30
            # And the log keeps its entries and grows
            require_kept(other, log)
            log = make_alerts(other)
            assert other.restarts() == {}
