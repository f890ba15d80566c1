"""Replacing the services by newer ones."""

import json
from itertools import count
from pathlib import Path

import pytest

from deploy.compose.containers import roll
from deploy.compose.dialogue import CommandFailed
from deploy.compose.docker import Answer
from deploy.compose.restart import restart
from deploy.compose.upgrade import order, upgrade
from deploy.host.status import Status
from tests.drivers.compose_lab import Lab
from tests.drivers.scripted_docker import ScriptedDocker, config


def no_wait(_: float) -> None:
    return


def test_replicas_are_doubled_before_the_former_end_one_by_one(tmp_path: Path) -> None:
    # given
    lab = Lab(tmp_path, "ws", "ws", "ws")
    # when
    assert roll(lab.docker, lab.project, "ws", no_wait) == 3
    # then
    assert set(lab.of("ws").values()) == {"sha256:new"}
    assert len(lab.of("ws")) == 3
    changing = [call for call in lab.docker.calls if call.split()[0] in ("stop", "rm") or call.startswith("compose up")]
    assert "--scale ws=6 ws" in changing[0]
    assert "--no-recreate" in changing[0]
    assert "--no-deps" in changing[0]
    assert changing[1:-1] == ["stop ws-1", "rm ws-1", "stop ws-2", "rm ws-2", "stop ws-3", "rm ws-3"]
    assert "--scale ws=3 ws" in changing[-1]


def test_replicas_stay_when_nothing_changed(tmp_path: Path) -> None:
    # given
    lab = Lab(tmp_path)
    for _ in range(2):
        lab.add("ws", "sha256:new")
    # when
    assert roll(lab.docker, lab.project, "ws", no_wait) == 2
    # then
    assert lab.docker.called("compose up") == []
    assert lab.docker.called("stop") == []


def test_replicas_are_replaced_when_only_their_configuration_changed(tmp_path: Path) -> None:
    # given
    lab = Lab(tmp_path)
    lab.containers["ws-0"] = ("ws", "sha256:new", "another hash")
    # when
    roll(lab.docker, lab.project, "ws", no_wait)
    # then
    assert "ws-0" not in lab.containers
    assert len(lab.of("ws")) == 1


def test_former_replicas_serve_on_when_the_new_are_unhealthy(tmp_path: Path) -> None:
    # given
    lab = Lab(tmp_path, "ws", "ws")
    lab.becomes_healthy = False
    # when
    with pytest.raises(CommandFailed, match="is unhealthy"):
        roll(lab.docker, lab.project, "ws", no_wait)
    # then
    assert lab.of("ws") == {"ws-1": "sha256:old", "ws-2": "sha256:old"}
    assert lab.docker.called("stop") == []


def test_interrupted_rolling_is_finished_without_more_replicas(tmp_path: Path) -> None:
    # given
    lab = Lab(tmp_path, "ws", "ws")
    for _ in range(2):
        lab.add("ws", "sha256:new")
    # when
    assert roll(lab.docker, lab.project, "ws", no_wait) == 2
    # then
    assert len(lab.of("ws")) == 2
    assert not any("ws=6" in call or "ws=8" in call for call in lab.docker.calls)


