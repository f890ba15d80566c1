"""Upgrade and restart of the services."""

import json
from itertools import count
from pathlib import Path

import pytest

from deploy.compose.containers import replace_replicas
from deploy.compose.docker import DockerResult
from deploy.compose.restart import restart
from deploy.compose.terminal import CommandFailed
from deploy.compose.upgrade import replacement_order, upgrade
from deploy.host.status import Status
from tests.drivers.compose_lab import ComposeLab
from tests.drivers.scripted_docker import ScriptedDocker, config


def no_wait(_: float) -> None:
    return


def test_replicas_are_doubled_before_the_previous_ones_stop_one_by_one(tmp_path: Path) -> None:
    # given
    lab = ComposeLab(tmp_path, "ws", "ws", "ws")
    # when
    assert replace_replicas(lab.docker, lab.project, "ws", no_wait) == 3
    # then
    assert set(lab.of("ws").values()) == {"sha256:new"}
    assert len(lab.of("ws")) == 3
    changing = [call for call in lab.docker.calls if call.split()[0] in ("stop", "rm") or call.startswith("compose up")]
    assert "--scale ws=6 ws" in changing[0]
    assert "--no-recreate" in changing[0]
    assert "--no-deps" in changing[0]
    assert changing[1:-1] == ["stop ws-1", "rm ws-1", "stop ws-2", "rm ws-2", "stop ws-3", "rm ws-3"]
    assert "--scale ws=3 ws" in changing[-1]


def test_replicas_stay_when_they_are_current(tmp_path: Path) -> None:
    # given
    lab = ComposeLab(tmp_path)
    for _ in range(2):
        lab.add("ws", "sha256:new")
    # when
    assert replace_replicas(lab.docker, lab.project, "ws", no_wait) == 2
    # then
    assert lab.docker.called("compose up") == []
    assert lab.docker.called("stop") == []


def test_replicas_are_replaced_when_only_their_configuration_changed(tmp_path: Path) -> None:
    # given
    lab = ComposeLab(tmp_path)
    lab.containers["ws-0"] = ("ws", "sha256:new", "another hash")
    # when
    replace_replicas(lab.docker, lab.project, "ws", no_wait)
    # then
    assert "ws-0" not in lab.containers
    assert len(lab.of("ws")) == 1


def test_previous_replicas_keep_running_when_the_new_ones_are_unhealthy(tmp_path: Path) -> None:
    # given
    lab = ComposeLab(tmp_path, "ws", "ws")
    lab.becomes_healthy = False
    # when
    with pytest.raises(CommandFailed, match="is unhealthy"):
        replace_replicas(lab.docker, lab.project, "ws", no_wait)
    # then
    assert lab.of("ws") == {"ws-1": "sha256:old", "ws-2": "sha256:old"}
    assert lab.docker.called("stop") == []


def test_interrupted_replacement_is_finished_without_more_replicas(tmp_path: Path) -> None:
    # given
    lab = ComposeLab(tmp_path, "ws", "ws")
    for _ in range(2):
        lab.add("ws", "sha256:new")
    # when
    assert replace_replicas(lab.docker, lab.project, "ws", no_wait) == 2
    # then
    assert len(lab.of("ws")) == 2
    assert not any("ws=6" in call or "ws=8" in call for call in lab.docker.calls)


def test_readers_are_replaced_before_the_writer_and_the_gateway_last() -> None:
    services = ["api", "collector", "exporter", "gateway", "redis", "secrets", "simulator", "ws"]
    assert replacement_order(services) == ["redis", "ws", "api", "collector", "exporter", "simulator", "gateway"]
    assert replacement_order(["gateway", "ws"]) == ["ws", "gateway"]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComposeLab:
    """All services run and can be built; each status has a newer round."""
    made = ComposeLab(tmp_path, "redis", "ws", "ws", "api", "collector", "exporter", "gateway")
    names = ("api", "collector", "exporter", "gateway", "redis", "secrets", "ws")
    for name in names:
        (tmp_path / f"{name}.Dockerfile").touch()
    build = {name: {"build": {"context": str(tmp_path), "dockerfile": f"{name}.Dockerfile"}} for name in names}
    made.docker.configure(config(**build))
    rounds = count(1)
    monkeypatch.setattr("deploy.compose.upgrade.check_status", lambda *_: Status(True, epoch=1, seq=next(rounds)))
    monkeypatch.setattr("deploy.compose.containers.SETTLE_SECONDS", 0)
    return made


