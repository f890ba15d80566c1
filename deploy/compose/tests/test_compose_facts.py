"""What is looked at before a start."""

import json
import os
from pathlib import Path

import pytest

from deploy.compose.facts import gather, memory_available_bytes, port_of
from deploy.compose.preflight import preflight, require_engine
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble
from tests.drivers.ports import free_port
from tests.drivers.scripted_docker import ScriptedDocker, config


def published(port: int, host: str = "127.0.0.1") -> dict[str, object]:
    return config(gateway={"ports": [{"host_ip": host, "target": 8085, "published": str(port)}]})


def project(port: int, host: str = "127.0.0.1") -> Project:
    return Project.parse(published(port, host), Path("/nowhere"))


def test_gather_knows_engine_compose_and_images(tmp_path: Path) -> None:
    # given
    docker = ScriptedDocker(tmp_path)
    docker.configure(published(free_port()))
    docker.script("info", json.dumps({"MemoryLimit": False, "DockerRootDir": str(tmp_path)}))
    docker.script("image inspect", "sha256:1\n")
    docker.script("image inspect --format {{.Id}} dispycluster/ws:0.4.0", err="No such image", code=1)
    # when
    facts, found = gather(docker)
    # then
    assert (facts.engine_version, facts.api_version, facts.compose_version) == ("27.3.1", "1.47", "2.30.0")
    assert facts.images_missing == ("dispycluster/ws:0.4.0",)
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
    with pytest.raises(Trouble, match="usermod"):
        require_engine(silent)
    with pytest.raises(Trouble, match="not installed"):
        require_engine(absent)


def test_engine_that_keeps_its_data_elsewhere_has_no_disk_to_look_at(tmp_path: Path) -> None:
    docker = ScriptedDocker(tmp_path)
    docker.script("info", json.dumps({"DockerRootDir": str(tmp_path / "in-a-virtual-machine")}))
    assert gather(docker)[0].disk_free_bytes is None


def test_port_is_named_with_its_holder_when_taken(tmp_path: Path, taken: int) -> None:
    # when
    port = port_of(ScriptedDocker(tmp_path), project(taken))
    # then
    assert port.taken
    assert f"(process {os.getpid()})" in port.taken
    assert port.other > taken


def test_port_is_named_with_the_container_that_publishes_it(tmp_path: Path, taken: int) -> None:
    docker = ScriptedDocker(tmp_path)
    docker.script(f"ps --filter publish={taken}", "other-gateway-1 other/gateway\n")
    assert port_of(docker, project(taken)).taken == " by the container other-gateway-1"


def test_port_of_our_own_gateway_is_not_taken(tmp_path: Path, taken: int) -> None:
    docker = ScriptedDocker(tmp_path)
    docker.script(f"ps --filter publish={taken}", "lab-gateway-1 lab/gateway\n")
    assert port_of(docker, project(taken)).taken is None


def test_address_of_another_machine_is_an_error(tmp_path: Path) -> None:
    port = port_of(ScriptedDocker(tmp_path), project(free_port(), "192.0.2.77"))
    assert "assign" in port.error


def test_memory_is_what_programs_can_still_have(tmp_path: Path) -> None:
    # given
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:       8000000 kB\nMemFree:          10000 kB\nMemAvailable:    500000 kB\n")
    # then
    assert memory_available_bytes(table) == 512_000_000
    assert memory_available_bytes(tmp_path / "none") is None


def test_preflight_says_notes_and_refuses_with_all_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], taken: int
) -> None:
    # given
    docker = ScriptedDocker(tmp_path)
    docker.configure(published(taken))
    docker.script("info", json.dumps({"MemoryLimit": False}))
    docker.script("compose version --short", "v2.17.2\n")
    # when
    with pytest.raises(Trouble) as trouble:
        preflight(docker)
    # then
    assert "Note: The kernel's memory controller is off" in capsys.readouterr().out
    assert "is 2.17.2" in str(trouble.value)
    assert f"Port {taken} is taken" in str(trouble.value)
