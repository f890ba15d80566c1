"""The command line: in this process, and the most common commands as a process of their own."""

import base64
import json
import os
import pty
import shlex
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from access.tokens import StoredToken, token_digest, token_id
from api.access import command_line, commands
from api.access.users import PasswordVerifier, StoredUser
from api.tests.access.conftest import Command, variables_of
from contract.names import GENERATION_KEY, REVOCATIONS_KEY
from tests.drivers.ports import free_port
from tests.drivers.valkey import Valkey

ROOT = Path(__file__).parents[4]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(valkey: Valkey, folders: dict[str, Path]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACCESS", "API_", "REDIS_"))}
    return kept | variables_of(folders) | {"PYTHONPATH": f"{ROOT}:{ROOT / 'services'}", "REDIS_URL": valkey.url}


@pytest.fixture
def command(environment: dict[str, str]) -> Run:
    """Run ``python -m api …`` as a process."""

    def command(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "api", *arguments],
            env=environment, input=typed, capture_output=True, text=True, timeout=60, cwd=ROOT,
        )  # fmt: skip

    return command


@pytest.fixture
def run(run_cli: Command) -> Run:
    """Run a command line in this process."""

    def run(*arguments: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        done = run_cli(*arguments, given=typed.encode(), **variables)
        return subprocess.CompletedProcess(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def user_file(folders: dict[str, Path]) -> Callable[[str], StoredUser]:
    return lambda name: msgspec.json.decode(Path(folders["users"], name).read_bytes(), type=StoredUser, strict=True)


def is_password(stored: StoredUser, password: str) -> bool:
    return PasswordVerifier(waiting=1).matches(stored.hash, password)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = done.stderr.splitlines()
    return line


def test_user_is_added_changed_listed_and_removed(
    command: Run, run: Run, user_file: Callable[[str], StoredUser], folders: dict[str, Path], redis: Any
) -> None:
    # add, with the spaces of the password
    done = command("user", "add", "ada", typed=" correct horse \r\nsecond line\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert one_line(done) == "'ada' may sign in"
    stored = user_file("ada")
    assert is_password(stored, " correct horse ")
    assert stored.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert time.time() - 60 < stored.created <= time.time()
    path = folders["users"] / "ada"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["ada"]
    assert redis.keys() == []
    # add again
    done = command("user", "add", "ada", typed="another one\n")
    assert done.returncode == 1
    assert "already" in one_line(done)
    assert user_file("ada") == stored
    # change the password
    done = run("user", "password", "ada", typed="battery staple")
    assert done.returncode == 0
    assert "all sessions of the user have ended" in one_line(done)
    assert is_password(user_file("ada"), "battery staple")
    (member,) = redis.zrange(REVOCATIONS_KEY, 0, -1)
    assert member.startswith(b"user:ada@")
    # list
    assert run("user", "add", "bob", typed="another one\n").returncode == 0
    done = run("user", "list")
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["ada", "bob"]
    # remove
    done = run("user", "remove", "ada")
    assert done.returncode == 0
    assert "can no longer sign in, and all sessions of the user have ended" in one_line(done)
    assert not path.exists()
    assert run("user", "list").stdout.startswith("bob\t")
    assert redis.zcard(REVOCATIONS_KEY) == 2


def test_user_is_signed_out_everywhere(run: Run, redis: Any) -> None:
    done = run("user", "sign-out", "bob@example.org")
    assert done.returncode == 0
    (member,) = redis.zrange(REVOCATIONS_KEY, 0, -1)
    name, _, before = member.decode().removeprefix("user:").rpartition("@")
    assert name == "bob@example.org"
    assert time.time() - 60 < float(before) <= time.time()
    assert redis.zscore(REVOCATIONS_KEY, member) > time.time() + 366 * 24 * 3600


def test_token_is_created_shown_once_listed_and_removed(
    command: Run, run: Run, folders: dict[str, Path], redis: Any
) -> None:
    # add
    done = command("token", "add", "script", "--scope", "publish", "--scope", "read", "--days", "30")
    assert done.returncode == 0
    token = done.stdout.removesuffix("\n")
    assert token.startswith("dcl_")
    assert token not in done.stderr
    assert "publish, read, until 20" in one_line(done)
    path = folders["tokens"] / "script"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token.removeprefix("dcl_") not in path.read_text()
    stored = msgspec.json.decode(path.read_bytes(), type=StoredToken, strict=True)
    assert (stored.sha256, stored.scopes) == (token_digest(token), ("publish", "read"))
    assert stored.expires is not None
    assert stored.expires - stored.created == 30 * 24 * 3600
    # the default scope is "read", for a year or without expiry
    run("token", "add", "reader")
    run("token", "add", "for-good", "--never-expires")
    lines = [line.split("\t") for line in run("token", "list").stdout.splitlines()]
    assert [line[0] for line in lines] == ["for-good", "reader", "script"]
    assert lines[0][2] == "read, does not expire"
    assert lines[1][2].startswith("read, until 20")
    # add again
    assert run("token", "add", "script").returncode == 1
    # remove
    done = run("token", "remove", "script")
    assert done.returncode == 0
    assert "no longer valid" in one_line(done)
    assert not path.exists()
    assert redis.zrange(REVOCATIONS_KEY, 0, -1, withscores=True) == [
        (f"token:{token_id(stored.sha256)}".encode(), pytest.approx(stored.expires, abs=0.01))
    ]


def test_patch_changes_a_kubernetes_secret(run: Run, folders: dict[str, Path], redis: Any) -> None:
    def content(done: subprocess.CompletedProcess[str], name: str) -> bytes | None:
        assert done.returncode == 0
        data = json.loads(done.stdout)["data"]
        assert list(data) == [name]
        return None if data[name] is None else base64.b64decode(data[name])

    # a user
    raw = content(run("user", "patch", "ada", typed="correct horse"), "ada")
    assert raw is not None
    assert is_password(msgspec.json.decode(raw, type=StoredUser), "correct horse")
    assert not folders["users"].exists()
    # a token
    done = run("token", "patch", "script", "--scope", "publish")
    token = done.stderr.splitlines()[-1]
    raw = content(done, "script")
    assert raw is not None
    assert msgspec.json.decode(raw, type=StoredToken).sha256 == token_digest(token)
    assert not folders["tokens"].exists()
    assert redis.keys() == []
    # remove from the Secret
    assert content(run("user", "patch", "ada", "--remove"), "ada") is None
    assert run("token", "patch", "script", "--remove").returncode == 1
    path = folders["tokens"] / "script"
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)
    assert content(run("token", "patch", "script", "--remove"), "script") is None
    assert path.exists()
    members = [member.decode() for member in redis.zrange(REVOCATIONS_KEY, 0, -1)]
    assert [member.partition(":")[0] for member in members] == ["token", "user"]


class Secret:
    """A folder mounted from a Secret by the kubelet. Applies the printed kubectl lines to it."""

    namespace = "NAMESPACE"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "..2026_12_01").mkdir(parents=True)
        (folder / "..data").symlink_to("..2026_12_01")
        self.before = sorted(folder.iterdir())

    def run(self, line: str) -> None:
        """Apply a printed line like kubectl and the kubelet."""
        *words, patch = shlex.split(line)
        assert " ".join(words) == f"kubectl -n {self.namespace} patch secret access-{self.folder.name} --patch"
        for name, content in json.loads(patch)["data"].items():
            file = self.folder / "..data" / name
            if content is None:
                file.unlink()
                (self.folder / name).unlink()
            else:
                file.write_bytes(base64.b64decode(content))
                (self.folder / name).unlink(missing_ok=True)
                (self.folder / name).symlink_to(f"..data/{name}")


def test_user_command_prints_a_kubectl_line_for_a_secret(
    run: Run,
    folders: dict[str, Path],
    user_file: Callable[[str], StoredUser],
    redis: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given
    secret = Secret(folders["users"])
    # when
    done = run("user", "add", "ada", typed="correct horse")
    # then
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "in that line, replace NAMESPACE with the product's namespace",
        "'ada' may sign in once you have run that line with kubectl",
    ]
    assert sorted(secret.folder.iterdir()) == secret.before
    secret.run(done.stdout)
    assert is_password(user_file("ada"), "correct horse")
    assert run("user", "list").stdout.startswith("ada\t")
    # and when: the password changes, in a pod that knows its namespace
    (tmp_path / "namespace").write_text("mine\n")
    monkeypatch.setattr(command_line, "_NAMESPACE_FILE", tmp_path / "namespace")
    secret.namespace = "mine"
    done = run("user", "password", "ada", typed="battery staple")
    assert one_line(done) == "the password of 'ada' is changed once you have run that line with kubectl"
    secret.run(done.stdout)
    assert is_password(user_file("ada"), "battery staple")
    assert redis.keys() == []
    # and when: the user is removed
    done = run("user", "remove", "ada")
    assert "sign in once you have run that line with kubectl, and all sessions of the user have ended" in one_line(done)
    assert redis.zcard(REVOCATIONS_KEY) == 1
    secret.run(done.stdout)
    assert sorted(secret.folder.iterdir()) == secret.before


def test_token_command_prints_a_token_and_a_kubectl_line_for_a_secret(
    run: Run, folders: dict[str, Path], redis: Any
) -> None:
    # given
    secret = Secret(folders["tokens"])
    # when
    done = run("token", "add", "script", "--scope", "publish")
    # then
    _, message, token = done.stderr.splitlines()
    assert message.endswith("It is valid once you have run that line with kubectl, and is shown only once:")
    secret.run(done.stdout)
    stored = msgspec.json.decode((secret.folder / "script").read_bytes(), type=StoredToken, strict=True)
    assert (stored.sha256, stored.scopes) == (token_digest(token), ("publish",))
    # and when: the token is removed
    done = run("token", "remove", "script")
    assert "is removed once you have run that line with kubectl, and is no longer valid" in done.stderr
    assert redis.zcard(REVOCATIONS_KEY) == 1
    secret.run(done.stdout)
    assert sorted(secret.folder.iterdir()) == secret.before


def test_command_reports_an_unreachable_redis(run: Run, folders: dict[str, Path]) -> None:
    unreachable = f"redis://127.0.0.1:{free_port()}"
    run("user", "add", "ada", typed="correct horse")
    run("token", "add", "script")
    for arguments in (("user", "password", "ada"), ("user", "remove", "ada"), ("token", "remove", "script")):
        done = run(*arguments, typed="battery staple", REDIS_URL=unreachable)
        assert done.returncode == 0
        assert "Redis did not store the revocation" in one_line(done)
    assert not (folders["users"] / "ada").exists()
    assert not (folders["tokens"] / "script").exists()
    done = run("user", "sign-out", "ada", REDIS_URL=unreachable)
    assert done.returncode == 1
    assert "'ada' is still signed in" in one_line(done)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "é", "x" * 65, "a\nb"])