def steps(docker: ScriptedDocker) -> list[str]:
    """Return the changes in short."""
    found = []
    for call in docker.calls:
        words = call.split()
        if call.startswith(("compose exec", "compose run")):
            found.append(words[-1])
        elif call.startswith("compose --profile * build"):
            found.append("build")
        elif call.startswith("tag "):
            found.append("tag")
        elif call.startswith("compose up"):
            found.append(words[-1])
    return found


def test_upgrade_goes_from_backup_to_the_gateway_and_prints_the_rollback(
    lab: ComposeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # when
    upgrade(lab.docker)
    # then
    assert steps(lab.docker) == [
        *("backup", "save", "tag", "tag", "tag", "tag", "tag", "tag", "build", "secrets"),
        *("redis", "ws", "ws", "api", "api", "collector", "exporter", "gateway", "api=1"),
    ]
    output = capsys.readouterr().out
    (backup,) = (lab.docker.folder / "backups").iterdir()
    tag = backup.stem.replace("dispycluster-", "before-")
    assert f"IMAGE_TAG={tag} docker compose up -d --wait --no-build --scale ws=2\n" in output
    assert f"FILE=backups/{backup.name}" in output or f"restore backups/{backup.name}" in output
    assert f"docker image rm dispycluster/api:{tag} " in output
    # and: the tagged images are those in use, not those that have the names now
    assert lab.docker.called("tag sha256:old dispycluster/api:") == [f"tag sha256:old dispycluster/api:{tag}"]


def test_upgrade_does_not_tag_foreign_images(lab: ComposeLab) -> None:
    # given
    lab.docker.configure(config(redis={"image": "valkey/valkey:9"}, secrets={"image": "valkey/valkey:9"}))
    # when
    upgrade(lab.docker)
    # then
    assert lab.docker.called("tag ")
    assert not any("valkey" in call for call in lab.docker.called("tag "))


def test_upgrade_changes_nothing_when_the_backup_fails(lab: ComposeLab, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    lab.docker.script("compose exec -T redis backup", err="the disk is full", code=1)
    # when
    with pytest.raises(CommandFailed, match="stopped at: backup"):
        upgrade(lab.docker)
    # then
    assert steps(lab.docker) == ["backup"]
    assert "To roll back" not in capsys.readouterr().out


def test_upgrade_names_the_failed_step_and_prints_the_rollback(
    lab: ComposeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    lab.docker.react(
        "compose up --detach --wait --no-deps --no-recreate --no-build --pull never --scale api",
        lambda _: DockerResult(1, "", "container lab-api-1 is unhealthy"),
    )
    lab.docker.script("logs --tail 3 lab-api-1", err="Redis lacks the function\n")
    # when
    with pytest.raises(CommandFailed, match=r"(?s)stopped at: api\..*api-1 is unhealthy\n    Redis lacks the function"):
        upgrade(lab.docker)
    # then
    assert "IMAGE_TAG=before-" in capsys.readouterr().out
    assert steps(lab.docker)[-1] == "api"


def test_upgrade_prints_the_rollback_when_interrupted(lab: ComposeLab, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    def interrupt(_: str) -> DockerResult:
        raise KeyboardInterrupt

    lab.docker.react("compose --profile * build", interrupt)
    # when
    with pytest.raises(KeyboardInterrupt):
        upgrade(lab.docker)
    # then
    assert "IMAGE_TAG=before-" in capsys.readouterr().out


def test_upgrade_uses_local_images_when_there_are_no_dockerfiles(lab: ComposeLab) -> None:
    # given
    lab.docker.configure(config())
    # when
    upgrade(lab.docker)
    # then
    assert "build" not in steps(lab.docker)
    assert steps(lab.docker)[-1] == "api=1"
    assert "--scale ws=2 --scale api=1" in lab.docker.called("compose up")[-1]


def test_upgrade_pulls_when_the_policy_is_not_never(lab: ComposeLab) -> None:
    # given
    resolved = config()
    for service in resolved["services"].values():
        service["pull_policy"] = "missing"
    lab.docker.configure(resolved)
    # when
    upgrade(lab.docker)
    # then
    assert lab.docker.called("compose pull") == ["compose pull api collector exporter gateway redis ws"]
    assert "build" not in steps(lab.docker)


def test_upgrade_starts_all_services_when_none_runs(lab: ComposeLab) -> None:
    # given
    lab.containers.clear()
    # when
    upgrade(lab.docker)
    # then
    assert lab.docker.called("compose up") == ["compose up --detach --wait --no-build --pull never"]


def test_upgrade_replaces_a_running_service_of_a_profile(lab: ComposeLab) -> None:
    # given
    everything = config(simulator={"image": "dispycluster/simulator:0.8.0", "pull_policy": "never"})
    lab.docker.script("compose --profile * config --format json", json.dumps(everything))
    lab.add("simulator", "sha256:old")
    # when
    upgrade(lab.docker)
    # then
    assert "simulator" in steps(lab.docker)


def test_upgrade_fails_when_no_newer_round_comes(lab: ComposeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("deploy.compose.upgrade.check_status", lambda *_: Status(True, epoch=1, seq=7))
    monkeypatch.setattr("deploy.compose.upgrade.READY_SECONDS", 0.01)
    # then
    with pytest.raises(CommandFailed, match=r"stopped at: health check.*are still those of round 7"):
        upgrade(lab.docker)


# Restart


@pytest.fixture
def running(lab: ComposeLab, monkeypatch: pytest.MonkeyPatch) -> ComposeLab:
    """The product without outdated containers."""
    lab.containers = {id: (service, "sha256:new", "hash") for id, (service, _, _) in lab.containers.items()}
    monkeypatch.setattr("deploy.compose.restart.check_status", lambda *_: Status(True, epoch=1, seq=1))
    return lab


def changing(docker: ScriptedDocker) -> list[str]:
    """Return the calls that change a container."""
    return [call for call in docker.calls if call.split()[0] in ("stop", "rm") or call.startswith("compose up")]


def test_restart_of_ws_starts_new_replicas_before_the_previous_ones_stop(running: ComposeLab) -> None:
    # when
    restart(running.docker, "ws")
    # then
    calls = changing(running.docker)
    assert "--scale ws=4 ws" in calls[0]
    assert [call.split()[0] for call in calls[1:-1]] == ["stop", "rm", "stop", "rm"]
    assert "--scale ws=2 ws" in calls[-1]
    assert {*running.of("ws")}.isdisjoint(("ws-2", "ws-3"))


def test_restart_of_the_api_starts_a_new_replica_first(running: ComposeLab) -> None:
    # when
    restart(running.docker, "api")
    # then
    assert "--scale api=2 api" in changing(running.docker)[0]
    assert len(running.of("api")) == 1


def test_restart_of_a_service_changes_no_other(running: ComposeLab) -> None:
    # when
    restart(running.docker, "collector")
    # then
    [call] = changing(running.docker)
    assert "--no-deps --force-recreate" in call
    assert call.endswith(" collector")


def test_restart_reloads_the_gateway_when_its_settings_are_unchanged(running: ComposeLab) -> None:
    # when
    restart(running.docker, "gateway")
    # then
    [call] = changing(running.docker)
    assert "--force-recreate" not in call
    assert "compose exec --no-TTY gateway reload-gateway" in running.docker.calls


def test_restart_replaces_the_gateway_when_its_settings_changed(running: ComposeLab) -> None:
    # given
    def replace(_: str) -> DockerResult:
        [previous] = running.of("gateway")
        del running.containers[previous]
        running.containers["gateway-2"] = ("gateway", "sha256:new", "other")
        return DockerResult(0)

    running.docker.react("compose up --detach --wait --no-deps", replace)
    # when
    restart(running.docker, "gateway")
    # then
    assert not [call for call in running.docker.calls if "USR2" in call]


def test_restart_restarts_all_running_services_and_the_gateway_last(running: ComposeLab) -> None:
    # when
    restart(running.docker)
    # then
    services = ["redis", "ws", "api", "collector", "exporter", "gateway"]
    assert list(dict.fromkeys(steps(running.docker))) == [*services, "reload-gateway"]


@pytest.mark.parametrize("service", ["simulator", "secrets", "unknown"])
def test_restart_changes_nothing_when_the_service_does_not_run(running: ComposeLab, service: str) -> None:
    with pytest.raises(CommandFailed, match=service):
        restart(running.docker, service)
    assert changing(running.docker) == []
