"""Start the embedded Valkey for its unit: ``python -m deploy.local.systemd.valkey``.

``--wait`` waits until Valkey answers. ``VALKEY_URL`` holds the port and the password; systemd sets ``STATE_DIRECTORY``
and ``RUNTIME_DIRECTORY``.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

from deploy.local.refusal import CannotStart
from deploy.local.valkey import TIME_ZONE, is_answering, require_undamaged, valkey_binary, valkey_command, write_private

#: Seconds for Valkey to load its data.
LOADING_SECONDS: Final = 100.0
_POLL_SECONDS: Final = 0.1


def start(port: int, password: str) -> NoReturn:
    """Replace this process by Valkey.

    Raises:
        CannotStart: the data are damaged.
        LookupError: there is no Valkey for this machine.
    """
    data_dir = Path(os.environ["STATE_DIRECTORY"])
    require_undamaged(data_dir, "sudo dispycluster restore dump.rdb")
    config = Path(os.environ["RUNTIME_DIRECTORY"]) / "access.conf"
    write_private(config, f"requirepass {password}\n")
    command = valkey_command(valkey_binary(), port=port, data_dir=data_dir, config=config)
    # Valkey needs none of this process's variables, and one of them holds a password.
    os.execve(command[0], command, {"LANG": "C.UTF-8", **TIME_ZONE})  # noqa: S606


def wait(port: int, password: str) -> int:
    """Return 0 when Valkey answers, 1 after a timeout."""
    deadline = time.monotonic() + LOADING_SECONDS
    while not is_answering(port, password):
        if time.monotonic() > deadline:
            print(f"valkey: no answer on port {port} after {LOADING_SECONDS:g} s", file=sys.stderr)
            return 1
        time.sleep(_POLL_SECONDS)
    return 0


def main() -> int:
    """Return the exit code, unless Valkey replaces this process."""
    url = urlsplit(os.environ.get("VALKEY_URL", ""))
    if not url.port or not url.password:
        print("valkey: VALKEY_URL must be redis://default:password@127.0.0.1:port/0", file=sys.stderr)
        return 2
    if "--wait" in sys.argv[1:]:
        return wait(url.port, url.password)
    try:
        start(url.port, url.password)
    except LookupError as error:
        print(f"valkey: {error}: run sudo make install-service again, or set REDIS_URL", file=sys.stderr)
    except CannotStart as refusal:
        print(f"valkey: {refusal}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
