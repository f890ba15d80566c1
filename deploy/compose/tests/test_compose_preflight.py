"""The preflight: the facts that it collects, and the problems with their remedies."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.compose.preflight import (
    MachineState,
    PreflightProblem,
    PublishedPort,
    check_port,
    find_problems,
    inspect_machine,
    memory_available_bytes,
    preflight,
    require_engine,
    version_numbers,
)
from deploy.compose.project import Project
from deploy.compose.terminal import CommandFailed
from tests.drivers.ports import free_port
from tests.drivers.scripted_docker import ScriptedDocker, config

GOOD = MachineState(
    engine_version="20.10.24+dfsg1",
    api_version="1.41",
    compose_version="2.20.0",
    memory_available_bytes=600_000_000,
    docker_root="/var/lib/docker",
    disk_free_bytes=2_000_000_000,
    port=PublishedPort("127.0.0.1", 8085),
)


# Facts


def published(port: int, host: str = "127.0.0.1") -> dict[str, object]:
    return config(gateway={"ports": [{"host_ip": host, "target": 8085, "published": str(port)}]})


def project(port: int, host: str = "127.0.0.1") -> Project:
    return Project.parse(published(port, host), Path("/nowhere"))


def test_inspect_machine_finds_engine_compose_and_images(docker: ScriptedDocker, tmp_path: Path) -> None:
    # given
    docker.configure(published(free_port()))
    docker.script("info", json.dumps({"MemoryLimit": False, "DockerRootDir": str(tmp_path)}))
    docker.script("image inspect", "sha256:1\n")
    docker.script("image inspect --format {{.Id}} dispycluster/ws:0.8.0", err="No such image", code=1)
    # when
    machine, found = inspect_machine(docker)
    # then
    assert (machine.engine_version, machine.api_version, machine.compose_version) == ("27.3.1", "1.47", "2.30.0")
    assert machine.images_missing == ("dispycluster/ws:0.8.0",)
    assert not machine.can_limit_memory
    assert machine.disk_free_bytes
    assert machine.port
    assert machine.port.holder is None
    assert found


def test_inspect_machine_stops_when_docker_does_not_work(tmp_path: Path) -> None:
    # given
    absent = ScriptedDocker(tmp_path, installed=False)
    silent = ScriptedDocker(tmp_path)
    silent.script("version --format {{json .}}", '{"Server":null}', err="permission denied", code=1)
    silent.script("version --format {{.Server.Version}}", err="permission denied", code=1)
    # then
    assert inspect_machine(absent)[1] is None
    assert absent.calls == []
    assert inspect_machine(silent)[0].engine_error == "permission denied"
    assert silent.called("compose config") == []
    with pytest.raises(CommandFailed, match="usermod"):
        require_engine(silent)
    with pytest.raises(CommandFailed, match="not installed"):
        require_engine(absent)


def test_free_disk_space_is_unknown_when_the_engine_runs_on_another_system(
    docker: ScriptedDocker, tmp_path: Path
) -> None:
    docker.script("info", json.dumps({"DockerRootDir": str(tmp_path / "in-a-virtual-machine")}))
    assert inspect_machine(docker)[0].disk_free_bytes is None


def test_port_has_its_holder_when_taken(docker: ScriptedDocker, taken: int) -> None:
    # when
    port = check_port(docker, project(taken))
    # then
    assert port.holder
    assert f"(process {os.getpid()})" in port.holder
    assert port.next_free > taken


def test_port_has_the_container_that_publishes_it(docker: ScriptedDocker, taken: int) -> None:
    docker.script(f"ps --filter publish={taken}", "other-gateway-1 other/gateway\n")
    assert check_port(docker, project(taken)).holder == " by the container other-gateway-1"


def test_port_is_free_when_our_gateway_publishes_it(docker: ScriptedDocker, taken: int) -> None:
    docker.script(f"ps --filter publish={taken}", "lab-gateway-1 lab/gateway\n")
    assert check_port(docker, project(taken)).holder is None


GATEWAYS = "ps --all --quiet --filter label=com.docker.compose.project=lab"


def script_stopped_gateway(docker: ScriptedDocker, port: int) -> None:
    """Script a stopped container of our gateway that publishes ``port``."""
    docker.script(GATEWAYS, "abc\n")
    docker.script(
        "inspect --format {{json .HostConfig.PortBindings}} abc", f'{{"8085/tcp":[{{"HostPort":"{port}"}}]}}\n'
    )


def test_port_is_free_when_our_gateway_crashes_in_a_loop(
    docker: ScriptedDocker, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    script_stopped_gateway(docker, taken)
    monkeypatch.setattr("deploy.compose.preflight.listener_name", lambda _: " by docker-proxy (process 7)")
    # then
    assert check_port(docker, project(taken)).holder is None


def test_port_is_taken_when_our_gateway_publishes_it_and_another_program_listens(
    docker: ScriptedDocker, taken: int
) -> None:
    script_stopped_gateway(docker, taken)
    assert f"(process {os.getpid()})" in str(check_port(docker, project(taken)).holder)
    docker.script(f"ps --filter publish={taken}", "other-gateway-1 other/gateway\n")
    assert check_port(docker, project(taken)).holder == " by the container other-gateway-1"


def test_port_is_checked_again_when_the_engine_has_it_for_no_container(
    docker: ScriptedDocker, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a container of ours was removed a moment ago
    results = iter([False, False, True])
    monkeypatch.setattr("deploy.compose.preflight.listener_name", lambda _: " by docker-proxy (process 7)")
    monkeypatch.setattr("deploy.compose.preflight.is_free", lambda *_: next(results))
    # then
    assert check_port(docker, project(taken), lambda _: None).holder is None


def test_port_has_an_error_when_the_address_is_another_machines(docker: ScriptedDocker) -> None:
    port = check_port(docker, project(free_port(), "192.0.2.77"))
    assert "assign" in port.error


def test_memory_available_is_read_from_meminfo(tmp_path: Path) -> None:
    # given
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:       8000000 kB\nMemFree:          10000 kB\nMemAvailable:    500000 kB\n")
    # then
    assert memory_available_bytes(table) == 512_000_000
    assert memory_available_bytes(tmp_path / "none") is None


def test_preflight_prints_notes_and_fails_with_all_problems(
    docker: ScriptedDocker, capsys: pytest.CaptureFixture[str], taken: int
) -> None:
    # given
    docker.configure(published(taken))
    docker.script("info", json.dumps({"MemoryLimit": False}))
    docker.script("compose version --short", "v2.17.2\n")
    # when
    with pytest.raises(CommandFailed) as failure:
        preflight(docker)
    # then
    assert "Note: The kernel's memory controller is off" in capsys.readouterr().out
    assert "is 2.17.2" in str(failure.value)
    assert f"Port {taken} is taken" in str(failure.value)


@pytest.mark.parametrize(
    ("env_file", "variables", "is_noted"),
    [
        ("WS_REPLICAS=1\nWS_PUSH=plain\n", {}, True),
        ("export WS_PUSH = 'fast'\n", {}, True),
        (None, {"WS_PUSH": "fast"}, True),
        ("#WS_PUSH=fast\nWS_PUSH=\n", {}, False),
        ("WS_PUSH=''\n", {}, False),
        ("WS_PUSH=fast\n", {"WS_PUSH": ""}, False),
        (None, {}, False),
    ],
)
def test_preflight_notes_a_removed_setting_once(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    env_file: str | None,
    variables: dict[str, str],
    is_noted: bool,
) -> None:
    # given
    docker = ScriptedDocker(tmp_path, variables)
    docker.configure(published(free_port()))
    if env_file is not None:
        (tmp_path / ".env").write_text(env_file)
    # when
    preflight(docker)
    # then
    output = capsys.readouterr().out
    assert output.count("Note: WS_PUSH was removed in 0.4; ") == int(is_noted)
    assert output.count("The setting is ignored") == int(is_noted)


# Problems


def only(machine: MachineState, **options: bool) -> PreflightProblem:
    problems = list(find_problems(machine, **options))
    assert len(problems) == 1, problems
    return problems[0]


def test_machine_at_the_minimum_has_no_problems() -> None:
    assert list(find_problems(GOOD)) == []
    assert list(find_problems(replace(GOOD, images_missing=("a",)))) == []


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (replace(GOOD, has_client=False), "docs.docker.com/engine/install"),
        (replace(GOOD, engine_error="permission denied while trying to connect"), "usermod -aG docker"),
        (replace(GOOD, engine_error="Cannot connect to the Docker daemon"), "systemctl start docker"),
        (replace(GOOD, engine_error="client version 1.23 is too old. Minimum is 1.44"), "update the older one"),
        (
            replace(GOOD, engine_version="19.03.15", api_version="1.40"),
            "is 19.03.15 (API 1.40). The product needs 20.10",
        ),
        (replace(GOOD, engine_version="", api_version="1.40"), "API 1.41"),
        (replace(GOOD, compose_error="docker: 'compose' is not a docker command."), "Docker has no compose"),
        (replace(GOOD, compose_version="2.19.1"), "is 2.19.1. The product needs 2.20"),
        (replace(GOOD, compose_version="5.1.0"), "5.1.0 does not support"),
        (replace(GOOD, config_error="yaml: line 3"), "yaml: line 3"),
        (
            replace(GOOD, port=PublishedPort("127.0.0.1", 8085, holder=" by nginx (process 9)", next_free=8090)),
            "taken by nginx",
        ),
        (replace(GOOD, port=PublishedPort("127.0.0.1", 8085, holder="", next_free=8090)), "PORT=8090"),
        (
            replace(GOOD, port=PublishedPort("10.9.9.9", 8085, error="Cannot assign")),
            "PUBLIC_HOST=10.9.9.9 is no address",
        ),
        (replace(GOOD, images_missing=("a",), disk_free_bytes=999_999_999), "too few to build"),
    ],
)
def test_problem_is_blocking_and_names_the_remedy_when(machine: MachineState, words: str) -> None:
    problem = only(machine)
    assert problem.is_blocking
    assert words in problem.text


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (replace(GOOD, memory_available_bytes=599_000_000), "599 MB"),
        (replace(GOOD, can_limit_memory=False), "cgroup_enable=memory cgroup_memory=1"),
        (replace(GOOD, disk_free_bytes=1_999_999_999), "(/var/lib/docker)"),
        (replace(GOOD, disk_free_bytes=900_000_000), "0.9 GB"),
        (replace(GOOD, images_missing=("a",), disk_free_bytes=1_000_000_000), "1.0 GB"),
    ],
)
def test_problem_is_a_note_when(machine: MachineState, words: str) -> None:
    problem = only(machine)
    assert not problem.is_blocking
    assert words in problem.text


def test_little_disk_space_is_blocking_when_an_upgrade_builds() -> None:
    machine = replace(GOOD, disk_free_bytes=900_000_000)
    assert only(machine, builds=True).is_blocking


def test_docker_problem_is_the_only_problem() -> None:
    machine = replace(GOOD, engine_error="Cannot connect", can_limit_memory=False, memory_available_bytes=1)
    assert "does not answer" in only(machine).text


@pytest.mark.parametrize("version", ["dev", "", "v2-dev"])
def test_unknown_version_of_compose_is_no_problem(version: str) -> None:
    assert list(find_problems(replace(GOOD, compose_version=version))) == [] or version_numbers(version)


def test_unknown_facts_are_no_problem() -> None:
    assert list(find_problems(MachineState())) == []


def test_new_compose_on_a_new_engine_is_no_problem() -> None:
    assert (
        list(find_problems(replace(GOOD, compose_version="5.1.0", engine_version="28.2.2", api_version="1.50"))) == []
    )
    assert version_numbers("v2.40.3-desktop.1") == (2, 40, 3)
