"""Lines of programs that are not ours, as the services' own log lines are: for people, or in JSON."""

import json
import re
import time
from typing import Final

#: What a line of our services begins with, by ``LOG_FORMAT``: time, level, service; or an object with the time first.
_OURS: Final = {"text": re.compile(r"\S+Z [A-Z]+ \S+: "), "json": re.compile(r'\{"time": "')}


def as_line_of(part: str, text: str, log_format: str) -> str:
    """Return ``text`` as it is where one of our services wrote it; else as a line of ``part``."""
    if _OURS[log_format].match(text):
        return text
    # Some programs name themselves.
    text = text.removeprefix(f"{part}: ")
    if log_format == "text":
        return f"{part}: {text}"
    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    fields = {"time": moment, "level": "INFO", "logger": part, "message": text, "service": part}
    return json.dumps(fields, ensure_ascii=False)
