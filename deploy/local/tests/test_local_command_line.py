"""Output, created files and exit codes of ``dispycluster`` when a condition is not met."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.data_dir import DataDir, why_not_running
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings, data_dir_of

Call = Callable[..., subprocess.CompletedProcess[str]]

READERS = ("user list", "token list", "status", "check-nodes", "rules check", "user --help", "token add --help",
           "status --help", "check-nodes --help", "rules --help", "run --help", "restore --help", "access --help",
           "access revoked")  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def call(data: Path) -> Call:
    """Return a function that calls ``dispycluster`` in a shell; ``shell`` is the shell's command line."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACCESS", "REDIS_", "TARGETS"))}

    def call(
        arguments: str, given: str = "", shell: str = "", cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        line = f'exec "$PYTHON" -P -m dispycluster {arguments}' if not shell else shell.format(
            f'"$PYTHON" -P -m dispycluster {arguments}'
        )  # fmt: skip
        return subprocess.run(
            ["bash", "-c", line],
            env={**kept, "DATA_DIR": str(data), "PYTHONUNBUFFERED": "", "PYTHON": sys.executable, **variables},
            input=given, capture_output=True, text=True, timeout=120, cwd=cwd,
        )  # fmt: skip

    return call


@pytest.mark.parametrize("arguments", READERS)
def test_command_that_reads_creates_no_file(call: Call, data: Path, arguments: str) -> None:
    done = call(arguments)
    assert "Traceback" not in done.stderr
    assert not data.exists()


@pytest.mark.parametrize(
    "arguments", ["user list", "token list", "user add ada", "token add x", "access save", "access revoked", "run"]
)
def test_command_names_the_data_folder_when_it_is_a_file(call: Call, tmp_path: Path, arguments: str) -> None:
    (tmp_path / "file").touch()
    done = call(arguments, "correct horse\n", DATA_DIR=str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert str(tmp_path / "file") in line


@pytest.mark.parametrize("arguments", ["status", "user list", "run", "check-nodes", "restore dump.rdb"])
def test_command_reports_that_the_current_folder_no_longer_exists(call: Call, tmp_path: Path, arguments: str) -> None:
    (tmp_path / "gone").mkdir()
    done = call(arguments, shell='rmdir "$PWD"; exec {}', cwd=tmp_path / "gone", DATA_DIR="data")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("DATA_DIR='data' is not valid: it takes a path that begins with /")
    assert "Traceback" not in done.stderr


def test_run_is_refused_when_a_folder_cannot_be_made_private(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_descriptor: int, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    with DataDir(data) as folder:
        monkeypatch.setattr(os, "fchmod", refused)
        for name, make in (("access", folder.access), ("valkey", folder.valkey)):
            with pytest.raises(CannotStart, match=rf"/{name} cannot be made private to you: Operation not permitted"):
                make()


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_setting_counts_as_absent_for_every_command(text: str) -> None:
    variables = {"DATA_DIR": text, "TARGETS": text, "DEMO_NODES": text, "REDIS_URL": text}
    settings = Settings.from_environment(variables)
    assert settings.data_dir == data_dir_of(variables) == data_dir_of({})
    assert (settings.targets, settings.demo_nodes, settings.redis_url) == (None, 0, None)


@pytest.fixture
def foreign_redis(data: Path) -> Iterator[list[bytes]]:
    """Run a foreign server on the Redis port of a previous run; yield what it receives."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(100))

        threading.Thread(target=serve, daemon=True).start()
        (data / "valkey").mkdir(parents=True)
        (data / "valkey" / "url").write_text(f"redis://default:x@127.0.0.1:{server.getsockname()[1]}/0\n")
        (data / "lock").touch()
        yield asked
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("arguments", ["status", "access revoked", "access end-sessions", "user sign-out ada"])
def test_command_does_not_connect_to_a_foreign_redis_on_the_previous_port(
    call: Call, foreign_redis: list[bytes], data: Path, arguments: str
) -> None:
    done = call(arguments)
    assert done.returncode == 1
    assert "The product does not run; start it with: " in (done.stdout + done.stderr).splitlines()[0]
    assert foreign_redis == []
    # and: while the product runs, the command connects to it
    with DataDir(data):
        assert "The product does not run" not in call(arguments).stderr
    assert foreign_redis != []


def test_users_and_tokens_can_be_changed_while_the_product_is_stopped(call: Call, data: Path) -> None:
    done = call("user add ada", "correct horse\n")
    assert (done.returncode, done.stderr) == (0, "'ada' may sign in\n")
    assert call("token add x").returncode == 0
    assert data.joinpath("access").stat().st_mode & 0o777 == 0o700
    assert call("user list").stdout.startswith("ada\t")
    done = call("token remove x")
    assert (done.returncode, done.stderr) == (0, "the token 'x' is removed, and is no longer valid\n")
    done = call("user remove ada")
    assert done.returncode == 0
    assert "The product does not run; start it with: " in done.stderr
    assert "user sign-out ada" in done.stderr


def test_running_demo_is_named_when_the_product_does_not_run(data: Path) -> None:
    variables = {"DATA_DIR": str(data)}
    with DataDir(data / "demo"):
        assert f"A demo runs; to reach it, set DATA_DIR={data / 'demo'}" in why_not_running(variables)
    assert "A demo" not in why_not_running(variables)


def test_status_waits_for_a_start(call: Call) -> None:
    done = call("status --wait 1")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("live: no: The product does not run")


def test_check_nodes_checks_the_demo_when_demo_nodes_is_set(call: Call, data: Path) -> None:
    done = call("check-nodes", DEMO_NODES="3")
    assert done.returncode == 2
    assert "no demo has run yet" in done.stderr
    (data / "demo").mkdir(parents=True)
    (data / "demo" / "demo-nodes.yaml").write_text("workers: [local]")
    (data / "nodes.yaml").write_text("workers: ['127.0.0.1:1']")
    done = call("check-nodes", DEMO_NODES="3")
    assert done.returncode == 0
    assert "(local)" in done.stdout


@pytest.mark.parametrize("folder", ["", "demo"])
@pytest.mark.parametrize("command", ["check-nodes", "rules check"])
def test_commands_find_the_demo_with_both_data_folders(call: Call, data: Path, command: str, folder: str) -> None:
    (data / "demo").mkdir(parents=True)
    (data / "demo" / "demo-nodes.yaml").write_text("workers: [local]")
    done = call(command, DEMO_NODES="3", DATA_DIR=str(data / folder))
    assert done.returncode == 0
    if command == "check-nodes":
        assert "(local)" in done.stdout
    else:
        assert "applies to 1 of 1 node" in done.stdout
        assert str(data / "demo") in done.stdout


def test_check_nodes_reports_a_missing_targets_file(call: Call, tmp_path: Path) -> None:
    done = call("check-nodes", TARGETS="nope.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "nope.yaml: the file does not exist\n")


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("statu", 2, "dispycluster has no command 'statu'; did you mean: dispycluster status"),
        ("frob", 2, "dispycluster has no command 'frob'"),
        ("run --help", 0, "usage: dispycluster run"),
        ("run -h", 0, "docs/settings.md"),
        ("run now", 2, "set variables, for example"),
        ("status --help", 0, "usage: dispycluster status"),
        ("check-nodes --help", 0, "usage: dispycluster check-nodes"),
        ("restore --help", 0, "usage: dispycluster restore"),
        ("--help", 0, "restore, revoked; end-sessions"),
        ("user --help", 0, "for Kubernetes: print the patch"),
        ("token add x --days y", 2, "DAYS takes a whole number"),
        ("token add x --scope frob", 2, "SCOPES accepts read, publish, not 'frob'"),
    ],
)
def test_command_prints_help_or_names_the_mistake(call: Call, arguments: str, code: int, expected: str) -> None:
    done = call(arguments)
    assert done.returncode == code
    assert expected in " ".join((done.stderr if code else done.stdout).split())


@pytest.mark.parametrize("arguments", ["access save", "user --help", "--version", "--help", "status", "run --help"])
def test_command_exits_quietly_when_its_reader_has_exited(call: Call, arguments: str) -> None:
    done = call(arguments, shell="{} | sleep 0; exit ${{PIPESTATUS[0]}}")
    if done.returncode in (0, 1):  # the reader may have been slower
        done = call(arguments, shell='{{ sleep 1; {}; echo "ended with $?" >&2; }} | true')
    assert "ended with 141" in done.stderr or done.returncode == 141
    assert "Error" not in done.stderr


@pytest.mark.parametrize("arguments", ["access save", "token add x"])
def test_command_reports_that_its_output_is_closed(call: Call, data: Path, arguments: str) -> None:
    done = call(arguments, shell="{} >&-")
    assert done.returncode == 1
    assert done.stderr.startswith("standard output is closed")
    assert not data.exists()


@pytest.mark.parametrize("arguments", ["access save", "user --help"])
def test_command_reports_that_its_output_cannot_be_written(call: Call, arguments: str) -> None:
    done = call(arguments, shell="{} >/dev/full")
    assert (done.returncode, done.stderr) == (1, "standard output cannot be written: No space left on device\n")


def test_foreign_package_on_pythonpath_is_explained(call: Call, tmp_path: Path) -> None:
    (tmp_path / "runtime.py").touch()
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = call("status", PYTHONPATH=path)
    assert done.returncode == 1
    assert "env -u PYTHONPATH dispycluster" in done.stderr
    assert "Traceback" not in done.stderr