def test_order_is_readers_before_the_writer_and_the_gateway_last() -> None:
    services = ["api", "collector", "exporter", "gateway", "redis", "secrets", "simulator", "ws"]
    assert order(services) == ["redis", "ws", "api", "collector", "exporter", "simulator", "gateway"]
    assert order(["gateway", "ws"]) == ["ws", "gateway"]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Everything runs, and can be built; the page has new data at every look."""
    made = Lab(tmp_path, "redis", "ws", "ws", "api", "collector", "exporter", "gateway")
    names = ("api", "collector", "exporter", "gateway", "redis", "secrets", "ws")
    for name in names:
        (tmp_path / f"{name}.Dockerfile").touch()
    build = {name: {"build": {"context": str(tmp_path), "dockerfile": f"{name}.Dockerfile"}} for name in names}
    made.docker.configure(config(**build))
    rounds = count(1)
    monkeypatch.setattr("deploy.compose.upgrade.look", lambda *_: Status(True, epoch=1, seq=next(rounds)))
    monkeypatch.setattr("deploy.compose.containers.SETTLE_SECONDS", 0)
    return made


def steps(docker: ScriptedDocker) -> list[str]:
    """What was changed, in short."""
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


def test_upgrade_goes_from_backup_to_the_gateway_and_says_the_way_back(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    # when
    upgrade(lab.docker)
    # then
    assert steps(lab.docker) == [
        *("backup", "save", "tag", "tag", "tag", "tag", "tag", "tag", "build", "secrets"),
        *("redis", "ws", "ws", "api", "api", "collector", "exporter", "gateway", "api=1"),
    ]
    said = capsys.readouterr().out
    (backup,) = (lab.docker.folder / "backups").iterdir()
    tag = backup.stem.replace("dispycluster-", "before-")
    assert f"IMAGE_TAG={tag} docker compose up -d --wait --no-build --scale ws=2\n" in said
    assert f"FILE=backups/{backup.name}" in said or f"restore backups/{backup.name}" in said
    assert f"docker image rm dispycluster/api:{tag} " in said
    # and: images in use are kept, not those that have their names now
    assert lab.docker.called("tag sha256:old dispycluster/api:") == [f"tag sha256:old dispycluster/api:{tag}"]


def test_upgrade_leaves_images_of_others_alone(lab: Lab) -> None:
    # given
    lab.docker.configure(config(redis={"image": "valkey/valkey:9"}, secrets={"image": "valkey/valkey:9"}))
    # when
    upgrade(lab.docker)
    # then
    assert lab.docker.called("tag ")
    assert not any("valkey" in call for call in lab.docker.called("tag "))


def test_upgrade_changes_nothing_when_there_is_no_backup(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    lab.docker.script("compose exec -T redis backup", err="the disk is full", code=1)
    # when
    with pytest.raises(CommandFailed, match="stopped at: copy of the data"):
        upgrade(lab.docker)
    # then
    assert steps(lab.docker) == ["backup"]
    assert "The way back" not in capsys.readouterr().out


def test_upgrade_says_the_step_and_the_way_back_when_one_fails(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    lab.docker.react(
        "compose up --detach --wait --no-deps --no-recreate --no-build --pull never --scale api",
        lambda _: Answer(1, "", "container lab-api-1 is unhealthy"),
    )
    lab.docker.script("logs --tail 3 lab-api-1", err="Redis lacks the function\n")
    # when
    with pytest.raises(CommandFailed, match=r"(?s)stopped at: api\..*api-1 is unhealthy\n    Redis lacks the function"):
        upgrade(lab.docker)
    # then
    assert "IMAGE_TAG=before-" in capsys.readouterr().out
    assert steps(lab.docker)[-1] == "api"


def test_upgrade_says_the_way_back_when_interrupted(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    def interrupt(_: str) -> Answer:
        raise KeyboardInterrupt

    lab.docker.react("compose --profile * build", interrupt)
    # when
    with pytest.raises(KeyboardInterrupt):
        upgrade(lab.docker)
    # then
    assert "IMAGE_TAG=before-" in capsys.readouterr().out


def test_upgrade_takes_images_that_are_here_when_there_is_nothing_to_build_from(lab: Lab) -> None:
    # given
    lab.docker.configure(config())
    # when
    upgrade(lab.docker)
    # then
    assert "build" not in steps(lab.docker)
    assert steps(lab.docker)[-1] == "api=1"
    assert "--scale ws=2 --scale api=1" in lab.docker.called("compose up")[-1]


def test_upgrade_pulls_when_the_policy_is_not_never(lab: Lab) -> None:
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


def test_upgrade_just_starts_when_nothing_runs(lab: Lab) -> None:
    # given
    lab.containers.clear()
    # when
    upgrade(lab.docker)
    # then
    assert lab.docker.called("compose up") == ["compose up --detach --wait --no-build --pull never"]


def test_upgrade_replaces_a_running_service_of_a_profile(lab: Lab) -> None:
    # given
    everything = config(simulator={"image": "dispycluster/simulator:0.6.0", "pull_policy": "never"})
    lab.docker.script("compose --profile * config --format json", json.dumps(everything))
    lab.add("simulator", "sha256:old")
    # when
    upgrade(lab.docker)
    # then
    assert "simulator" in steps(lab.docker)


def test_upgrade_fails_when_the_data_do_not_move(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("deploy.compose.upgrade.look", lambda *_: Status(True, epoch=1, seq=7))
    monkeypatch.setattr("deploy.compose.upgrade.READY_SECONDS", 0.01)
    # then
    with pytest.raises(CommandFailed, match=r"stopped at: health check.*stay those of round 7"):
        upgrade(lab.docker)


# Restart


@pytest.fixture
def running(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The product of which nothing is outdated."""
    lab.containers = {id: (service, "sha256:new", "hash") for id, (service, _, _) in lab.containers.items()}
    monkeypatch.setattr("deploy.compose.restart.look", lambda *_: Status(True, epoch=1, seq=1))
    return lab


