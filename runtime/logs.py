"""Logs, one line an event in UTC: for people, or as JSON; and a way not to fill them."""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from runtime.settings import chosen_log_format

#: Seconds for which a repeated complaint stays silent.
QUIET_SECONDS: Final = 60.0


def configure_logs(service: str, level: str = "INFO", log_format: str = "text") -> None:
    """Send the log to standard error.

    As ``text`` a line is ``2026-11-23T09:41:07Z INFO collector: text``. As ``json`` it is an object with ``time``,
    ``level``, ``service``, ``logger`` and ``message``, with ``exception`` (a traceback) where there was one, and with
    the ``extra`` fields of the call.
    """
    formatter = _json_formatter(service) if log_format == "json" else _text_formatter(service)
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)


def refuse_start(service: str, text: str, variables: Mapping[str, str]) -> None:
    """Log why ``service`` does not start, a line each, in the format of ``variables``: settings may not be readable."""
    configure_logs(service, log_format=chosen_log_format(variables))
    for line in text.splitlines():
        logging.getLogger(service).error("%s", line)


def _text_formatter(service: str) -> logging.Formatter:
    return logging.Formatter(f"%(asctime)s %(levelname)s {service}: %(message)s", "%Y-%m-%dT%H:%M:%SZ")


def _json_formatter(service: str) -> logging.Formatter:
    # Imported only where it is chosen: it costs memory.
    from pythonjsonlogger.json import JsonFormatter

    formatter = JsonFormatter(
        "{asctime}{levelname}{name}{message}",
        style="{",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"},
        static_fields={"service": service},
        json_ensure_ascii=False,
    )
    # As contract timestamps are.
    formatter.default_time_format, formatter.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    return formatter


class RateLimitedLog:
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
