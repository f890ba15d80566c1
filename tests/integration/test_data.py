"""What outlives containers, images and accidents: the alert log and the passwords. And what must not stop for them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.drivers import alert_log
from tests.drivers.alert_log import entries
from tests.drivers.deployment import SERVICES, Deployment, data_in
from tests.drivers.fleet import BROWSERS, listening, settle
from tests.drivers.waiting import eventually
from tests.integration.test_isolation import says

#: Nobody listens there, in the collector's own container.
NOBODY = {"host": "127.0.0.1:1", "name": "gone"}


@pytest.fixture
def own() -> Iterator[Deployment]:
    """A deployment that a test may break for good."""
    deployment = Deployment(replicas=1)
    deployment.up()
    yield deployment
    deployment.close()


def make_alerts(deployment: Deployment) -> list[dict[str, Any]]:
    """Let an alert fire and end; return the log."""
    deployment.write_nodes(["local", NOBODY])
    eventually(lambda: any(each["transition"] == "firing" for each in entries(deployment)), what="an alert fires")
    deployment.write_nodes(["local"])
    eventually(lambda: entries(deployment)[-1]["transition"] == "resolved", what="it has ended")
    return entries(deployment)


def passwords(deployment: Deployment) -> set[str]:
    return {
        deployment.execute(service, "cat", f"/secrets/{service}/redis-password")
        for service in ("api", "ws", "collector")
    }


def require_kept(deployment: Deployment, log: list[dict[str, Any]]) -> None:
    """Check that the log goes on where it stopped, and that the collector does."""
    alert_log.require_kept(deployment, log)
    deployment.next_round(2)


def test_alert_log_and_passwords_survive_down_and_up_and_an_image_rebuild(own: Deployment) -> None:
    log, known = make_alerts(own), passwords(own)
    own.down()
    own.up()
    require_kept(own, log)
    assert passwords(own) == known
    # When images of another version take the place of these
    before = own.container("redis").attrs["Image"]
    own.set("IMAGE_TAG", "dispytest-rebuilt")
    own.compose("build")
    own.up()
    assert own.container("redis").attrs["Image"] != before
    require_kept(own, log)
    assert passwords(own) == known


def test_alert_log_survives_when_everything_is_killed_at_once(own: Deployment) -> None:
    log, known = make_alerts(own), passwords(own)
    containers = [container for service in SERVICES for container in own.containers(service)]
    for container in containers:
        own.kill(container)
    eventually(own.is_whole, within_seconds=60, what="everything has started again by itself")
    require_kept(own, log)
    assert passwords(own) == known


def test_backup_restored_after_a_loss_has_the_alert_log(own: Deployment) -> None:
    log = make_alerts(own)
    backup = own.compose_bytes("exec", "-T", "redis", "backup")
    assert backup[:5] in (b"REDIS", b"VALKE")
    # A file that is none is refused and changes nothing
    own.compose("stop", "redis", "collector")
    assert b"nothing is changed" in own.compose_bytes(
        "run", "--rm", "--no-deps", "-T", "redis", "restore", input_bytes=b"x", check=False
    )
    own.compose("run", "--rm", "--no-deps", "-T", "redis", "sh", "-c", "rm -rf /store/*")
    own.compose_bytes("run", "--rm", "--no-deps", "-T", "redis", "restore", input_bytes=backup)
    own.up()
    require_kept(own, log)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes for Redis. Docker's own volumes of that kind are emptied when a container restarts."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,uid=10001,mode=0700", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_live_data_goes_on_when_the_disk_is_full_and_is_written_again_when_there_is_space(small_disk: Path) -> None:
    tight = "services: {redis: {environment: {REDIS_GUARD_SECONDS: '1', REDIS_GUARD_FREE_KIB: '1000'}}}\n"
    deployment = Deployment(replicas=1, override=data_in(small_disk) + tight)
    try:
        deployment.up()
        with listening(deployment, 10, BROWSERS) as listeners:
            # When it fills up
            deployment.execute("redis", "sh", "-c", "cat /dev/zero >/store/other 2>/dev/null || true")
            persistence = lambda: deployment.execute("redis", "operator", "info", "persistence")  # noqa: E731
            eventually(
                lambda: "aof_enabled:0" in persistence(), within_seconds=60, what="Redis goes on without the disk"
            )
            # Then live data goes on, and nobody had to connect again
            deployment.next_round(5)
            settle(deployment, listeners)
            # When there is space again, it is written
            deployment.execute("redis", "rm", "/store/other")
            eventually(lambda: "aof_enabled:1" in persistence(), within_seconds=60, what="Redis writes again")
            log = make_alerts(deployment)
            deployment.next_round(2)
            settle(deployment, listeners)
        deployment.kill(deployment.container("redis"))
        eventually(deployment.is_whole, within_seconds=60, what="Redis is back")
        require_kept(deployment, log)
    finally:
        deployment.close()


def test_history_is_refused_and_live_data_are_not_when_the_memory_is_used_up() -> None:
    # Given less memory than an empty Redis uses
    deployment = Deployment(replicas=1, REDIS_MAXMEMORY="500kb")
    try:
        deployment.up()
        deployment.next_round(3)
        assert make_alerts(deployment)
        write = [["XADD", "cluster:history:10:node", "*", "cpu_usage", "1"]]
        assert says(deployment, "collector", write)[0].endswith("'maxmemory'."), "history is refused first"
        with listening(deployment, 10, BROWSERS) as listeners:
            deployment.next_round(2)
            settle(deployment, listeners)
    finally:
        deployment.close()
