"""The alert log and the passwords survive accidents, and live data continue during them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.drivers import alert_log
from tests.drivers.alert_log import make_alerts
from tests.drivers.deployment import SERVICES, Deployment, data_in
from tests.drivers.fleet import BROWSERS, listening, settle
from tests.drivers.waiting import eventually
from tests.integration.test_isolation import redis_replies

#: Settings with which Redis notices a full disk immediately.
TIGHT = "services: {redis: {environment: {REDIS_GUARD_SECONDS: '1', REDIS_GUARD_FREE_KIB: '1000'}}}\n"


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of a few megabytes for Redis. Docker's own such volumes are emptied when a container restarts."""
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,uid=10001,mode=0700", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def _own(small_disk: Path) -> Iterator[Deployment]:
    deployment = Deployment(replicas=1, override=data_in(small_disk) + TIGHT)
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.close()


@pytest.fixture
def own(_own: Deployment) -> Deployment:
    """A deployment with data that a test may damage, healthy and live."""
    if not _own.is_healthy():
        _own.up()
    _own.next_round()
    return _own


def require_kept(deployment: Deployment, log: list[dict[str, Any]]) -> None:
    """Check that the log keeps its entries and the collector continues."""
    alert_log.require_kept(deployment, log)
    deployment.next_round(2)


def test_alert_log_survives_when_all_containers_are_killed_together(own: Deployment) -> None:
    log, known = make_alerts(own), own.passwords()
    containers = [container for service in SERVICES for container in own.containers(service)]
    for container in containers:
        own.kill(container)
    eventually(own.is_healthy, within_seconds=60, what="all services have restarted")
    require_kept(own, log)
    assert own.passwords() == known


def test_restored_backup_has_the_alert_log(own: Deployment) -> None:
    log = make_alerts(own)
    backup = own.compose_bytes("exec", "-T", "redis", "backup")
    assert backup[:5] in (b"REDIS", b"VALKE")
    # An invalid file is refused and changes nothing
    own.compose("stop", "redis", "collector")
    assert b"nothing was changed" in own.compose_bytes(
        "run", "--rm", "--no-deps", "-T", "redis", "restore", input_bytes=b"x", check=False
    )
    own.compose("run", "--rm", "--no-deps", "-T", "redis", "sh", "-c", "rm -rf /store/*")
    own.compose_bytes("run", "--rm", "--no-deps", "-T", "redis", "restore", input_bytes=backup)
    own.up()
    require_kept(own, log)


#: The file that Redis writes; during a rewrite, a second one exists.
NEWEST = "file=$(ls -t /store/appendonlydir/*.incr.aof | head -n 1)"


def in_shell(script: str) -> tuple[str, ...]:
    """Return compose's arguments for a shell in a new container with Redis's files."""
    return ("run", "--rm", "--no-deps", "-T", "redis", "sh", "-c", script)


def damage(deployment: Deployment, command: str) -> None:
    """Stop Redis, and run a shell command on the file that it writes, ``$file``."""
    deployment.compose("stop", "redis")
    deployment.compose(*in_shell(f"{NEWEST}; {command}"))


def test_incomplete_end_of_the_file_is_cut_and_the_log_is_kept(own: Deployment) -> None:
    log = make_alerts(own)
    damage(own, 'head -c 4096 /dev/zero >>"$file"')
    own.up()
    assert "4096 bytes were cut" in own.compose("logs", "redis")
    assert "damaged-" in own.execute("redis", "ls", "/store")
    require_kept(own, log)


def test_redis_refuses_a_damaged_file_and_starts_after_the_damaged_part_is_dropped(own: Deployment) -> None:
    make_alerts(own)
    backup = own.compose_bytes("exec", "-T", "redis", "backup")
    # four bytes near the beginning
    damage(own, 'cp "$file" /store/before; printf "\\0\\0\\0\\0" | dd of="$file" bs=1 seek=40 conv=notrunc 2>/dev/null')
    own.compose("up", "-d", "--no-deps", "redis")
    eventually(lambda: "You can (docs/data.md" in own.compose("logs", "redis"), within_seconds=60, what="the ways on")
    try:
        differing = own.compose(*in_shell(f'{NEWEST}; cmp -l /store/before "$file" | wc -l'))
        assert 0 < int(differing) <= 4
        output = own.compose("run", "--rm", "--no-deps", "-T", "redis", "mend-data", "--drop-rest")
        assert "were cut from the end" in output
        own.up()
        own.next_round(2)
    finally:
        own.compose("stop", "redis", "collector")
        own.compose(*in_shell("rm -f /store/before /store/damaged-*"))
        own.compose_bytes("run", "--rm", "--no-deps", "-T", "redis", "restore", input_bytes=backup)
        own.up()


def test_live_data_continue_when_the_disk_is_full_and_are_saved_again_when_it_has_space(own: Deployment) -> None:
    def persistence() -> str:
        return own.execute("redis", "operator", "info", "persistence")

    def reasons() -> set[str]:
        return {reason["code"] for reason in own.rest.json("/api/health")["reasons"]}

    eventually(lambda: "redis_disk_nearly_full" in reasons(), within_seconds=60, what="the health reports a small disk")

    with listening(own, 10, BROWSERS) as listeners:
        try:
            # When it fills up
            own.execute("redis", "sh", "-c", "cat /dev/zero >/store/other 2>/dev/null || true")
            eventually(
                lambda: "aof_enabled:0" in persistence(), within_seconds=60, what="Redis goes on without the disk"
            )
            eventually(
                lambda: "persistence_off" in reasons(), within_seconds=60, what="the health reports the full disk"
            )
            # Then live data continue, and no client had to reconnect
            own.next_round(5)
            settle(own, listeners)
        finally:
            # When it has space again, Redis writes the data
            own.execute("redis", "rm", "/store/other")
        eventually(lambda: "aof_enabled:1" in persistence(), within_seconds=60, what="Redis writes again")
        log = make_alerts(own)
        own.next_round(2)
        settle(own, listeners)
    own.kill(own.container("redis"))
    eventually(own.is_healthy, within_seconds=60, what="Redis is back")
    require_kept(own, log)


def test_history_is_refused_and_live_data_continue_when_the_memory_is_full(own: Deployment) -> None:
    # Given less memory than an empty Redis uses
    own.set("REDIS_MAXMEMORY", "500kb")
    try:
        own.up()
        own.next_round(3)
        assert make_alerts(own)
        write = [["XADD", "cluster:history:10:node", "*", "cpu_usage", "1"]]
        assert redis_replies(own, "collector", write)[0].endswith("'maxmemory'."), "history is refused first"
        with listening(own, 10, BROWSERS) as listeners:
            own.next_round(2)
            settle(own, listeners)
    finally:
        own.set("REDIS_MAXMEMORY", "512mb")
        own.up()
