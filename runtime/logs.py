"""Logs for people: one line an event, UTC, the service's name in front; and a way not to fill them."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Final

#: Seconds for which a repeated complaint stays silent.
QUIET_SECONDS: Final = 60.0


def configure_logs(service: str, level: str = "INFO") -> None:
    """Send the log to standard error as ``2026-11-23T09:41:07Z INFO collector: text``."""
    formatter = logging.Formatter(f"%(asctime)s %(levelname)s {service}: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)


class Occasionally:
    """Logs a kind of complaint at most once a minute and says how many it kept to itself.

    Kinds are for the code to name (never text from outside, which would grow the table).
    """

    def __init__(self, logger: logging.Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._quiet_until: dict[str, float] = {}
        self._kept: dict[str, int] = {}

    def warning(self, kind: str, text: str, *args: object) -> bool:
        """Log ``text % args`` unless ``kind`` was logged within the last ``QUIET_SECONDS``; return whether it was."""
        now = self._monotonic()
        if now < self._quiet_until.get(kind, 0.0):
            self._kept[kind] = self._kept.get(kind, 0) + 1
            return False
        self._quiet_until[kind] = now + QUIET_SECONDS
        kept = self._kept.pop(kind, 0)
        self._logger.warning(text + (f" ({kept} more like it since the last such line)" if kept else ""), *args)
        return True
