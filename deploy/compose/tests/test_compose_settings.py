"""Preflight names all wrong settings before it changes a container."""

import json
from pathlib import Path

import pytest
import yaml

from deploy.compose.docker import DockerResult
from deploy.compose.env_file import parse_env_file
from deploy.compose.preflight import preflight
from deploy.compose.terminal import ROOT, CommandFailed
from deploy.compose.up import up
from deploy.compose.upgrade import upgrade
from runtime.catalogue import CONTAINERS
from runtime.settings_check import check
from tests.drivers.ports import free_port
from tests.drivers.scripted_docker import ScriptedDocker, config
from tests.drivers.wrong_settings import Wrong, wrong_in

#: Docker commands that the preflight may run.
READ_ONLY_COMMANDS = ("version", "compose version", "compose config", "info", "image inspect", "ps --filter")


@pytest.fixture
def lab(tmp_path: Path) -> ScriptedDocker:
    """An engine on which the product can start, with the test's own ``.env``."""
    docker = ScriptedDocker(tmp_path)
    gateway = {"ports": [{"host_ip": "127.0.0.1", "target": 8085, "published": str(free_port())}]}
    docker.configure(config(gateway=gateway))
    return docker


def write(docker: ScriptedDocker, variables: dict[str, str]) -> None:
    (docker.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))


def preflight_error(docker: ScriptedDocker) -> str:
    with pytest.raises(CommandFailed) as failure:
        preflight(docker)
    return str(failure.value)


@pytest.mark.parametrize("wrong", wrong_in(CONTAINERS), ids=lambda wrong: " ".join(wrong.variables.values())[:40])
def test_up_names_a_wrong_setting_and_changes_nothing(lab: ScriptedDocker, wrong: Wrong) -> None:
    # given
    write(lab, wrong.variables)
    # when
    with pytest.raises(CommandFailed) as failure:
        up(lab)
    # then
    assert f"{wrong.name}=" in str(failure.value)
    assert wrong.takes in str(failure.value)
    assert [call for call in lab.calls if not call.startswith(READ_ONLY_COMMANDS)] == []


def test_at_least_forty_wrong_settings_are_covered() -> None:
    assert len(wrong_in(CONTAINERS)) >= 40


def test_upgrade_replaces_nothing_when_a_setting_is_wrong(lab: ScriptedDocker) -> None:
    write(lab, {"LOG_LEVEL": "LOUD"})
    with pytest.raises(CommandFailed, match="LOG_LEVEL='LOUD'"):
        upgrade(lab)
    assert [call for call in lab.calls if not call.startswith(READ_ONLY_COMMANDS)] == []


def test_preflight_names_all_wrong_settings_together(lab: ScriptedDocker) -> None:
    # given
    settings = {"ACCESS": "clsoed", "LOG_LEVEL": "LOUD", "API_THREADS": "0", "REDIS_URL": "http://u:secret@x"}
    write(lab, settings)
    lab.variables["PUBLIC_URL"] = "cluster.example"
    # when
    error = preflight_error(lab)
    # then
    for name in (*settings, "PUBLIC_URL"):
        assert f"{name}=" in error
    assert "secret" not in error


def test_preflight_names_a_setting_whose_value_compose_rejects(lab: ScriptedDocker) -> None:
    # given
    write(lab, {"WS_REPLICAS": "two"})
    lab.react("compose config --format json", lambda _: DockerResult(1, "", 'strconv.ParseFloat: parsing "two"'))
    # then
    assert preflight_error(lab) == "WS_REPLICAS='two' is not valid: it takes a whole number from 1 to 32"


