"""Logs with one line for each event, in UTC, as text or JSON; and a rate limit for repeated warnings."""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from runtime.settings import chosen_log_format

#: Seconds for which repeats of a warning are suppressed.
QUIET_SECONDS: Final = 60.0


def configure_logs(service: str, level: str = "INFO", log_format: str = "text") -> None:
    """Send the log to standard error.

    A line in the format ``text`` is ``2026-11-23T09:41:07Z INFO collector: text``. In the format ``json`` it is an
    object with ``time``, ``level``, ``service``, ``logger``, ``message``, the ``extra`` fields of the call, and the
    traceback of an exception as ``exception``.
    """
    formatter = _json_formatter(service) if log_format == "json" else _text_formatter(service)
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)


def refuse_start(service: str, text: str, variables: Mapping[str, str]) -> None:
    """Log why ``service`` does not start, line by line.

    The log format comes from ``variables``, because the service's settings may be invalid.
    """
    configure_logs(service, log_format=chosen_log_format(variables))
    for line in text.splitlines():
        logging.getLogger(service).error("%s", line)


def _text_formatter(service: str) -> logging.Formatter:
    return logging.Formatter(f"%(asctime)s %(levelname)s {service}: %(message)s", "%Y-%m-%dT%H:%M:%SZ")


def _json_formatter(service: str) -> logging.Formatter:
    # Imported only for JSON, because the module costs memory.
    from pythonjsonlogger.json import JsonFormatter

    formatter = JsonFormatter(
        "{asctime}{levelname}{name}{message}",
        style="{",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"},
        static_fields={"service": service},
        json_ensure_ascii=False,
    )
    # The format of the contract's timestamps.
    formatter.default_time_format, formatter.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    return formatter


class RateLimitedLog:
    """Logs each kind of warning at most once a minute, with the number of suppressed repeats.

    A kind is a constant of the code. Text from outside would let the table grow without bound.
    """

    def __init__(self, logger: logging.Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._quiet_until: dict[str, float] = {}
        self._kept: dict[str, int] = {}

    def warning(self, kind: str, text: str, *args: object) -> bool:
        """Log ``text % args`` unless ``kind`` was logged in the last ``QUIET_SECONDS``; return True if logged."""
        now = self._monotonic()
        if now < self._quiet_until.get(kind, 0.0):
            self._kept[kind] = self._kept.get(kind, 0) + 1
            return False
        self._quiet_until[kind] = now + QUIET_SECONDS
        kept = self._kept.pop(kind, 0)
        self._logger.warning(text + (f" ({kept} more since the last such line)" if kept else ""), *args)
        return True
