"""Runs the api service: ``python -m api``."""

import contract.runtime.early_stop  # noqa: F401  # isort: skip (first: importing the rest takes its time)

import os
import sys

from api.config import Config
from api.server import ListenError, Server, listen
from contract.runtime.logs import configure_logs
from contract.runtime.settings import SettingError


def main() -> int:
    """Serve until told to stop; return 2 where the settings or the address do not allow it."""
    try:
        config = Config.from_environment(os.environ)
        listener = listen(config.host, config.port)
    except (SettingError, ListenError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    configure_logs("api", config.log_level)
    Server(config, listener).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
