"""Replace Valkey's data by a copy: ``dispycluster restore dump.rdb``.

The command asks first, except with ``--yes``. The product must not run.
The copy lacks the revocations that came after it was made, so all sessions must end. To end them, the command loads the
copy into a temporary Valkey, deletes the generation that the sessions belong to, and saves the data.
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
from deploy.host.rdb import created_at, describe_data_loss
from deploy.local.commands import END_SESSIONS, RESTORE
from deploy.local.data_dir import DataDir, command_environment, limit_umask
from deploy.local.ports import internal_port
from deploy.local.refusal import CannotStart, confirm
from deploy.local.settings import data_dir_of
from deploy.local.supervisor import STOP_SIGNALS
from deploy.local.valkey import DUMP, ValkeyCredentials, valkey_binary, valkey_command, write_private
from runtime.redis_client import blocking_client
from runtime.settings import SettingError

#: Name of the file with the replaced data, by the time of the restore.
REPLACED_DUMP: Final = "dump.before-restore-{}.rdb"
#: Under systemd, the variable that names Valkey's data folder. Users and tokens are in variables too there.
FOLDER: Final = "VALKEY_DATA"
#: Seconds to load a copy, and to save it.
LOADING_SECONDS: Final = 100.0
_POLL_SECONDS: Final = 0.05
_USAGE: Final = "usage: dispycluster restore FILE [--yes]"
_HELP: Final = f"""\
{_USAGE}

Replaces Valkey's data by a copy, and keeps the replaced data in a file. The product must not run. The command lists
the revoked tokens that may become valid again, shows the period for which data will be missing, and asks (--yes: does
not ask). All sessions end."""
_PORT: Final = 6399


class Interrupted(Exception):
    """A signal came before any data were changed."""


def restore(copy: Path, folder: Path, environment: Mapping[str, str], *, yes: bool) -> None:
    """List the revoked tokens that may become valid again, ask, and replace the data in ``folder``.

    Args:
        copy: an RDB file.
        folder: Valkey's data folder, which this user owns.
        environment: variables for the api's commands.
        yes: whether to replace without a question.

    Raises:
        CannotStart: Valkey cannot load the copy, or the user did not confirm; nothing is changed.
        Interrupted: a signal came; nothing is changed.
        OSError: a file cannot be read or written.
    """
    present = folder / DUMP
    if present.exists():
        try:
            _list_revoked(present, environment)
        except (CannotStart, OSError):  # damaged data are a reason to restore
            _say("The revoked tokens cannot be listed, because the current data cannot be read.")
    whole = folder / f".{DUMP}"
    with _temporary_valkey(copy) as (work, url):
        client = blocking_client(url, connect_seconds=10, answer_seconds=LOADING_SECONDS)
        try:
            client.delete(GENERATION_KEY)
            client.save()
        finally:
            client.close()
        content = (work / DUMP).read_bytes()
    _say(describe_data_loss(created_at(copy), time.time()))
    if not yes and not confirm(f"This replaces the data with the copy {copy.name} and ends all sessions."):
        raise CannotStart("Nothing was changed.")
    # No signal may interrupt from here on: between the two renames there is no data file.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    write_private(whole, content)
    result = f"The data of {copy.name} are now in use; all sessions have ended."
    if present.exists():
        replaced = folder / REPLACED_DUMP.format(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        for older in folder.glob(REPLACED_DUMP.format("*")):
            older.unlink()
        present.replace(replaced)
        result += f" The replaced data: {replaced}"
    whole.replace(present)
    _say(result)


def _list_revoked(present: Path, environment: Mapping[str, str]) -> None:
    with _temporary_valkey(present) as (_, url):
        command = [sys.executable, "-P", "-m", "api", "access", "revoked"]
        done = subprocess.run(command, env={**environment, "REDIS_URL": url}, capture_output=True, text=True)
    if done.stdout or done.returncode:
        _say(f"These tokens may become valid again:\n{(done.stdout or done.stderr).rstrip()}")


@contextmanager
def _temporary_valkey(copy: Path) -> Iterator[tuple[Path, str]]:
    """Run a temporary Valkey with the data of ``copy``; yield its folder and its URL."""
    with tempfile.TemporaryDirectory(prefix="dispycluster-restore-") as name:
        work = Path(name)
        shutil.copyfile(copy, work / DUMP)
        port = internal_port({}, "VALKEY_PORT", _PORT)
        credentials = ValkeyCredentials(work, port)
        command = valkey_command(valkey_binary(), port=port, data_dir=work, config=credentials.config)
        # A signal between the start and the try block would leave Valkey running.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            valkey = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_unblock_signals
            )
        except OSError:
            _unblock_signals()
            raise
        try:
            _unblock_signals()
            deadline = time.monotonic() + LOADING_SECONDS
            while not credentials.is_answering():
                if valkey.poll() is not None or time.monotonic() > deadline:
                    raise CannotStart(f"Valkey cannot load {copy}; nothing was changed.")
                time.sleep(_POLL_SECONDS)
            yield work, credentials.url
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
        print(f"{_USAGE}\nName the copy, for example: {RESTORE}", file=sys.stderr)
        return 2
    limit_umask()
    copy, yes = Path(words[0]).expanduser(), "--yes" in given
    for number in STOP_SIGNALS:
        # The exception stops the temporary Valkey and removes its folder.
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
                restore(copy, locked.valkey(), command_environment(os.environ), yes=yes)
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    except (CannotStart, RedisError, LookupError, Interrupted) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _unblock_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted("Nothing was changed.")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
