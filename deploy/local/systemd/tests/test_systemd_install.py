"""Installation, update and removal, in a folder in place of a machine's root."""

import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dispycluster.__main__ as dispycluster
from deploy.local.refusal import CannotStart
from deploy.local.restore import FOLDER
from deploy.local.settings import Settings
from deploy.local.systemd.__main__ import main
from deploy.local.systemd.install import (
    are_memory_limits_enforced,
    install,
    require_ports,
    require_reachable_ca,
    require_redis,
    require_root,
    require_shared_python,
    require_systemd,
    uninstall,
)
from deploy.local.systemd.layout import COMMAND, FILES, FOLDERS, Layout, add_release, remove_releases, switch_to
from deploy.local.systemd.service_user import restore, run_as_service_user, service_environment
from deploy.local.systemd.settings import SettingsFiles, parse_environment
from runtime.catalogue import SYSTEMD
from runtime.settings import SettingError
from tests.drivers.ports import free_port, inner_ports
from tests.drivers.wrong_settings import all_wrong_in


@pytest.fixture(autouse=True)
def _usual_mask_of_an_administrator() -> Iterator[None]:
    previous = os.umask(0o022)
    yield
    os.umask(previous)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "root")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def releases(layout: Layout) -> set[str]:
    return {path.name for path in layout.code.iterdir() if not path.is_symlink()}


def test_release_has_no_tests_and_is_readable_by_all_users(layout: Layout) -> None:
    # when
    install(layout, {})
    # then
    copied = layout.current
    for name in (
        "contract/lua/publish_round.lua",
        "services/api/templates/base.html",
        "services/collector/alerts/alerts.yaml",
        "services/ws/__main__.py",
        "deploy/local/bootstrap.py",
        "deploy/local/systemd/units/dispycluster.target",
        "requirements/local.txt",
        "dispycluster/__main__.py",
        "pyproject.toml",
    ):
        assert mode(copied / name) & 0o044 == 0o044, name
    assert not [path for path in copied.rglob("*") if "tests" in path.parts[len(copied.parts) :]]
    assert not list(copied.rglob("__pycache__"))
    assert {path.name for path in (copied / "deploy").iterdir()} == {"host", "local", "wheel.py"}


def test_settings_are_created_from_the_callers_variables(layout: Layout, tmp_path: Path) -> None:
    # given
    targets = tmp_path / "mine.yaml"
    targets.write_text("workers: [node1.lan]\n")
    # when
    install(layout, {"PORT": "8090", "CLUSTER_NAME": "my lab", "TARGETS": str(targets), "HOME": "/home/me"})
    # then
    assert parse_environment(layout.environment.read_text()) == {"PORT": "8090", "CLUSTER_NAME": "my lab"}
    assert layout.nodes.read_text() == "workers: [node1.lan]\n"


def test_first_nodes_file_lists_this_machine_and_names_check_nodes(layout: Layout) -> None:
    install(layout, {})
    text = layout.nodes.read_text()
    assert text.endswith("workers:\n  - local\n")
    assert "To see what is wrong with a node: sudo dispycluster check-nodes\n" in text
    assert "make " not in text


def test_password_is_random_and_readable_by_root_only(layout: Layout, tmp_path: Path) -> None:
    # given
    other = Layout(tmp_path / "other")
    # when
    install(layout, {})
    install(other, {})
    # then
    variables = parse_environment(layout.valkey_environment.read_text())
    assert (
        variables["VALKEY_URL"]
        == variables["REDIS_URL"]
        != parse_environment(other.valkey_environment.read_text())["REDIS_URL"]
    )
    assert len(variables["VALKEY_URL"]) > 60
    assert mode(layout.valkey_environment) == mode(layout.environment) == 0o600
    assert mode(layout.nodes) == mode(layout.alerts) == 0o644


