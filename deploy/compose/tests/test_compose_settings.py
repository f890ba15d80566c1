"""A wrong setting is told by its name before a container is touched, with all others."""

import json
from pathlib import Path

import pytest
import yaml

from deploy.compose.dialogue import ROOT, CommandFailed
from deploy.compose.docker import Answer
from deploy.compose.env_file import parsed
from deploy.compose.preflight import preflight
from deploy.compose.up import up
from deploy.compose.upgrade import upgrade
from runtime.catalogue import CONTAINERS
from runtime.settings_check import check
from tests.drivers.ports import free_port
from tests.drivers.scripted_docker import ScriptedDocker, config
from tests.drivers.wrong_settings import Wrong, wrong_in

#: What may be asked of docker before it is known that all is well.
QUESTIONS = ("version", "compose version", "compose config", "info", "image inspect", "ps --filter")


@pytest.fixture
def lab(tmp_path: Path) -> ScriptedDocker:
    """An engine on which the product can start, with a ``.env`` of the test's own."""
    docker = ScriptedDocker(tmp_path)
    gateway = {"ports": [{"host_ip": "127.0.0.1", "target": 8085, "published": str(free_port())}]}
    docker.configure(config(gateway=gateway))
    return docker


def write(docker: ScriptedDocker, variables: dict[str, str]) -> None:
    (docker.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))


def refusal(docker: ScriptedDocker) -> str:
    with pytest.raises(CommandFailed) as failure:
        preflight(docker)
    return str(failure.value)


@pytest.mark.parametrize("wrong", wrong_in(CONTAINERS), ids=lambda wrong: " ".join(wrong.variables.values())[:40])
def test_wrong_setting_is_told_by_its_name_before_anything_is_replaced(lab: ScriptedDocker, wrong: Wrong) -> None:
    # given
    write(lab, wrong.variables)
    # when
    with pytest.raises(CommandFailed) as failure:
        up(lab)
    # then
    assert f"{wrong.name}=" in str(failure.value)
    assert wrong.takes in str(failure.value)
    assert [call for call in lab.calls if not call.startswith(QUESTIONS)] == []


def test_table_has_at_least_forty_wrong_settings() -> None:
    assert len(wrong_in(CONTAINERS)) >= 40


def test_upgrade_replaces_nothing_when_a_setting_is_wrong(lab: ScriptedDocker) -> None:
    write(lab, {"LOG_LEVEL": "LOUD"})
    with pytest.raises(CommandFailed, match="LOG_LEVEL='LOUD'"):
        upgrade(lab)
    assert [call for call in lab.calls if not call.startswith(QUESTIONS)] == []


def test_all_faults_are_told_at_once(lab: ScriptedDocker) -> None:
    # given
    settings = {"ACCESS": "clsoed", "LOG_LEVEL": "LOUD", "API_THREADS": "0", "REDIS_URL": "http://u:secret@x"}
    write(lab, settings)
    lab.variables["PUBLIC_URL"] = "cluster.example"
    # when
    said = refusal(lab)
    # then
    for name in (*settings, "PUBLIC_URL"):
        assert f"{name}=" in said
    assert "secret" not in said


def test_name_of_a_setting_is_told_where_compose_refuses_its_value_in_other_words(lab: ScriptedDocker) -> None:
    # given
    write(lab, {"WS_REPLICAS": "two"})
    lab.react("compose config --format json", lambda _: Answer(1, "", 'strconv.ParseFloat: parsing "two"'))
    # then
    assert refusal(lab) == "WS_REPLICAS='two' is not valid: it takes a whole number from 1 to 32"


def test_wrong_setting_of_an_override_file_is_told(lab: ScriptedDocker) -> None:
    lab.configure(config(api={"environment": {"LOG_LEVEL": "LOUD"}}))
    assert "LOG_LEVEL='LOUD' is not valid" in refusal(lab)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("CONFIG_DIR", "/config"),
        ("COLLECTOR_CREDENTIALS_DIR", "/credentials"),
        ("REDIS_CA_FILE", "/run/redis-ca.pem"),
    ],
)
def test_file_or_folder_that_is_not_there_is_told_and_not_made(
    lab: ScriptedDocker, tmp_path: Path, name: str, target: str
) -> None:
    # given
    missing = tmp_path / "missing"
    lab.configure(config(collector={"volumes": [{"target": target, "source": str(missing)}]}))
    # then
    assert f"{name}={missing} is not there" in refusal(lab)
    assert not missing.exists()


def test_folders_that_people_name_are_never_made_by_compose() -> None:
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
def test_what_may_be_a_mistake_is_told_and_ignored(
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
def test_names_of_others_are_no_mistakes(name: str) -> None:
    assert check({name: "x"}, CONTAINERS).notes == ()
    assert check({name: "x"}, CONTAINERS, [name]).notes == ()


def test_more_data_than_the_engine_has_memory_is_told(lab: ScriptedDocker, capsys: pytest.CaptureFixture[str]) -> None:
    write(lab, {"REDIS_MAXMEMORY": "4gb", "REDIS_MEMORY_LIMIT": "9g"})
    lab.script("info", json.dumps({"MemTotal": 2_000_000_000}))
    preflight(lab)
    assert "REDIS_MAXMEMORY is 4295 MB, and the engine's machine has no more than 2000 MB" in capsys.readouterr().out


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
def test_env_file_is_read_as_compose_reads_it(line: str, value: str | None) -> None:
    assert parsed(line, {"OTHER": "9000"}).get("PORT") == value