@pytest.mark.parametrize(
    "arguments", ["user add", "user password", "user remove", "user patch", "token add", "token remove"]
)
def test_invalid_name_is_refused(
    arguments: str, name: str, folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.run([*arguments.split(), "--", name], variables_of(folders)) == 1
    output = capsys.readouterr()
    assert "is not a valid name" in output.err
    assert len(output.err.splitlines()) == 1
    assert output.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "typed", "message"),
    [
        ("user add ada", "short\n", "8 to 1024 characters"), ("user add ada", "", "8 to 1024 characters"),
        ("user add ada", "x" * 1025, "8 to 1024 characters"), ("user add ada", "x" * 10_000, "8 to 1024 characters"),
        ("user password nobody", "correct horse", "no user 'nobody'"), ("user remove nobody", "", "no user 'nobody'"),
        ("token remove nothing", "", "no token 'nothing'"), ("user sign-out a/b", "", "is not a valid name"),
    ],
)  # fmt: skip
def test_command_fails_with_one_line_when_it_cannot_be_done(run: Run, arguments: str, typed: str, message: str) -> None:
    done = run(*arguments.split(), typed=typed)
    assert done.returncode == 1
    assert message in one_line(done)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "variable"), [("user add x", "ACCESS_USERS_DIR"), ("token list", "ACCESS_TOKENS_DIR")]
)
def test_command_names_the_folder_that_is_not_set(run: Run, arguments: str, variable: str) -> None:
    done = run(*arguments.split(), typed="correct horse", **{variable: ""})
    assert done.returncode == 1
    assert f"{variable} is not set" in one_line(done)


