"""The command ``dispycluster`` in a checkout, and the make targets that call it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.data_dir import DataDir, access_dir, command_environment

ROOT = Path(__file__).parents[3]
COMMAND = ROOT / ".venv" / "bin" / "dispycluster"


def made(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Return the commands of make, or its error."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "NAME")}
    return subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**environment, "PYTHON": sys.executable, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def last_line(*arguments: str, **variables: str) -> str:
    done = made(*arguments, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    return " ".join(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["run", "PORT=9000"], "run"),
        (["check-nodes", "TARGETS=mine.yaml"], "check-nodes"),
        (["check-rules", "COLLECTOR_RULES=mine.yaml"], "rules check"),
        (["status"], "status"),
        (["restore-local", "FILE=dump.rdb", "YES=1"], 'restore "dump.rdb" --yes'),
        (["user", "NAME=ada"], 'user add "ada"'),
        (["user", "NAME=ada", "DO=remove", "SCOPES=read", "DAYS=3"], 'user remove "ada"'),
        (["user", "NAME=ada", "DO= sign-out "], 'user sign-out "ada"'),
        (["user", "DO=list"], "user list"),
        (["token", "NAME=backup"], 'token add "backup"'),
        (
            ["token", "NAME=backup", "SCOPES=read publish", "DAYS=90"],
            'token add "backup" --scope read --scope publish --days 90',
        ),
        (["token", "NAME=backup", "SCOPES=read,publish"], 'token add "backup" --scope read --scope publish'),
        (["token", "NAME=backup", "DO=remove", "DAYS=90"], 'token remove "backup"'),
        (["access", "DO=end-sessions"], "access end-sessions"),
    ],
)
def test_target_calls_the_command_with_its_arguments(arguments: list[str], command: str) -> None:
    assert last_line(*arguments).removeprefix("exec ") == f"{COMMAND} {command}"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["user"], "NAME is missing, for example: make user NAME=ada."),
        (["user", "DO=remove"], "NAME is missing, for example: make user NAME=ada DO=remove."),
        (["token"], "NAME is missing, for example: make token NAME=backup."),
        (["user", "NAME=ada", "DO=frob"], "DO=frob is not valid for make user: DO takes one of add password"),
        (["token", "NAME=backup", "DO=frob"], "DO=frob is not valid for make token: DO takes one of add rotate"),
        (["access", "DO=frob"], "DO=frob is not valid for make access: DO takes one of save check"),
        (
            ["token", "NAME=backup", "SCOPES=read,frob"],
            "SCOPES=frob is not valid for make token: SCOPES takes one of read publish",
        ),
        (["access"], "DO is missing, for example: make access DO=save > access.tar."),
    ],
)
def test_target_reports_a_missing_or_unknown_variable(arguments: list[str], error: str) -> None:
    # An environment variable NAME does not count
    done = made(*arguments, NAME="desktop")
    assert done.returncode == 2
    assert error in done.stderr


def test_target_after_user_is_run_too() -> None:
    lines = [line.rstrip() for line in made("user", "clean", "NAME=ada").stdout.splitlines()]
    assert lines[-2].endswith('user add "ada"')
    assert lines[-1].startswith("rm -rf")


def test_command_environment_names_the_data_of_the_local_mode(tmp_path: Path) -> None:
    # given
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "url").write_text("redis://:secret@127.0.0.1:6385/0\n")
    # when
    with DataDir(tmp_path):
        found = command_environment({"DATA_DIR": str(tmp_path), "LANG": "C"})
    # then
    folder = access_dir(tmp_path)
    assert found["ACCESS_USERS_DIR"] == str(folder.users)
    assert found["ACCESS_TOKENS_DIR"] == str(folder.tokens)
    assert found["REDIS_URL"] == "redis://:secret@127.0.0.1:6385/0"
    assert found["API_SAVE_REVOCATIONS"] == "yes"
    assert found["LANG"] == "C"
    # and: no file is created, and a stopped Valkey is not used
    assert not folder.path.exists()
    assert command_environment({"DATA_DIR": str(tmp_path)})["REDIS_URL"] == "unix:///dev/null/nobody"
    # and: REDIS_URL has priority
    found = command_environment({"DATA_DIR": str(tmp_path), "REDIS_URL": "redis://r"})
    assert found["REDIS_URL"] == "redis://r"
    assert "API_SAVE_REVOCATIONS" not in found


def test_make_adds_lists_and_removes_users_and_tokens(tmp_path: Path) -> None:
    def call(*targets: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", *targets, f"DATA_DIR={tmp_path}"],
            cwd=ROOT,
            env={**os.environ, "PYTHON": sys.executable},
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert call("user", "NAME=ada", given="correct horse battery\n").returncode == 0
    assert call("user", "DO=list").stdout.startswith("ada\t")
    token = call("token", "NAME=backup", "SCOPES=read publish", "DAYS=9")
    assert token.stdout.startswith("dcl_")
    assert "read, publish" in call("token", "DO=list").stdout
    assert call("user", "NAME=ada", "DO=remove").returncode == 0
    assert call("user", "DO=list").stdout == ""
    # and: an argument that is not a variable is a target, which is not run after the error
    refused = call("user", "format")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "NAME is missing, for example: make user NAME=ada." in refused.stderr
