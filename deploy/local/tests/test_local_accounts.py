"""``make user NAME=ada`` and ``make token NAME=backup``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.accounts import environment_of, words_of
from deploy.local.data_dir import access_dir
from deploy.local.refusal import CannotStart

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("kind", "names", "variables", "words"),
    [
        ("user", ["ada"], {}, "user add ada"),
        ("user", ["ada"], {"DO": "remove", "SCOPES": "read", "DAYS": "3"}, "user remove ada"),
        ("user", ["ada"], {"DO": " sign-out "}, "user sign-out ada"),
        ("user", [], {"DO": "list"}, "user list"),
        ("token", ["backup"], {}, "token add backup"),
        (
            "token",
            ["backup"],
            {"SCOPES": "read publish", "DAYS": "90"},
            "token add backup --scope read --scope publish --days 90",
        ),
        ("token", ["backup"], {"SCOPES": "read,publish"}, "token add backup --scope read --scope publish"),
        ("token", ["backup"], {"DO": "remove", "DAYS": "90"}, "token remove backup"),
        ("access", [], {"DO": "end-sessions"}, "access end-sessions"),
    ],
)
def test_words_are_those_of_the_apis_command_line(
    kind: str, names: list[str], variables: dict[str, str], words: str
) -> None:
    assert words_of(kind, names, variables) == words.split()


@pytest.mark.parametrize(
    ("kind", "names", "variables", "said"),
    [
        ("user", [], {}, "It takes one name, for instance: make user NAME=ada"),
        ("user", ["ada", "bob"], {"DO": "remove"}, "It takes one name, for instance: make user NAME=ada DO=remove"),
        ("token", [], {}, "It takes one name, for instance: make token NAME=backup"),
        ("user", ["ada"], {"DO": "list"}, "A list takes no name: make user DO=list"),
        ("access", [], {}, "It takes what to do, for instance: make access DO=save > access.tar"),
        ("access", ["ada"], {"DO": "save"}, "It takes what to do, for instance: make access DO=save > access.tar"),
    ],
)
def test_other_than_one_name_is_refused_with_an_example(
    kind: str, names: list[str], variables: dict[str, str], said: str
) -> None:
    with pytest.raises(CannotStart) as refusal:
        words_of(kind, names, variables)
    assert str(refusal.value) == said


def test_command_line_works_on_the_data_of_the_local_mode(tmp_path: Path) -> None:
    # given
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "url").write_text("redis://:secret@127.0.0.1:6385/0\n")
    # when
    found = environment_of({"DATA_DIR": str(tmp_path), "LANG": "C"})
    # then
    folder = access_dir(tmp_path)
    assert found["ACCESS_USERS_DIR"] == str(folder.users)
    assert found["ACCESS_TOKENS_DIR"] == str(folder.tokens)
    assert found["REDIS_URL"] == "redis://:secret@127.0.0.1:6385/0"
    assert found["API_SAVE_REVOCATIONS"] == "yes"
    assert found["LANG"] == "C"
    assert folder.users.is_dir()
    # and: a Redis of one's own counts more
    found = environment_of({"DATA_DIR": str(tmp_path), "REDIS_URL": "redis://r"})
    assert found["REDIS_URL"] == "redis://r"
    assert "API_SAVE_REVOCATIONS" not in found


def made(*arguments: str, **variables: str) -> list[str]:
    """What make would run."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "NAME")}
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**environment, "PYTHON": sys.executable, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line.rstrip() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", ["user", "token"])
def test_name_is_a_variable_of_make_and_not_of_the_machine(kind: str) -> None:
    assert made(kind, "NAME=ada")[-1].endswith(f'-m deploy.local.accounts {kind} "ada"')
    assert made(kind, NAME="desktop")[-1].endswith(f"-m deploy.local.accounts {kind}")


def test_goal_behind_a_user_is_one_like_any_other() -> None:
    lines = made("user", "clean", "NAME=ada")
    assert lines[-2].endswith('accounts user "ada"')
    assert lines[-1].startswith("rm -rf")


def test_command_makes_a_user_that_signs_in_and_takes_it_away_again(tmp_path: Path) -> None:
    def call(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", *words, f"DATA_DIR={tmp_path}"],
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
    # and: a name that is none of a variable is a goal, of which nothing is made
    refused = call("user", "ada")
    assert refused.returncode != 0
    assert refused.stderr.startswith("It takes one name, for instance: make user NAME=ada\n")
