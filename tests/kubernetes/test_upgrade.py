"""From the last release's manifests and images to these and back, with clients connected."""

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

FORMER = "former"
OURS = ("redis", "api", "ws", "collector", "gateway")


@pytest.fixture
def former(deployment: KubernetesDeployment, tmp_path: Path) -> Iterator[KubernetesDeployment]:
    """The last release's product, whose images the cluster has; it is not applied yet."""
    if not command(LOADER):
        pytest.skip(f"{LOADER} is not set: the former images cannot be brought into the cluster")
    lay_out_last_release(tmp_path)
    images = [f"dispycluster/{part}:{FORMER}" for part in OURS]
    Deployment(root=tmp_path, IMAGE_PREFIX="dispycluster", IMAGE_TAG=FORMER).compose("build", "--quiet", *OURS)
    try:
        load(images)
        yield KubernetesDeployment(deployment.kubectl, root=tmp_path, tag=FORMER)
    finally:
        subprocess.run(["docker", "image", "rm", *images], capture_output=True)
        deployment.apply()


def pods(deployment: KubernetesDeployment) -> set[str]:
    """What tells every pod from those before it."""
    return {pod["metadata"]["uid"] for part in WORKLOADS for pod in deployment.pods(part)}


def images(deployment: KubernetesDeployment) -> set[str]:
    return {
        container["image"]
        for part in WORKLOADS
        for pod in deployment.pods(part)
        for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", [])
    }


def test_upgrade_from_the_last_release_keeps_every_client_live_and_the_log_and_so_does_the_way_back(
    deployment: KubernetesDeployment, former: KubernetesDeployment
) -> None:
    log = make_alerts(deployment)
    with listening(deployment, 30, BROWSERS) as listeners:
        # The way back first: whichever is there, the other one follows it
        for other in (former, deployment):
            before = pods(deployment)
            # When the other's manifests are applied
            other.apply(patches=one_by_one())
            other.wait(within_seconds=240)
            # Then every pod is new, every client is live on them, and none saw an older snapshot
            assert pods(other) & before == set()
            assert images(other) == {f"dispycluster/{part}:{other.tag}" for part in OURS}
            other.next_round(2)
            settle(other, listeners, within_seconds=90)
            assert sum(replicas_of(listeners).values()) == 30
            # And the log goes on where it stopped, and is written on
            require_kept(other, log)
            log = make_alerts(other)
            assert other.restarts() == {}
