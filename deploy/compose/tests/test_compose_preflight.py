"""What is looked at before a start, and what stands in its way, as sentences that say what helps."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.compose.dialogue import CommandFailed
from deploy.compose.preflight import (
    Facts,
    Finding,
    Port,
    gather,
    judge,
    memory_available_bytes,
    numbers,
    port_of,
    preflight,
    require_engine,
)
from deploy.compose.project import Project
from tests.drivers.ports import free_port
from tests.drivers.scripted_docker import ScriptedDocker, config

GOOD = Facts(
    engine_version="20.10.24+dfsg1",
    api_version="1.41",
    compose_version="2.20.0",
    memory_available_bytes=600_000_000,
    docker_root="/var/lib/docker",
    disk_free_bytes=2_000_000_000,
    port=Port("127.0.0.1", 8085),
)


# What is looked at


def published(port: int, host: str = "127.0.0.1") -> dict[str, object]:
    return config(gateway={"ports": [{"host_ip": host, "target": 8085, "published": str(port)}]})


def project(port: int, host: str = "127.0.0.1") -> Project:
    return Project.parse(published(port, host), Path("/nowhere"))


def test_gather_knows_engine_compose_and_images(docker: ScriptedDocker, tmp_path: Path) -> None:
    # given
    docker.configure(published(free_port()))
    docker.script("info", json.dumps({"MemoryLimit": False, "DockerRootDir": str(tmp_path)}))
    docker.script("image inspect", "sha256:1\n")
    docker.script("image inspect --format {{.Id}} dispycluster/ws:0.6.0", err="No such image", code=1)
    # when
    facts, found = gather(docker)
    # then
    assert (facts.engine_version, facts.api_version, facts.compose_version) == ("27.3.1", "1.47", "2.30.0")
    assert facts.images_missing == ("dispycluster/ws:0.6.0",)
    assert not facts.limits_memory
    assert facts.disk_free_bytes
    assert facts.port
    assert facts.port.taken is None
    assert found


def test_gather_ends_where_docker_does(tmp_path: Path) -> None:
    # given
    absent = ScriptedDocker(tmp_path, installed=False)
    silent = ScriptedDocker(tmp_path)
    silent.script("version --format {{json .}}", '{"Server":null}', err="permission denied", code=1)
    silent.script("version --format {{.Server.Version}}", err="permission denied", code=1)
    # then
    assert gather(absent)[1] is None
    assert absent.calls == []
    assert gather(silent)[0].engine_error == "permission denied"
    assert silent.called("compose config") == []
    with pytest.raises(CommandFailed, match="usermod"):
        require_engine(silent)
    with pytest.raises(CommandFailed, match="not installed"):
        require_engine(absent)


def test_engine_that_keeps_its_data_elsewhere_has_no_disk_to_look_at(docker: ScriptedDocker, tmp_path: Path) -> None:
    docker.script("info", json.dumps({"DockerRootDir": str(tmp_path / "in-a-virtual-machine")}))
    assert gather(docker)[0].disk_free_bytes is None


def test_port_is_named_with_its_holder_when_taken(docker: ScriptedDocker, taken: int) -> None:
    # when
    port = port_of(docker, project(taken))
    # then
    assert port.taken
    assert f"(process {os.getpid()})" in port.taken
    assert port.other > taken


def test_port_is_named_with_the_container_that_publishes_it(docker: ScriptedDocker, taken: int) -> None:
    docker.script(f"ps --filter publish={taken}", "other-gateway-1 other/gateway\n")
    assert port_of(docker, project(taken)).taken == " by the container other-gateway-1"


def test_port_of_our_own_gateway_is_not_taken(docker: ScriptedDocker, taken: int) -> None:
    docker.script(f"ps --filter publish={taken}", "lab-gateway-1 lab/gateway\n")
    assert port_of(docker, project(taken)).taken is None


GATEWAYS = "ps --all --quiet --filter label=com.docker.compose.project=lab"


def ask_for(docker: ScriptedDocker, port: int) -> None:
    """Have a container of our gateway, which does not run, ask for ``port``."""
    docker.script(GATEWAYS, "abc\n")
    docker.script(
        "inspect --format {{json .HostConfig.PortBindings}} abc", f'{{"8085/tcp":[{{"HostPort":"{port}"}}]}}\n'
    )


def test_port_is_ours_when_a_gateway_that_ends_again_and_again_asks_for_it(
    docker: ScriptedDocker, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    ask_for(docker, taken)
    monkeypatch.setattr("deploy.compose.preflight.listener_name", lambda _: " by docker-proxy (process 7)")
    # then
    assert port_of(docker, project(taken)).taken is None


def test_port_is_taken_when_our_gateway_asks_for_it_and_somebody_else_has_it(
    docker: ScriptedDocker, taken: int
) -> None:
    ask_for(docker, taken)
    assert f"(process {os.getpid()})" in str(port_of(docker, project(taken)).taken)
    docker.script(f"ps --filter publish={taken}", "other-gateway-1 other/gateway\n")
    assert port_of(docker, project(taken)).taken == " by the container other-gateway-1"


def test_port_is_looked_at_again_when_the_engine_holds_it_for_no_container(
    docker: ScriptedDocker, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a container of ours was removed a moment ago
    looks = iter([False, False, True])
    monkeypatch.setattr("deploy.compose.preflight.listener_name", lambda _: " by docker-proxy (process 7)")
    monkeypatch.setattr("deploy.compose.preflight.is_free", lambda *_: next(looks))
    # then
    assert port_of(docker, project(taken), lambda _: None).taken is None


def test_address_of_another_machine_is_an_error(docker: ScriptedDocker) -> None:
    port = port_of(docker, project(free_port(), "192.0.2.77"))
    assert "assign" in port.error


def test_memory_is_what_programs_can_still_have(tmp_path: Path) -> None:
    # given
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:       8000000 kB\nMemFree:          10000 kB\nMemAvailable:    500000 kB\n")
    # then
    assert memory_available_bytes(table) == 512_000_000
    assert memory_available_bytes(tmp_path / "none") is None


def test_preflight_says_notes_and_refuses_with_all_reasons(
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
    ("env_file", "variables", "is_said"),
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
def test_preflight_says_once_that_a_removed_setting_is_ignored(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    env_file: str | None,
    variables: dict[str, str],
    is_said: bool,
) -> None:
    # given
    docker = ScriptedDocker(tmp_path, variables)
    docker.configure(published(free_port()))
    if env_file is not None:
        (tmp_path / ".env").write_text(env_file)
    # when
    preflight(docker)
    # then
    said = capsys.readouterr().out
    assert said.count("Note: WS_PUSH was removed in 0.4; ") == int(is_said)
    assert said.count("The setting is ignored") == int(is_said)


# What stands in the way


def only(facts: Facts, **options: bool) -> Finding:
    findings = list(judge(facts, **options))
    assert len(findings) == 1, findings
    return findings[0]


def test_machine_that_just_suffices_has_no_findings() -> None:
    assert list(judge(GOOD)) == []
    assert list(judge(replace(GOOD, images_missing=("a",)))) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(GOOD, has_client=False), "docs.docker.com/engine/install"),
        (replace(GOOD, engine_error="permission denied while trying to connect"), "usermod -aG docker"),
        (replace(GOOD, engine_error="Cannot connect to the Docker daemon"), "systemctl start docker"),
        (replace(GOOD, engine_error="client version 1.23 is too old. Minimum is 1.44"), "update the older one"),
        (replace(GOOD, engine_version="19.03.15", api_version="1.40"), "is 19.03.15 (API 1.40), and 20.10"),
        (replace(GOOD, engine_version="", api_version="1.40"), "API 1.41"),
        (replace(GOOD, compose_error="docker: 'compose' is not a docker command."), "Docker has no compose"),
        (replace(GOOD, compose_version="2.19.1"), "is 2.19.1, and 2.20"),
        (replace(GOOD, compose_version="5.1.0"), "5.1.0 does not talk"),
        (replace(GOOD, config_error="yaml: line 3"), "yaml: line 3"),
        (replace(GOOD, port=Port("127.0.0.1", 8085, taken=" by nginx (process 9)", other=8090)), "taken by nginx"),
        (replace(GOOD, port=Port("127.0.0.1", 8085, taken="", other=8090)), "PORT=8090"),
        (replace(GOOD, port=Port("10.9.9.9", 8085, error="Cannot assign")), "PUBLIC_HOST=10.9.9.9 is no address"),
        (replace(GOOD, images_missing=("a",), disk_free_bytes=999_999_999), "too few to build"),
    ],
)
def test_finding_refuses_and_says_what_helps_when(facts: Facts, words: str) -> None:
    finding = only(facts)
    assert finding.refuses
    assert words in finding.text


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(GOOD, memory_available_bytes=599_000_000), "599 MB"),
        (replace(GOOD, limits_memory=False), "cgroup_enable=memory cgroup_memory=1"),
        (replace(GOOD, disk_free_bytes=1_999_999_999), "(/var/lib/docker)"),
        (replace(GOOD, disk_free_bytes=900_000_000), "0.9 GB"),
        (replace(GOOD, images_missing=("a",), disk_free_bytes=1_000_000_000), "1.0 GB"),
    ],
)
def test_finding_is_a_note_when(facts: Facts, words: str) -> None:
    finding = only(facts)
    assert not finding.refuses
    assert words in finding.text


def test_disk_is_judged_as_for_a_build_when_an_upgrade_will_build() -> None:
    facts = replace(GOOD, disk_free_bytes=900_000_000)
    assert only(facts, builds=True).refuses


def test_nothing_else_is_judged_when_docker_itself_is_in_the_way() -> None:
    facts = replace(GOOD, engine_error="Cannot connect", limits_memory=False, memory_available_bytes=1)
    assert "does not answer" in only(facts).text


@pytest.mark.parametrize("version", ["dev", "", "v2-dev"])
def test_compose_of_unknown_version_passes(version: str) -> None:
    assert list(judge(replace(GOOD, compose_version=version))) == [] or numbers(version)


def test_unknown_facts_are_in_nobodys_way() -> None:
    assert list(judge(Facts())) == []


def test_new_compose_passes_on_a_new_engine() -> None:
    assert list(judge(replace(GOOD, compose_version="5.1.0", engine_version="28.2.2", api_version="1.50"))) == []
    assert numbers("v2.40.3-desktop.1") == (2, 40, 3)
