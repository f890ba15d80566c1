"""Shared functions of the commands about users and tokens: terminal, folders, files, and revocation."""

import base64
import getpass
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis

from access.credential_folder import NAME
from api.access.revocation_store import send_revocation
from api.config import saves_revocations
from contract.codec import encode
from runtime.catalogue import SETTINGS
from runtime.quoting import quoted
from runtime.redis_client import blocking_client
from runtime.redis_failures import RedisFailure, translated
from runtime.settings import Environment

#: Longest time, in seconds, to connect to Redis and to wait for each answer.
REDIS_SECONDS: Final = 5.0
#: The kubelet creates this link in the folder of a Secret, which is read-only in the pod.
#: Source: https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod
_KUBELETS_LINK: Final = "..data"
#: When a change of a Secret takes effect.
_AFTER_KUBECTL: Final = " once you have run that line with kubectl"
#: File with the namespace of a pod that has a service account.
#: Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api
_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_UNKNOWN_NAMESPACE: Final = "NAMESPACE"
#: Longest line with a password, in bytes.
_LINE_BYTES: Final = 8192


class CommandError(Exception):
    """The command has failed. The text is for people."""


class RevocationFailed(CommandError):
    """Redis did not store a revocation."""


class ProductNotRunning(RevocationFailed):
    """The product's own Redis does not run. The text names the command that starts it."""


class CommandEnvironment(Environment):
    """The settings of a command.

    ``not_running_reason`` explains why the product's own Redis does not run, or is empty.
    """

    def __init__(self, variables: Mapping[str, str], not_running_reason: str = "") -> None:
        super().__init__(variables)
        self.not_running_reason: Final = not_running_reason


def folder_of(environment: Environment, variable: str) -> Path:
    """Return the folder of a setting.

    Raises:
        CommandError: the variable is not set.
    """
    folder = environment.path(SETTINGS[variable])
    if folder is None:
        raise CommandError(f"{variable} is not set; this command needs this setting")
    return folder


def print_message(text: str) -> None:
    """Print a message for people to standard error. Standard output is for other programs."""
    print(text, file=sys.stderr)  # noqa: T201


def print_output(text: str) -> None:
    """Print a result to standard output.

    Raises:
        CommandError: standard output is closed.
    """
    require_output()
    print(text)  # noqa: T201


def require_output() -> None:
    """Check that standard output is open.

    Raises:
        CommandError: standard output is closed.
    """
    if sys.stdout is None:
        raise CommandError("standard output is closed; nothing was changed")


def ask_password() -> str:
    """Ask twice on a terminal; without a terminal, read the first line of standard input.

    Raises:
        CommandError: the two passwords differ, or the input is not text.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise CommandError("the two passwords differ; nothing was changed")
        return password
    line = sys.stdin.buffer.readline(_LINE_BYTES)
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CommandError("the password on standard input is not UTF-8") from None


def print_patch(files: Mapping[str, bytes | None]) -> None:
    """Print a JSON merge patch (RFC 7396) that adds files to a Kubernetes Secret, or removes them (``None``)."""
    print_output(_patch(files))


def _patch(files: Mapping[str, bytes | None]) -> str:
    data = {name: None if content is None else base64.b64encode(content).decode() for name, content in files.items()}
    return encode({"data": data}).decode()


def is_secret(folder: Path) -> bool:
    """Return whether the folder belongs to a Kubernetes Secret."""
    return (folder / _KUBELETS_LINK).is_symlink()


def change_file(folder: Path, name: str, content: bytes | None) -> str:
    """Write the file of a user or a token, or remove it (``None``). For a Secret, print the command that does so.

    Returns:
        An empty text if the change is done, else a text that explains when it takes effect.

    Raises:
        CommandError: the change failed.
    """
    if is_secret(folder):
        # The Secrets are named after their folders: access-users is /access/users.
        namespace = _namespace()
        print_output(f"kubectl -n {namespace} patch secret access-{folder.name} --patch '{_patch({name: content})}'")
        if namespace == _UNKNOWN_NAMESPACE:
            print_message(f"in that line, replace {_UNKNOWN_NAMESPACE} with the product's namespace")
        return _AFTER_KUBECTL
    if content is None:
        remove_file(folder, name)
    else:
        write_file(folder, name, content)
    return ""


def _namespace() -> str:
    """Return the pod's namespace, or a placeholder if it is unknown."""
    try:
        return _NAMESPACE_FILE.read_text().strip() or _UNKNOWN_NAMESPACE
    except (OSError, UnicodeDecodeError):
        return _UNKNOWN_NAMESPACE


def revoke(environment: CommandEnvironment, member: str, until: float) -> None:
    """Revoke in Redis. Sockets and sessions end within a moment.

    Raises:
        ProductNotRunning: the product's own Redis does not run.
        RevocationFailed: Redis did not store the revocation.
    """
    try:
        with redis_client(environment) as client:
            send_revocation(client, member, until, time.time(), is_saved=saves_revocations(environment))
    except RedisFailure as error:
        raise RevocationFailed(str(error)) from None


@contextmanager
def redis_client(environment: CommandEnvironment) -> Iterator[redis.Redis]:
    """Yield a Redis client for a few queries.

    Raises:
        ProductNotRunning: the product's own Redis does not run.
        RedisFailure: Redis does not answer, or answers with an error.
    """
    if environment.not_running_reason:
        raise ProductNotRunning(environment.not_running_reason)
    url = environment.redis_url("api")
    client = blocking_client(url, connect_seconds=REDIS_SECONDS, answer_seconds=REDIS_SECONDS)
    try:
        with translated():
            yield client
    finally:
        client.close()


def require_name(name: str) -> None:
    """Check that a name is valid for a user or a token.

    Raises:
        CommandError: the name is not valid.
    """
    if not NAME.fullmatch(name):
        raise CommandError(
            f"{quoted(name)} is not a valid name: a name has 1 to 64 characters from A-Z, a-z, 0-9, '.', '_' and '-' "
            "and begins with a letter or a digit"
        )


def write_file(folder: Path, name: str, content: bytes) -> None:
    """Write a file that only its owner may read. Create a missing folder.

    Raises:
        CommandError: the file cannot be written.
    """
    try:
        # The parent of the users' and tokens' folders is private as well.
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        # Services ignore names with a leading dot, so they never read an incomplete file.
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            Path(temporary).replace(folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync(folder)
    except OSError as error:
        raise CommandError(f"{folder / name} cannot be written: {error.strerror}") from None


def require_writable(folder: Path) -> None:
    """Check that files can be written to a folder, or that the folder can be created.

    Raises:
        CommandError: the folder is not writable.
    """
    if is_secret(folder):
        raise CommandError(
            f"{folder} belongs to a Kubernetes Secret, which only kubectl can change; nothing was changed"
        )
    existing = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise CommandError(f"{folder} cannot be written: {existing} is not a writable folder; nothing was changed")


def require_readable(folder: Path) -> None:
    """Check that the files of a folder can be listed. A missing folder has no files.

    Raises:
        CommandError: the folder is not readable.
    """
    try:
        os.scandir(folder).close()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CommandError(f"{folder} cannot be read: {error.strerror}") from None


def remove_file(folder: Path, name: str) -> None:
    """Remove a file.

    Raises:
        CommandError: the file is missing or cannot be removed.
    """
    try:
        (folder / name).unlink()
        _sync(folder)
    except OSError as error:
        raise CommandError(f"{folder / name} cannot be removed: {error.strerror}") from None


def _sync(folder: Path) -> None:
    """Flush the folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
