"""What the commands about users and tokens have in common: terminal, folders, files, and revoking at once."""

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

#: Seconds that Redis may take.
REDIS_SECONDS: Final = 5.0
#: What the kubelet keeps in the folder of a Secret, which nobody in the pod can write.
#: Source: https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod
_KUBELETS_LINK: Final = "..data"
#: What a change in such a folder waits for.
_AFTER_KUBECTL: Final = " once that line has run where kubectl is"
#: Where a pod with a service account finds its namespace.
#: Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api
_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_UNKNOWN_NAMESPACE: Final = "NAMESPACE"
#: Bytes of a password's line that are read.
_LINE_BYTES: Final = 8192


class CommandError(Exception):
    """The command did not do what it was for; the text is for people."""


class RevocationFailed(CommandError):
    """Redis did not take a revocation."""


class ProductNotRunning(RevocationFailed):
    """There is no Redis to ask, as the product does not run; the text says what starts it."""


class CommandEnvironment(Environment):
    """The settings of a command.

    ``stopped``: why there is no Redis to ask, as a sentence, where the product's own Redis does not run; else empty.
    """

    def __init__(self, variables: Mapping[str, str], stopped: str = "") -> None:
        super().__init__(variables)
        self.stopped: Final = stopped


def folder_of(environment: Environment, variable: str) -> Path:
    """The folder that a variable names.

    Raises:
        CommandError: it is not set.
    """
    folder = environment.path(SETTINGS[variable])
    if folder is None:
        raise CommandError(f"{variable} is not set: it names the folder that this is about")
    return folder


def print_message(text: str) -> None:
    """Say something to who gave the command; what other programs read goes to standard output."""
    print(text, file=sys.stderr)  # noqa: T201


def print_output(text: str) -> None:
    """Write what the command was for to standard output.

    Raises:
        CommandError: it is closed.
    """
    require_output()
    print(text)  # noqa: T201


def require_output() -> None:
    """Check that there is a standard output.

    Raises:
        CommandError: it is closed.
    """
    if sys.stdout is None:
        raise CommandError("standard output is closed: there is nowhere to write to; nothing was changed")


def ask_password() -> str:
    """Ask twice at a terminal; without one, read the first line of standard input.

    Raises:
        CommandError: the two differ, or it is no text.
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
    """Write a JSON merge patch (RFC 7396) that puts files into a Kubernetes Secret, or takes them out (``None``)."""
    print_output(_patch(files))


def _patch(files: Mapping[str, bytes | None]) -> str:
    data = {name: None if content is None else base64.b64encode(content).decode() for name, content in files.items()}
    return encode({"data": data}).decode()


def is_secret(folder: Path) -> bool:
    """Whether a folder is that of a Kubernetes Secret."""
    return (folder / _KUBELETS_LINK).is_symlink()


def change_file(folder: Path, name: str, content: bytes | None) -> str:
    """Write a file of a user or a token, or remove it (``None``); of a Secret, show the line that does so.

    Returns:
        Nothing where it is done, else the words of what it waits for.

    Raises:
        CommandError: it cannot be done.
    """
    if is_secret(folder):
        # access-users is at /access/users, access-tokens likewise.
        namespace = _namespace()
        print_output(f"kubectl -n {namespace} patch secret access-{folder.name} --patch '{_patch({name: content})}'")
        if namespace == _UNKNOWN_NAMESPACE:
            print_message(f"in that line, put the product's namespace in place of {_UNKNOWN_NAMESPACE}")
        return _AFTER_KUBECTL
    if content is None:
        remove_file(folder, name)
    else:
        write_file(folder, name, content)
    return ""


def _namespace() -> str:
    """The pod's namespace, or what stands for it where the pod is not told."""
    try:
        return _NAMESPACE_FILE.read_text().strip() or _UNKNOWN_NAMESPACE
    except (OSError, UnicodeDecodeError):
        return _UNKNOWN_NAMESPACE


def revoke(environment: CommandEnvironment, member: str, until: float) -> None:
    """Revoke in Redis, which ends sockets and sessions within a moment.

    Raises:
        ProductNotRunning, RevocationFailed: it did not happen.
    """
    try:
        with redis_client(environment) as client:
            send_revocation(client, member, until, time.time(), is_saved=saves_revocations(environment))
    except RedisFailure as error:
        raise RevocationFailed(str(error)) from None


@contextmanager
def redis_client(environment: CommandEnvironment) -> Iterator[redis.Redis]:
    """Give a client for a few questions.

    Raises:
        ProductNotRunning: there is none to ask.
        RedisFailure: Redis does not answer, or refuses.
    """
    if environment.stopped:
        raise ProductNotRunning(environment.stopped)
    url = environment.redis_url("api")
    client = blocking_client(url, connect_seconds=REDIS_SECONDS, answer_seconds=REDIS_SECONDS)
    try:
        with translated():
            yield client
    finally:
        client.close()


def require_name(name: str) -> None:
    """Check that a name may be that of a user or a token.

    Raises:
        CommandError: it may not.
    """
    if not NAME.fullmatch(name):
        raise CommandError(
            f"{quoted(name)} is no name: it takes 1 to 64 of A-Z a-z 0-9 . _ - and begins with none of . _ -"
        )


def write_file(folder: Path, name: str, content: bytes) -> None:
    """Put a file in its place, which only its owner may read; a missing folder is made.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        # The folder that holds users and tokens is its owner's alone, too.
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        # A leading dot: nobody reads it before it is whole.
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
    """Check that files can be put into a folder, or that it can be made.

    Raises:
        CommandError: they cannot, or it cannot.
    """
    if is_secret(folder):
        raise CommandError(f"{folder} is that of a Kubernetes Secret, which kubectl alone writes; nothing was changed")
    existing = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise CommandError(f"{folder} cannot be written, because of {existing}; nothing was changed")


def require_readable(folder: Path) -> None:
    """Check that the files of a folder can be listed; a missing one has none.

    Raises:
        CommandError: they cannot.
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
        CommandError: there is none, or it cannot be removed.
    """
    try:
        (folder / name).unlink()
        _sync(folder)
    except OSError as error:
        raise CommandError(f"{folder / name} cannot be removed: {error.strerror}") from None


def _sync(folder: Path) -> None:
    """Have the folder's own change survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
