"""Run one ws replica: ``python -m ws``."""

import runtime.early_stop  # noqa: F401  # isort: skip (first: the other imports take long)
import ws.loop  # noqa: F401  # isort: skip (patches modules that the others import)

import os
import sys

from runtime.logs import configure_logs, refuse_start
from runtime.settings import SettingError
from ws.config import Config
from ws.service import run


def main() -> int:
    """Return the exit code."""
    try:
        config = Config.from_environment(os.environ)
    except SettingError as error:
        refuse_start("ws", str(error), os.environ)
        return 2
    configure_logs("ws", config.log_level, config.log_format)
    return run(config)


if __name__ == "__main__":
    sys.exit(main())
