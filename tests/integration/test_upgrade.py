"""`make upgrade` from the last release and its printed rollback, with connected clients."""

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
def previous(tmp_path: Path) -> Iterator[Deployment]:
    """The last release's product, run as by its user."""
    with last_release(tmp_path) as deployment:
        yield deployment


def images_of(deployment: Deployment) -> dict[str, str]:
    return {service: deployment.container(service).attrs["Image"] for service in SERVICES}


def test_upgrade_keeps_clients_live_and_the_alert_log_and_its_rollback_works(previous: Deployment) -> None:
    log, known, before = make_alerts(previous), previous.passwords(), images_of(previous)
    with listening(previous, 30, BROWSERS) as listeners:
        # When the current files replace the previous ones, as after `git pull`
        output = upgrade(previous)
        # Then every container is new, every client is live, and no client got an older snapshot
        assert all(image != before[service] for service, image in images_of(previous).items())
        previous.next_round(2)
        settle(previous, listeners)
        assert len(replicas_of(listeners)) == 2
        require_kept(previous, log)
        assert previous.passwords() == known
        # When the printed rollback runs
        rollback = next(line.strip() for line in output.splitlines() if line.strip().startswith("IMAGE_TAG=before-"))
        subprocess.run(rollback, shell=True, cwd=ROOT, env=previous.environment, check=True, capture_output=True)
        # Then the previous images run again, and the clients are live on them
        assert images_of(previous) == before
        eventually(previous.is_healthy, within_seconds=60)
        previous.next_round(2)
        settle(previous, listeners)
        require_kept(previous, log)
        assert previous.passwords() == known
    assert entries(previous)
    remove_backups(output)