def test_preflight_names_a_wrong_setting_in_an_override_file(lab: ScriptedDocker) -> None:
    lab.configure(config(api={"environment": {"LOG_LEVEL": "LOUD"}}))
    assert "LOG_LEVEL='LOUD' is not valid" in preflight_error(lab)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("CONFIG_DIR", "/config"),
        ("COLLECTOR_CREDENTIALS_DIR", "/credentials"),
        ("REDIS_CA_FILE", "/run/redis-ca.pem"),
    ],
)
def test_preflight_names_a_missing_file_or_folder_and_does_not_create_it(
    lab: ScriptedDocker, tmp_path: Path, name: str, target: str
) -> None:
    # given
    missing = tmp_path / "missing"
    lab.configure(config(collector={"volumes": [{"target": target, "source": str(missing)}]}))
    # then
    assert f"{name}={missing} does not exist" in preflight_error(lab)
    assert not missing.exists()


def test_compose_never_creates_folders_from_settings() -> None:
    for path in (ROOT / "deploy/compose").glob("*.yaml"):
        for service in yaml.safe_load(path.read_text())["services"].values():
            for mount in service.get("volumes", []):
                if isinstance(mount, str):
                    assert not mount.startswith("${"), mount
                elif "${" in mount["source"]:
                    assert mount["bind"] == {"create_host_path": False}, mount


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ACESS": "open"}, "Did you mean ACCESS?"),
        ({"LOGLEVEL": "INFO"}, "Did you mean LOG_LEVEL?"),
        ({"REDIS_MAX_MEMORY": "1gb"}, "Did you mean REDIS_MAXMEMORY?"),
        ({"COMPOSE_PROFILE": "demo"}, "Did you mean COMPOSE_PROFILES?"),
        ({"COMPOSE_PROFILES": "dmo"}, "Did you mean demo?"),
        ({"COMPOSE_PROFILES": "prod"}, "The only profile is demo."),
        ({"TARGETS": "nodes.yaml"}, "TARGETS has no effect here"),
        ({"WS_PUSH": "fast"}, "WS_PUSH was removed in 0.4"),
        ({"REDIS_MEMORY_LIMIT": "600m"}, "less than twice REDIS_MAXMEMORY, which is 512mb"),
    ],
    ids=str,
)
def test_preflight_notes_a_possible_mistake(
    lab: ScriptedDocker, capsys: pytest.CaptureFixture[str], variables: dict[str, str], words: str
) -> None:
    # given
    write(lab, variables)
    # when
    preflight(lab)
    # then
    notes = [line for line in capsys.readouterr().out.splitlines() if words in line]
    assert len(notes) == 1
    assert notes[0].startswith("Note: ")


@pytest.mark.parametrize("name", ["COMPOSE_PROJECT_NAME", "PIP_EXTRA_INDEX_URL", "PYTHON_VERSION", "HTTP_PROXY"])
def test_variable_of_another_program_is_no_mistake(name: str) -> None:
    assert check({name: "x"}, CONTAINERS).notes == ()
    assert check({name: "x"}, CONTAINERS, [name]).notes == ()


def test_preflight_notes_more_data_than_memory(lab: ScriptedDocker, capsys: pytest.CaptureFixture[str]) -> None:
    write(lab, {"REDIS_MAXMEMORY": "4gb", "REDIS_MEMORY_LIMIT": "9g"})
    lab.script("info", json.dumps({"MemTotal": 2_000_000_000}))
    preflight(lab)
    assert "REDIS_MAXMEMORY is 4295 MB, but the engine's machine has only 2000 MB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("PORT=8086", "8086"),
        ("export PORT = 8086  ", "8086"),
        ("PORT=8086 # another", "8086"),
        ('PORT="8086" # another', "8086"),
        ("PORT='$OTHER'", "$OTHER"),
        ("PORT=$OTHER", "9000"),
        ("PORT=${NONE:-9001}", "9001"),
        ("PORT=a#b", "a#b"),
        ("#PORT=1", None),
        ("PORT", None),
        ("PORT=", ""),
    ],
)
def test_env_file_is_parsed_as_by_compose(line: str, value: str | None) -> None:
    assert parse_env_file(line, {"OTHER": "9000"}).get("PORT") == value
