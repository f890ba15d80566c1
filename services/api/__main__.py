"""Runs the api service: ``python -m api``. With arguments: a command that manages users and tokens."""

import runtime.early_stop  # noqa: F401  # isort: skip (first: the other imports take time)

import os
import signal
import sys

from api.config import Config
from api.server import ListenError, Server, listen
from runtime.logs import configure_logs, refuse_start
from runtime.settings import SettingError


def main() -> int:
    """Serve until a signal stops the service. Return 2 if a setting is not valid or the address is not available."""
    try:
        config = Config.from_environment(os.environ)
        listener = listen(config.host, config.port)
    except (SettingError, ListenError) as error:
        refuse_start("api", str(error), os.environ)
        return 2
    configure_logs("api", config.log_level, config.log_format)
    Server(config, listener).run()
    return 0


def command() -> int:
    """Run the command and return its exit code."""
    from api.access.commands import run

    # SIGTERM interrupts a command before its work is done, so the exit code is not 0.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    return run(sys.argv[1:], os.environ)


if __name__ == "__main__":
    sys.exit(command() if len(sys.argv) > 1 else main())
