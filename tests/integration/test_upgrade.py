"""`make upgrade` from the last release, and the way back that it prints, with clients connected."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.alert_log import entries, make_alerts
from tests.drivers.deployment import SERVICES, Deployment
from tests.drivers.fleet import BROWSERS, listening, replicas_of, settle
from tests.drivers.process import ROOT
from tests.drivers.upgrading import last_release, remove_backups, upgrade
from tests.drivers.waiting import eventually
from tests.integration.test_data import require_kept

OURS = ("redis", "api", "ws", "collector", "gateway", "exporter")


@pytest.fixture
def former(tmp_path: Path) -> Iterator[Deployment]:
    """The last release's product, as its user runs it."""
    with last_release(tmp_path) as deployment:
        yield deployment


def images_of(deployment: Deployment) -> dict[str, str]:
    return {service: deployment.container(service).attrs["Image"] for service in SERVICES}


def test_upgrade_keeps_every_client_live_and_the_alert_log_and_its_way_back_works(former: Deployment) -> None:
    log, known, before = make_alerts(former), former.passwords(), images_of(former)
    with listening(former, 30, BROWSERS) as listeners:
        # When the present files take the place of the former ones, as after `git pull`
        said = upgrade(former)
        # Then every container is new, every client is live, and none saw an older snapshot
        assert all(image != before[service] for service, image in images_of(former).items())
        former.next_round(2)
        settle(former, listeners)
        assert len(replicas_of(listeners)) == 2
        require_kept(former, log)
        assert former.passwords() == known
        # When the way back is gone as it is printed
        way_back = next(line.strip() for line in said.splitlines() if line.strip().startswith("IMAGE_TAG=before-"))
        subprocess.run(way_back, shell=True, cwd=ROOT, env=former.environment, check=True, capture_output=True)
        # Then the former images run again, and the clients are live on them
        assert images_of(former) == before
        eventually(former.is_healthy, within_seconds=60)
        former.next_round(2)
        settle(former, listeners)
        require_kept(former, log)
        assert former.passwords() == known
    assert entries(former)
    remove_backups(said)