def changing(docker: ScriptedDocker) -> list[str]:
    """The calls that changed something."""
    return [call for call in docker.calls if call.split()[0] in ("stop", "rm") or call.startswith("compose up")]


def test_restart_of_what_has_replicas_adds_new_ones_before_it_ends_the_former_one_by_one(running: Lab) -> None:
    # when
    restart(running.docker, "ws")
    # then
    calls = changing(running.docker)
    assert "--scale ws=4 ws" in calls[0]
    assert [call.split()[0] for call in calls[1:-1]] == ["stop", "rm", "stop", "rm"]
    assert "--scale ws=2 ws" in calls[-1]
    assert {*running.of("ws")}.isdisjoint(("ws-2", "ws-3"))


def test_restart_of_the_api_starts_a_new_replica_first(running: Lab) -> None:
    # when
    restart(running.docker, "api")
    # then
    assert "--scale api=2 api" in changing(running.docker)[0]
    assert len(running.of("api")) == 1


def test_restart_of_another_service_touches_no_other(running: Lab) -> None:
    # when
    restart(running.docker, "collector")
    # then
    [call] = changing(running.docker)
    assert "--no-deps --force-recreate" in call
    assert call.endswith(" collector")


def test_gateway_whose_settings_are_the_same_reloads_and_refuses_no_connection(running: Lab) -> None:
    # when
    restart(running.docker, "gateway")
    # then
    [call] = changing(running.docker)
    assert "--force-recreate" not in call
    assert "compose exec --no-TTY gateway reload-gateway" in running.docker.calls


def test_gateway_whose_settings_have_changed_is_replaced_and_not_signalled(running: Lab) -> None:
    # given
    def replace(_: str) -> Answer:
        [former] = running.of("gateway")
        del running.containers[former]
        running.containers["gateway-2"] = ("gateway", "sha256:new", "other")
        return Answer(0)

    running.docker.react("compose up --detach --wait --no-deps", replace)
    # when
    restart(running.docker, "gateway")
    # then
    assert not [call for call in running.docker.calls if "USR2" in call]


def test_restart_goes_through_all_that_runs_with_the_gateway_last(running: Lab) -> None:
    # when
    restart(running.docker)
    # then
    services = ["redis", "ws", "api", "collector", "exporter", "gateway"]
    assert list(dict.fromkeys(steps(running.docker))) == [*services, "reload-gateway"]


@pytest.mark.parametrize("service", ["simulator", "secrets", "nobody"])
def test_restart_changes_nothing_when_there_is_no_such_service(running: Lab, service: str) -> None:
    with pytest.raises(CommandFailed, match=service):
        restart(running.docker, service)
    assert changing(running.docker) == []
