"""`make upgrade` from the last release, and the way back that it prints, with clients connected."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract import VERSION
from tests.drivers.alert_log import entries, make_alerts
from tests.drivers.deployment import SERVICES, Deployment
from tests.drivers.docker_engine import OWN_IMAGES, engine
from tests.drivers.fleet import BROWSERS, listening, replicas_of, settle
from tests.drivers.last_release import lay_out_last_release
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually
from tests.integration.test_data import require_kept

OURS = ("redis", "api", "ws", "collector", "gateway", "exporter")


@pytest.fixture
def former(tmp_path: Path) -> Iterator[Deployment]:
    """The last release's product, as its user runs it."""
    lay_out_last_release(tmp_path)
    deployment = Deployment(
        replicas=2, root=tmp_path, IMAGE_PREFIX=OWN_IMAGES, IMAGE_TAG="former", WS_DRAIN_SECONDS="5"
    )
    deployment.compose("build")
    deployment.up()
    yield deployment
    deployment.close()
    # By name: some of them are also others'.
    for image in engine().images.list(filters={"reference": f"{OWN_IMAGES}/*"}):
        for name in image.tags:
            if name.startswith(OWN_IMAGES):
                engine().images.remove(name)


def images_of(deployment: Deployment) -> dict[str, str]:
    return {service: deployment.container(service).attrs["Image"] for service in SERVICES}


def test_upgrade_keeps_every_client_live_and_the_alert_log_and_its_way_back_works(former: Deployment) -> None:
    log, known, before = make_alerts(former), former.passwords(), images_of(former)
    with listening(former, 30, BROWSERS) as listeners:
        # When the present files take the place of the former ones, as after `git pull`
        former.root = ROOT
        former.set("IMAGE_TAG", VERSION)
        environment = {**former.environment, "IMAGE_TAG": VERSION}
        command = [sys.executable, "-B", "-m", "deploy.compose", "upgrade"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        # Then every container is new, every client is live, and none saw an older snapshot
        assert all(image != before[service] for service, image in images_of(former).items())
        former.next_round(2)
        settle(former, listeners)
        assert len(replicas_of(listeners)) == 2
        require_kept(former, log)
        assert former.passwords() == known
        # When the way back is gone as it is printed
        way_back = next(
            line.strip() for line in done.stdout.splitlines() if line.strip().startswith("IMAGE_TAG=before-")
        )
        subprocess.run(way_back, shell=True, cwd=ROOT, env=former.environment, check=True, capture_output=True)
        # Then the former images run again, and the clients are live on them
        assert images_of(former) == before
        eventually(former.is_whole, within_seconds=60)
        former.next_round(2)
        settle(former, listeners)
        require_kept(former, log)
        assert former.passwords() == known
    assert entries(former)
    backups = [line.split()[0].rstrip(":") for line in done.stdout.splitlines() if line.strip().startswith("backups/")]
    assert backups
    for backup in backups:
        (ROOT / backup).unlink()