def test_command_names_the_folder_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("user", "add", "ada", typed="correct horse", ACCESS_USERS_DIR=str(tmp_path / "file"))
    assert done.returncode == 1
    assert str(tmp_path / "file") in one_line(done)


@pytest.mark.parametrize("arguments", ["user", "token", "nothing", "user add", "user list x", "token add x --days 0",
                                       "token add x --scope write", "token add x --days 1 --never-expires",
                                       "user add x --password y"])  # fmt: skip
def test_unknown_command_prints_usage_and_exits_with_2(run: Run, arguments: str) -> None:
    done = run(*arguments.split())
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python -m api")


@pytest.mark.parametrize("arguments", ["--help", "user --help", "token add --help"])
def test_help_is_written_to_standard_output(run: Run, arguments: str) -> None:
    done = run(*arguments.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: python -m api" in done.stdout


@pytest.mark.parametrize(
    ("typed", "code", "message"),
    [(("correct horse", "correct horse"), 0, "'ada' may sign in"), (("correct horse", "correct house"), 1, "differ")],
)
def test_password_is_asked_twice_without_echo_on_a_terminal(
    environment: dict[str, str], user_file: Callable[[str], StoredUser], typed: tuple[str, str], code: int, message: str
) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "api", "user", "add", "ada"], environment)
    seen = b""

    def read_until(text: bytes, times: int = 1) -> None:
        nonlocal seen
        while seen.count(text) < times:
            try:
                seen += os.read(terminal, 1024)
            except OSError:
                break

    read_until(b"Password: ")
    os.write(terminal, typed[0].encode() + b"\n")
    read_until(b"Again: ")
    os.write(terminal, typed[1].encode() + b"\n")
    read_until(b"nothing more comes")
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == code
    assert message in seen.decode()
    assert b"correct" not in seen
    if code == 0:
        assert is_password(user_file("ada"), "correct horse")