def test_second_install_changes_no_setting(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    install(layout, {"PORT": "8090"})
    with layout.environment.open("a") as file:
        file.write("LOG_LEVEL=DEBUG\n")
    layout.nodes.write_text("workers: [mine.lan]\n")
    layout.alerts.unlink()
    before = {path: path.read_bytes() for path in layout.settings.rglob("*") if path.is_file()}
    capsys.readouterr()
    # when
    install(layout, {"PORT": "8099", "LOG_LEVEL": "DEBUG"})
    # then
    assert {path: path.read_bytes() for path in before} == before
    assert layout.alerts.exists()
    output = capsys.readouterr().out
    assert f"PORT is ignored: the settings in {layout.environment} apply" in output
    assert "LOG_LEVEL" not in output


def test_update_does_not_touch_the_running_release_until_it_is_complete(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    source = tmp_path / "source"
    for name in FOLDERS:
        (source / name).mkdir(parents=True)
        (source / name / "file").write_text("old")
    for name in FILES:
        (source / name).touch()
    (source / "deploy/local/systemd").mkdir()
    (source / "deploy/local/systemd/file").touch()
    first = add_release(layout, source)
    assert switch_to(layout, first) is None
    # when
    (source / "contract/file").write_text("new")
    second = add_release(layout, source)
    # then
    assert second != first
    assert (layout.current / "contract/file").read_text() == "old"
    # and when
    assert switch_to(layout, second) == first.resolve()
    # then
    assert (layout.current / "contract/file").read_text() == "new"
    assert add_release(layout, source) == second
    assert switch_to(layout, second) is None


def test_all_releases_except_the_current_and_the_previous_one_are_removed(layout: Layout) -> None:
    # given
    install(layout, {})
    current = layout.current.resolve()
    for name in ("0.0.1-a", "0.0.2-b", ".new"):
        (layout.code / name).mkdir()
    # when
    remove_releases(layout, {current, layout.code / "0.0.2-b"})
    # then
    assert releases(layout) == {current.name, "0.0.2-b"}
    assert layout.current.resolve() == current


def test_folder_of_another_program_is_refused(layout: Layout) -> None:
    # given
    (layout.code / "theirs").mkdir(parents=True)
    # when
    with pytest.raises(CannotStart, match="holds other files"):
        install(layout, {})
    # then
    assert releases(layout) == {"theirs"}


def test_uninstall_keeps_data_settings_and_the_administrators_own_files(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    install(layout, {})
    layout.data.mkdir(parents=True)
    (layout.data / "dump.rdb").write_text("data")
    added = layout.units / "dispycluster-.service.d" / "50-mine.conf"
    added.write_text("[Service]\n")
    settings = {path: path.read_bytes() for path in layout.settings.rglob("*") if path.is_file()}
    # when
    uninstall(layout, purge=False)
    # then
    assert not layout.code.exists()
    assert [path for path in layout.units.rglob("*") if path.is_file()] == [added]
    assert {path: path.read_bytes() for path in settings} == settings
    assert (layout.data / "dump.rdb").read_text() == "data"
    assert f"Settings and data stay in {layout.settings} and {layout.data}." in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "stays"), [("yes\n", False), ("no\n", True), ("\n", True)])
def test_purge_deletes_only_when_the_answer_is_yes(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, answer: str, stays: bool
) -> None:
    # given
    install(layout, {})
    layout.data.mkdir(parents=True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    # when
    uninstall(layout, purge=True)
    # then
    assert layout.settings.exists() == layout.data.exists() == stays


def test_purge_deletes_nothing_when_there_is_no_answer(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    install(layout, {})
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    # when
    with pytest.raises(CannotStart, match="There was no answer"):
        uninstall(layout, purge=True)
    # then
    assert layout.nodes.exists()


def test_uninstall_reports_that_nothing_is_installed(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    uninstall(layout, purge=False)
    assert capsys.readouterr().out == "No services were installed.\n"


def test_command_reports_why_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    monkeypatch.setattr(sys, "argv", ["install", "install", "--root", str(tmp_path)])
    monkeypatch.setenv("PORT", "many")
    # then
    assert main() == 1
    assert capsys.readouterr().err == "PORT='many' is not valid: it takes a whole number from 1 to 65535\n"


def test_refusals_for_a_machine_name_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="make run"):
        require_systemd("darwin")
    with pytest.raises(CannotStart, match="systemd does not run this machine"):
        require_systemd("linux", tmp_path / "none")
    require_systemd("linux", tmp_path)
    with pytest.raises(CannotStart, match="sudo make uninstall-service"):
        require_root("uninstall", user=1000)
    require_root("install", user=0)


def test_python_that_services_cannot_read_is_refused(tmp_path: Path) -> None:
    # given
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    # then
    with pytest.raises(CannotStart, match="PYTHON=/usr/bin/python3"):
        require_shared_python(str(closed / "python3"))
    with pytest.raises(CannotStart, match="lies in /tmp"):
        require_shared_python("/tmp/python3")
    require_shared_python("/usr/bin/env")


def test_machine_without_embedded_valkey_needs_a_redis() -> None:
    for machine, is_64_bit in (("armv7l", False), ("x86_64", False), ("riscv64", True)):
        with pytest.raises(CannotStart, match="make install-service REDIS_URL=redis://"):
            require_redis({}, machine, is_64_bit=is_64_bit)
        require_redis({"REDIS_URL": "redis://r/0"}, machine, is_64_bit=is_64_bit)
    require_redis({}, "aarch64", is_64_bit=True)


@pytest.mark.parametrize("path", ["ca.crt", "/home/somebody/ca.crt", "/etc/../tmp/ca.crt"])
def test_ca_file_that_services_cannot_read_is_refused(layout: Layout, path: str) -> None:
    with pytest.raises(CannotStart, match=f"sudo install -D -m 644 {path} /etc/dispycluster/redis-ca.crt"):
        install(layout, {"REDIS_URL": "rediss://r/0", "REDIS_CA_FILE": path})
    assert not layout.root.exists()
    require_reachable_ca({"REDIS_CA_FILE": "/etc/dispycluster/redis-ca.crt"})
    require_reachable_ca({})


def test_first_install_for_other_machines_is_refused_when_access_is_not_set(layout: Layout) -> None:
    # when
    with pytest.raises(SettingError) as refusal:
        install(layout, {"PUBLIC_HOST": "0.0.0.0"})
    # then
    first, closed, opened = str(refusal.value).splitlines()
    assert first.startswith("PUBLIC_HOST=0.0.0.0 lets other machines reach the pages")
    assert closed.split("#")[0].strip() == "sudo make install-service PUBLIC_HOST=0.0.0.0 ACCESS=closed"
    assert closed.endswith("create the first user with: sudo dispycluster user add NAME")
    assert opened.split("#")[0].strip() == "sudo make install-service PUBLIC_HOST=0.0.0.0 ACCESS=open"
    assert not layout.root.exists()
    # and when one of the two commands is used
    install(layout, {"PUBLIC_HOST": "0.0.0.0", "ACCESS": "closed"})
    assert parse_environment(layout.environment.read_text()) == {"PUBLIC_HOST": "0.0.0.0", "ACCESS": "closed"}


def test_update_for_other_machines_is_refused_before_any_change_when_access_is_not_set(layout: Layout) -> None:
    # given an installation from before the setting ACCESS
    install(layout, {})
    layout.environment.write_text("PUBLIC_HOST=192.0.2.7\n")
    before = sorted(layout.root.rglob("*"))
    # when
    with pytest.raises(SettingError) as refusal:
        install(layout, {})
    # then
    line = f"echo ACCESS=closed | sudo tee -a {layout.environment}"
    assert f"\n  {line} " in str(refusal.value)
    assert sorted(layout.root.rglob("*")) == before
    # and when
    layout.environment.write_text("PUBLIC_HOST=192.0.2.7\nACCESS=open\n")
    install(layout, {})


def test_access_folder_is_created_once_and_private(layout: Layout) -> None:
    # given
    install(layout, {})
    key = layout.access.key.read_text()
    # when
    install(layout, {})
    # then
    assert len(key) > 60
    assert layout.access.key.read_text() == key
    assert (mode(layout.access.path), mode(layout.access.key)) == (0o700, 0o600)


def test_commands_run_with_the_services_settings_only(layout: Layout) -> None:
    # given
    install(layout, {"CLUSTER_NAME": "my lab"})
    layout.environment.write_text(layout.environment.read_text() + "ACCESS_USERS_DIR=/elsewhere\n")
    # when
    variables = service_environment(layout, {"LANG": "C", "PATH": "/bin", "REDIS_URL": "redis://mine", "HOME": "/root"})
    # then
    assert variables["REDIS_URL"] == parse_environment(layout.valkey_environment.read_text())["REDIS_URL"]
    assert variables["ACCESS_USERS_DIR"] == str(layout.access.users)
    assert variables["COLLECTOR_TARGETS"] == str(layout.nodes)
    assert variables["COLLECTOR_RULES"] == str(layout.alerts)
    assert (variables["CLUSTER_NAME"], variables["LANG"], variables["PATH"]) == ("my lab", "C", "/bin")
    assert "HOME" not in variables


def test_command_is_linked_until_uninstall(layout: Layout) -> None:
    # when
    install(layout, {})
    install(layout, {})
    # then
    assert os.readlink(layout.command) == COMMAND
    # and when
    uninstall(layout, purge=False)
    # then
    assert not os.path.lexists(layout.command)


def test_command_of_another_program_stays_and_the_path_of_ours_is_shown(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    layout.command.parent.mkdir(parents=True)
    layout.command.write_text("of somebody else")
    # when
    install(layout, {})
    # then
    assert f"{layout.command} is another program; the command of the services is {COMMAND}" in capsys.readouterr().out
    assert f"sudo {COMMAND} check-nodes" in layout.nodes.read_text()
    assert layout.add_user_command == f"sudo {COMMAND} user add NAME"
    # and when
    uninstall(layout, purge=False)
    # then
    assert layout.command.read_text() == "of somebody else"


def test_command_of_a_release_runs_as_the_services_user(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    install(layout, {})
    calls = []

    def run(_: Layout, arguments: list[str], variables: dict[str, str]) -> int:
        calls.append((arguments, variables["COLLECTOR_TARGETS"]))
        return 3

    monkeypatch.setattr("deploy.local.systemd.service_user._run", run)
    monkeypatch.setattr("deploy.local.systemd.service_user.os.geteuid", lambda: 0)
    monkeypatch.setattr("deploy.local.systemd.layout.SOURCE", Layout().code / "0.0.1")
    monkeypatch.setattr("deploy.local.systemd.__main__.Layout", lambda: layout)
    monkeypatch.delenv("ACCESS_USERS_DIR", raising=False)
    # when
    codes = [dispycluster.main(arguments.split()) for arguments in ("user add ada", "rules check", "status --json")]
    # then
    assert codes == [3, 3, 3]
    assert calls == [
        (["-m", "dispycluster", *arguments.split()], str(layout.nodes))
        for arguments in ("user add ada", "rules check", "status --json")
    ]
    # and: run is not among the commands, and a user who is not root gets the whole command line
    assert dispycluster.main(["run"]) == 2
    monkeypatch.setattr("deploy.local.systemd.service_user.os.geteuid", lambda: 1000)
    capsys.readouterr()
    assert dispycluster.main(["user", "list"]) == 1
    assert capsys.readouterr().err.endswith(": sudo dispycluster user list\n")


def test_command_is_refused_when_nothing_is_installed(layout: Layout) -> None:
    with pytest.raises(CannotStart, match="No services are installed"):
        run_as_service_user(layout, ["user", "list"])
    with pytest.raises(CannotStart, match="No services are installed"):
        restore(layout, layout.root / "dump.rdb")


def test_restore_gives_the_copy_to_the_services_user_when_valkey_is_stopped(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    install(layout, {})
    layout.data.mkdir(parents=True)
    copy = tmp_path / "dump.rdb"
    copy.write_bytes(b"REDIS")
    # And a link in place of an earlier copy, which the owner of the folder could create
    others = tmp_path / "others"
    others.write_text("others'")
    link = layout.data / ".restore.rdb"
    link.symlink_to(others)
    handed = []

    def run(_: Layout, arguments: list[str], variables: dict[str, str]) -> int:
        handed.append((arguments[:2], Path(arguments[2]).read_bytes(), variables[FOLDER]))
        return 0

    monkeypatch.setattr("deploy.local.systemd.service_user._run", run)
    monkeypatch.setattr("deploy.local.systemd.service_user.os.geteuid", lambda: 0)
    given_away = []
    monkeypatch.setattr(
        "deploy.local.systemd.service_user._give_to_service_user", lambda file: given_away.append(os.fstat(file))
    )
    for is_active in (True, False):
        monkeypatch.setattr("deploy.local.systemd.service_user.is_active", lambda _, is_active=is_active: is_active)
        # when
        if is_active:
            with pytest.raises(CannotStart, match="systemctl stop"):
                restore(layout, copy)
        else:
            assert restore(layout, copy) == 0
    # then
    assert handed == [(["-m", "deploy.local.restore"], b"REDIS", str(layout.data))]
    assert list(layout.data.iterdir()) == [link]
    assert others.read_text() == "others'"
    assert [(found.st_size, found.st_mode & 0o777) for found in given_away] == [(5, 0o600)]


def test_simulated_nodes_are_refused(layout: Layout) -> None:
    with pytest.raises(CannotStart, match="DEMO_NODES"):
        install(layout, {"DEMO_NODES": "50"})
    assert not layout.root.exists()


def test_empty_redis_url_is_refused_with_a_remedy(layout: Layout) -> None:
    # given
    install(layout, {})
    layout.environment.write_text("REDIS_URL=\n")
    # then
    with pytest.raises(SettingError, match="a # in front of the line"):
        install(layout, {})


def test_targets_that_cannot_be_read_are_refused(layout: Layout) -> None:
    with pytest.raises(CannotStart, match=r"TARGETS=/none/nodes\.yaml cannot be read"):
        install(layout, {"TARGETS": "/none/nodes.yaml"})


def test_taken_ports_are_reported_with_their_program_and_a_remedy(layout: Layout, taken: int) -> None:
    def refusal(given: dict[str, str]) -> str:
        files = SettingsFiles(layout, given)
        with pytest.raises(CannotStart) as caught:
            require_ports(Settings.from_environment(files.variables), files)
        return str(caught.value)

    # given no installation
    first = refusal({"PORT": str(taken)})
    # then
    assert first.startswith(f"Port {taken} is taken by ")
    assert f"(process {os.getpid()})" in first
    assert " sudo make install-service PORT=" in first
    elsewhere = {"PUBLIC_HOST": "192.0.2.77", "ACCESS": "open", "PORT": str(free_port())}
    assert "PUBLIC_HOST=192.0.2.77" in refusal(elsewhere)
    # given an installation
    install(layout, {"PORT": str(taken)})
    assert f" in {layout.environment}" in refusal({})
    ports = {"PORT": str(free_port()), **inner_ports(), "WS_PORT": str(taken)}
    layout.environment.write_text("".join(f"{name}={port}\n" for name, port in ports.items()))
    assert refusal({}).startswith(f"Port {taken} (WS_PORT) is taken by ")


def test_services_get_free_ports_when_the_default_ones_are_taken(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a machine without settings, on which the api's default port is taken
    nowhere = Path("/nowhere")
    monkeypatch.setattr(Layout, "settings", property(lambda _: nowhere))
    monkeypatch.setattr("deploy.local.systemd.settings.INTERNAL_PORTS", {"API_PORT": taken})
    # when
    files = SettingsFiles(Layout(), {})
    # then
    assert files.is_first
    assert int(files.variables["API_PORT"]) > taken


def test_kernel_without_memory_limits_is_detected(tmp_path: Path) -> None:
    assert not are_memory_limits_enforced(tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io pids\n")
    assert not are_memory_limits_enforced(tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    assert are_memory_limits_enforced(tmp_path)


def test_update_changes_nothing_and_reports_all_invalid_settings(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    # given an installation with settings that were edited later
    install(layout, {})
    wrong = all_wrong_in(SYSTEMD)
    layout.environment.write_text("".join(f"{name}={value}\n" for name, value in wrong.items()) + "ACESS=open\n")
    before = {path: path.lstat().st_mtime_ns for path in layout.root.rglob("*")}
    # when
    with pytest.raises(SettingError) as failure:
        install(layout, {})
    # then
    assert [name for name in wrong if f"{name}=" not in str(failure.value)] == []
    assert {path: path.lstat().st_mtime_ns for path in layout.root.rglob("*")} == before


def test_name_similar_to_a_setting_is_reported(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    install(layout, {})
    layout.environment.write_text("ACESS=open\nWS_PUSH=fast\n")
    # when
    install(layout, {})
    # then
    output = capsys.readouterr().out
    assert "Note: ACESS is not a setting, and is ignored. Did you mean ACCESS?" in output
    assert "Note: WS_PUSH was removed in 0.4" in output
