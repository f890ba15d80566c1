"""The types of the settings for target lists of HTTP servers (``http_sd``).

Standard library only, Python 3.9 and later: compose checks settings on hosts without a venv.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from runtime.value_types import InvalidValue, ValueType


def _urls(text: str) -> tuple[str, ...]:
    # A comma may also be a part of a URL, unless another URL follows.
    found = tuple(filter(None, (word.strip(",") for word in re.split(r"\s+|,(?=https?://)", text))))
    for word in found:
        if not _is_url(word):
            raise InvalidValue(word)
    return found


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    is_clean = text.isascii() and text.isprintable() and "@" not in parts.netloc and "#" not in text
    return parts.scheme in ("http", "https") and bool(host) and port != 0 and is_clean


def _options(*names: str) -> ValueType[dict[str, str]]:
    """Return the type of fields with values, such as ``username=prometheus, password_file=sd.password``."""

    def read(text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in text.split(","):
            name, equals, value = (word.strip() for word in part.partition("="))
            if name or equals:
                if name not in names or not value or name in found:
                    raise InvalidValue(name)
                found[name] = value
        return found

    return ValueType(f"fields name=value, separated by commas; the names are {', '.join(names)}", read)


#: A password in a URL would appear in logs and messages.
URLS: ValueType[tuple[str, ...]] = ValueType(
    "URLs http://… or https://…, separated by spaces, without a user name and a password, which belong into "
    "COLLECTOR_HTTP_SD_OPTIONS and a file",
    _urls,
)
#: The fields that an entry of ``nodes.yaml`` has, except the scheme, which is a part of the URL.
OPTIONS: ValueType[dict[str, str]] = _options(
    "ca_file", "server_name", "insecure", "username", "password_file", "bearer_token_file", "credentials_over_http"
)
