"""The choice of access, and the folder with the key, users and tokens."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from access.settings import read_access
from api.config import Config as ApiConfig
from collector.config import Config as CollectorConfig
from deploy.local.data_dir import AccessDir
from deploy.local.ports import InternalPorts
from deploy.local.product import RedisLocation, service_processes
from deploy.local.settings import Settings
from runtime.settings import Environment, SettingError
from tests.drivers.process import run_module
from ws.config import Config as WsConfig


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


# The choice


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "pi.lan"])
def test_start_for_other_machines_is_refused_when_access_is_not_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    # given
    monkeypatch.chdir(tmp_path)
    # when
    with pytest.raises(SettingError) as refusal:
        Settings.from_environment({"PUBLIC_HOST": host})
    # then
    first, closed, opened = str(refusal.value).splitlines()
    assert first.startswith(f"PUBLIC_HOST={host} lets other machines reach the pages")
    assert closed.split("#")[0].strip() == f"ACCESS=closed PUBLIC_HOST={host} make run"
    assert closed.endswith("create the first user with: make user NAME=ada")
    assert opened.split("#")[0].strip() == f"ACCESS=open PUBLIC_HOST={host} make run"
    assert closed.index("#") == opened.index("#")


def test_command_for_the_first_user_names_the_data_folder_when_it_is_not_the_default(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=f"make user NAME=ada DATA_DIR={tmp_path}\n"):
        Settings.from_environment({"PUBLIC_HOST": "0.0.0.0", "DATA_DIR": str(tmp_path)})


def test_command_for_the_first_user_quotes_a_folder_with_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "my data"
    with pytest.raises(SettingError, match=f"make user NAME=ada DATA_DIR='{folder}'\n"):
        Settings.from_environment({"PUBLIC_HOST": "0.0.0.0", "DATA_DIR": str(folder)})


@pytest.mark.parametrize(
    ("variables", "access"),
    [
        ({}, "open"),
        ({"PUBLIC_HOST": "localhost"}, "open"),
        ({"PUBLIC_HOST": "127.0.0.2"}, "open"),
        ({"PUBLIC_HOST": "::1"}, "open"),
        ({"ACCESS": "closed"}, "closed"),
        ({"PUBLIC_HOST": "0.0.0.0", "ACCESS": "open"}, "open"),
        ({"PUBLIC_HOST": "0.0.0.0", "ACCESS": "closed"}, "closed"),
    ],
)
def test_access_is_the_setting_or_open_when_only_this_machine_can_connect(
    variables: dict[str, str], access: str
) -> None:
    settings = Settings.from_environment(variables)
    assert (settings.access, settings.is_closed) == (access, access == "closed")


def test_start_is_refused_before_any_file_is_created(tmp_path: Path) -> None:
    done = run_module("deploy.local", PUBLIC_HOST="0.0.0.0", DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (2, "")
    assert len(re.findall(r"^  ACCESS=(?:closed|open) PUBLIC_HOST=0\.0\.0\.0 make run +# ", done.stderr, re.M)) == 2
    assert not (tmp_path / "data").exists()


# The folder


def test_access_folder_is_private_and_keeps_its_key(tmp_path: Path) -> None:
    # given
    folder = AccessDir(tmp_path / "deep" / "access")
    # when
    folder.make()
    key = folder.key.read_text()
    folder.users.chmod(0o755)
    folder.make()
    # then
    assert re.fullmatch(r"[0-9a-f]{64}\n", key)
    assert folder.key.read_text() == key
    assert {mode_of(path) for path in (folder.path, folder.users, folder.tokens)} == {0o700}
    assert mode_of(folder.key) == 0o600
    assert {path.name for path in folder.path.iterdir()} == {"key", "users", "tokens"}
    other = AccessDir(tmp_path / "other")
    other.make()
    assert other.key.read_text() != key


def test_access_folder_follows_no_link_when_another_user_owns_it(tmp_path: Path) -> None:
    # given: the services' user owns the folder, and root creates what is missing in it
    folder, kept = AccessDir(tmp_path / "access"), tmp_path / "kept"
    folder.path.mkdir()
    kept.mkdir(mode=0o755)
    folder.users.symlink_to(kept)
    # then
    with pytest.raises(OSError, match="users"):
        folder.make((os.getuid(), os.getgid()))
    assert mode_of(kept) == 0o755


def test_key_that_is_a_link_does_not_change_the_owner_of_its_target(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given
    folder = AccessDir(tmp_path / "access")
    folder.make()
    given: list[tuple[object, bool]] = []
    monkeypatch.setattr(
        os, "chown", lambda path, *_, follow_symlinks=True: given.append((Path(path).name, follow_symlinks))
    )
    # when
    folder.make((os.getuid(), os.getgid()))
    # then
    assert given == [("key", False)]


def test_exposed_files_are_those_that_other_users_may_read(tmp_path: Path) -> None:
    # given
    folder = AccessDir(tmp_path / "access")
    folder.make()
    for path in (folder.users / "ada", folder.tokens / "backup"):
        path.touch(mode=0o600)
    assert folder.exposed_files() == []
    # when
    folder.key.chmod(0o666)
    (folder.tokens / "backup").chmod(0o640)
    # then
    assert folder.exposed_files() == [folder.key, folder.tokens / "backup"]


def test_services_accept_the_generated_key(tmp_path: Path) -> None:
    folder = AccessDir(tmp_path)
    folder.make()
    settings = read_access(Environment({"ACCESS": "closed", **folder.variables()}))
    assert len(settings.key) == 64
    assert settings.tokens == folder.tokens


def test_access_folder_is_empty_until_there_is_a_user_or_a_token(tmp_path: Path) -> None:
    folder = AccessDir(tmp_path)
    assert folder.is_empty()
    folder.make()
    (folder.users / ".ada").touch()
    assert folder.is_empty()
    (folder.tokens / "backup").touch()
    assert not folder.is_empty()


# The processes


def service_variables(folder: Path, **variables: str) -> dict[str, Mapping[str, str]]:
    """Return the variables of each service."""
    settings = Settings.from_environment({"DATA_DIR": str(folder), **variables})
    redis, access = RedisLocation("redis://x", folder / "valkey"), AccessDir(folder / "access")
    processes = service_processes(settings, InternalPorts(1, 2, 3, 4), redis, folder / "nodes.yaml", access, "lab")
    return {process.name: process.variables for process in processes}


def test_services_listen_on_loopback_and_share_one_redis(tmp_path: Path) -> None:
    services = service_variables(tmp_path, PUBLIC_HOST="0.0.0.0", ACCESS="open", PORT="8090")
    assert list(services) == ["collector", "api", "gateway"]
    assert {variables["REDIS_URL"] for variables in services.values()} == {"redis://x"}
    assert {variables["CLUSTER_NAME"] for variables in services.values()} == {"lab"}
    assert {variables["PUBLIC_HOST"] for variables in services.values()} == {"0.0.0.0"}
    assert services["api"]["API_HOST"] == "127.0.0.1"
    assert services["gateway"]["API_PORT"] == services["api"]["API_PORT"] == "1"
    assert services["collector"]["COLLECTOR_TARGETS"] == str(tmp_path / "nodes.yaml")
    assert services["collector"]["COLLECTOR_REDIS_DIR"] == str(tmp_path / "valkey")


def test_services_get_the_access_folder_and_the_api_trusts_the_gateway(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8 ::1")
    folder = AccessDir(tmp_path / "access")
    # when
    services = service_variables(tmp_path, PUBLIC_HOST="0.0.0.0", ACCESS="closed")
    # then
    for name in ("api", "gateway"):
        assert services[name]["ACCESS_KEY_FILE"] == str(folder.key)
        assert services[name]["ACCESS_TOKENS_DIR"] == str(folder.tokens)
    assert services["api"]["ACCESS_USERS_DIR"] == str(folder.users)
    assert services["api"]["API_SAVE_REVOCATIONS"] == "yes"
    assert services["api"]["TRUSTED_PROXIES"] == "peer 10.0.0.0/8 ::1"
    assert "TRUSTED_PROXIES" not in services["gateway"]
    assert not {name for name in services["collector"] if "ACCESS" in name}


@pytest.mark.parametrize(("chosen", "checks"), [({}, True), ({"ACCESS": "open"}, False)], ids=["not chosen", "chosen"])
def test_services_check_host_names_when_access_is_not_set(chosen: dict[str, str], checks: bool, tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    services = {name: {**chosen, **variables} for name, variables in service_variables(tmp_path, **chosen).items()}
    configs = (ApiConfig.from_environment(services["api"]), WsConfig.from_environment(services["gateway"]))
    for config in (*configs, CollectorConfig.from_environment(services["collector"])):
        assert config.hosts.allows("evil.example", "/", "127.0.0.1") is not checks
        assert config.hosts.allows("localhost:1", "/", "127.0.0.1")
