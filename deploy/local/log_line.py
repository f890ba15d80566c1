"""Formats lines of foreign programs like the log lines of our services: as text or as JSON."""

import json
import re
import time
from typing import Final

#: Beginning of a log line of our services, by ``LOG_FORMAT``: time, level and service; or a JSON object with the time.
_OURS: Final = {"text": re.compile(r"\S+Z [A-Z]+ \S+: "), "json": re.compile(r'\{"time": "')}


def as_log_line(program: str, text: str, log_format: str) -> str:
    """Return ``text`` unchanged if one of our services wrote it, otherwise as a log line of ``program``."""
    if _OURS[log_format].match(text):
        return text
    # Some programs write their own name.
    text = text.removeprefix(f"{program}: ")
    if log_format == "text":
        return f"{program}: {text}"
    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    fields = {"time": moment, "level": "INFO", "logger": program, "message": text, "service": program}
    return json.dumps(fields, ensure_ascii=False)