def test_replaced_token_keeps_its_scopes_and_days_and_the_previous_token_for_the_overlap(
    run: Run, folders: dict[str, Path], redis: Any
) -> None:
    # given
    first = run("token", "add", "script", "--scope", "publish", "--days", "30").stdout.strip()
    # when
    done = run("token", "rotate", "script", "--hours", "2")
    second = done.stdout.strip()
    third = run("token", "rotate", "script").stdout.strip()
    # then
    stored = msgspec.json.decode((folders["tokens"] / "script").read_bytes(), type=StoredToken)
    assert (stored.sha256, stored.scopes) == (token_digest(third), ("publish",))
    assert stored.expires is not None
    assert stored.expires - stored.created == pytest.approx(30 * 86400)
    assert [old.sha256 for old in stored.previous] == [token_digest(first), token_digest(second)]
    assert [round((old.until - time.time()) / 3600) for old in stored.previous] == [2, 24]
    assert "the previous one is valid until" in done.stderr
    assert redis.zcard(REVOCATIONS_KEY) == 0
    # and when
    fourth = run("token", "rotate", "script", "--now").stdout.strip()
    # then
    stored = msgspec.json.decode((folders["tokens"] / "script").read_bytes(), type=StoredToken)
    assert (stored.sha256, stored.previous) == (token_digest(fourth), ())
    revoked = {member.decode() for member in redis.zrange(REVOCATIONS_KEY, 0, -1)}
    assert revoked == {f"token:{token_id(token_digest(token))}" for token in (first, second, third)}


@pytest.mark.parametrize("words", [("nobody",), ("script", "--hours", "0"), ("script", "--hours", "1", "--now")])
def test_token_is_not_replaced_when_the_arguments_are_invalid(
    run: Run, folders: dict[str, Path], words: tuple[str, ...]
) -> None:
    run("token", "add", "script")
    before = (folders["tokens"] / "script").read_bytes()
    assert run("token", "rotate", *words).returncode != 0
    assert (folders["tokens"] / "script").read_bytes() == before


def test_new_key_keeps_the_previous_one_unless_it_was_stolen(run: Run, tmp_path: Path, redis: Any) -> None:
    # given
    path = tmp_path / "key"
    path.write_text("k" * 64 + "\n")
    variables = {"ACCESS_KEY_FILE": str(path), "ACCESS_SESSION_SECONDS": "3600"}
    # when
    assert run("access", "rotate-key", **variables).returncode == 0
    # then
    key, (previous, until, begins) = path.read_text().strip(), (tmp_path / "key.former").read_text().split()
    assert previous == "k" * 64
    assert key != previous
    assert int(until) - int(begins) == 3600
    assert 0 < int(begins) - time.time() <= 11
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "key.former").stat().st_mode) == 0o600
    generation = redis.get(GENERATION_KEY)
    # and when
    assert run("access", "rotate-key", "--now", **variables).returncode == 0
    # then
    assert path.read_text().strip() not in (key, previous)
    assert not (tmp_path / "key.former").exists()
    assert redis.get(GENERATION_KEY) not in (None, generation)


def test_new_key_of_a_secret_is_printed_as_a_patch(run: Run, tmp_path: Path) -> None:
    # given
    secret = Secret(tmp_path / "access")
    path = secret.folder / "key"
    path.write_text("k" * 64)
    # when
    done = run("access", "rotate-key", ACCESS_KEY_FILE=str(path))
    stolen = run("access", "rotate-key", "--now", ACCESS_KEY_FILE=str(path))
    # then
    data = json.loads(done.stdout)["data"]
    previous, _, begins = base64.b64decode(data["key.former"]).decode().split()
    assert previous == path.read_text() == "k" * 64
    # By then every kubelet has updated the files.
    assert int(begins) - time.time() > 120
    assert base64.b64decode(data["key"]).decode().strip() != previous
    assert json.loads(stolen.stdout)["data"]["key.former"] is None


def test_missing_key_file_is_named(run: Run, tmp_path: Path) -> None:
    done = run("access", "rotate-key", ACCESS_KEY_FILE=str(tmp_path / "key"))
    assert done.returncode == 1
    assert str(tmp_path / "key") in done.stderr
    assert list(tmp_path.glob("key*")) == []


def test_stolen_key_is_replaced_while_redis_is_away_and_the_rest_is_reported(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("k" * 64)
    away = f"redis://127.0.0.1:{free_port()}/0"
    done = run("access", "rotate-key", "--now", ACCESS_KEY_FILE=str(path), REDIS_URL=away)
    assert done.returncode == 1
    assert "open pages stay connected" in done.stderr
    assert path.read_text() != "k" * 64
