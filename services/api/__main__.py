"""Runs the api service: ``python -m api``; with arguments, a command about users or tokens."""

import runtime.early_stop  # noqa: F401  # isort: skip (first: importing the rest takes its time)

import os
import signal
import sys

from api.config import Config
from api.server import ListenError, Server, listen
from runtime.logs import configure_logs, refuse_start
from runtime.settings import SettingError


def main() -> int:
    """Serve until told to stop; return 2 where the settings or the address do not allow it."""
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
    """Do what the command line says; return its exit code."""
    from api.access.commands import run

    # Unlike a start, a command that is told to stop has not done what it was for.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    return run(sys.argv[1:], os.environ)


if __name__ == "__main__":
    sys.exit(command() if len(sys.argv) > 1 else main())
