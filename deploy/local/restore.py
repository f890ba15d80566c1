"""Put a copy of Valkey's data in place of those of now: ``dispycluster restore dump.rdb``.

Asks first; with ``--yes`` it does not.
The product must not run. What was revoked after the copy was made is not in it, so all sessions end: the copy is loaded
once, without the generation that they belong to, and saved.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from redis import RedisError

from contract.names import GENERATION_KEY
from deploy.host.rdb import made_at, missing_since
from deploy.local.commands import END_SESSIONS, RESTORE
from deploy.local.data_dir import DataDir, command_variables, limit_umask
from deploy.local.ports import inner_port
from deploy.local.refusal import CannotStart, confirmed
from deploy.local.settings import data_dir_of
from deploy.local.supervisor import STOP_SIGNALS
from deploy.local.valkey import DUMP, Access, valkey_binary, valkey_command, write_private
from runtime.redis_client import blocking_client
from runtime.settings import SettingError

#: What the data of before a restore are called, by its time.
FORMER: Final = "dump.before-restore-{}.rdb"
#: Variable that names the folder of Valkey's data under systemd, where access is told by variables too.
FOLDER: Final = "VALKEY_DATA"
#: Seconds that a copy may take to load, and to be saved.
LOADING_SECONDS: Final = 100.0
_LOOK_SECONDS: Final = 0.05
_USAGE: Final = "usage: dispycluster restore FILE [--yes]"
_HELP: Final = f"""\
{_USAGE}

Puts a copy of Valkey's data in place of those of now, which it keeps. The product must not run. It lists which revoked
tokens may be good again, says from when to now there will be no data, and asks; with --yes it does not. All sessions
end."""
_PORT: Final = 6399


class Stopped(Exception):
    """A signal asked to stop before anything was changed."""


def restore(copy: Path, folder: Path, environment: Mapping[str, str], *, yes: bool) -> None:
    """List which revoked tokens may be good again, ask, and replace the data in ``folder``.

    Args:
        copy: an RDB file.
        folder: of Valkey's data, which this user owns.
        environment: what the api's command line is told by.
        yes: whether nobody is asked.

    Raises:
        CannotStart, Stopped: Valkey does not take the copy, nobody agreed, or a signal came; nothing is changed then.
        OSError: a file cannot be read or written.
    """
    present = folder / DUMP
    if present.exists():
        try:
            _list_revoked(present, environment)
        except (CannotStart, OSError):  # damaged data are a reason to restore
            _say("Which tokens are revoked cannot be listed, as the data of now cannot be read.")
    whole = folder / f".{DUMP}"
    with _served(copy) as (work, url):
        client = blocking_client(url, connect_seconds=10, answer_seconds=LOADING_SECONDS)
        try:
            client.delete(GENERATION_KEY)
            client.save()
        finally:
            client.close()
        content = (work / DUMP).read_bytes()
    _say(missing_since(made_at(copy), time.time()))
    if not yes and not confirmed(f"This replaces the data by those of {copy.name}, and ends all sessions."):
        raise CannotStart("Nothing was changed.")
    # From here to the end nothing interrupts: between two names there are no data.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    write_private(whole, content)
    said = f"The data are those of {copy.name}, and all sessions have ended."
    if present.exists():
        former = folder / FORMER.format(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        for older in folder.glob(FORMER.format("*")):
            older.unlink()
        present.replace(former)
        said += f" Those of before: {former}"
    whole.replace(present)
    _say(said)


def _list_revoked(present: Path, environment: Mapping[str, str]) -> None:
    with _served(present) as (_, url):
        command = [sys.executable, "-P", "-m", "api", "access", "revoked"]
        done = subprocess.run(command, env={**environment, "REDIS_URL": url}, capture_output=True, text=True)
    if done.stdout or done.returncode:
        _say(f"These may be good again with it:\n{(done.stdout or done.stderr).rstrip()}")


@contextmanager
def _served(copy: Path) -> Iterator[tuple[Path, str]]:
    """A Valkey of its own with a copy's data: its folder and its URL."""
    with tempfile.TemporaryDirectory(prefix="dispycluster-restore-") as name:
        work = Path(name)
        shutil.copyfile(copy, work / DUMP)
        port = inner_port({}, "VALKEY_PORT", _PORT)
        access = Access(work, port)
        command = valkey_command(valkey_binary(), port=port, data_dir=work, config=access.config)
        # A signal between the start and what ends it would leave Valkey behind.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            valkey = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_take_signals
            )
        except OSError:
            _take_signals()
            raise
        try:
            _take_signals()
            deadline = time.monotonic() + LOADING_SECONDS
            while not access.answers():
                if valkey.poll() is not None or time.monotonic() > deadline:
                    raise CannotStart(f"Valkey does not take {copy}; nothing was changed.")
                time.sleep(_LOOK_SECONDS)
            yield work, access.url
        finally:
            valkey.kill()
            valkey.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    words = [word for word in given if word != "--yes"]
    if words[:1] in (["--help"], ["-h"]):
        print(_HELP)
        return 0
    if len(words) != 1:
        print(f"{_USAGE}\nWhich copy? For instance: {RESTORE}", file=sys.stderr)
        return 2
    limit_umask()
    copy, yes = Path(words[0]).expanduser(), "--yes" in given
    for number in STOP_SIGNALS:
        # So that its Valkey, and the folder with a copy of the data, go too.
        signal.signal(number, _stop)
    try:
        if FOLDER in os.environ:
            restore(copy, Path(os.environ[FOLDER]), os.environ, yes=yes)
        elif os.environ.get("REDIS_URL", "").strip():
            raise CannotStart(
                "REDIS_URL is set: the data are in a Redis of your own. Restore them there, then end all sessions: "
                f"{END_SESSIONS}"
            )
        else:
            with DataDir(data_dir_of(os.environ)) as locked:
                restore(copy, locked.valkey(), command_variables(os.environ), yes=yes)
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    except (CannotStart, RedisError, LookupError, Stopped) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _take_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped("Nothing was changed.")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
