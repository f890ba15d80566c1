"""Values from people's files, as such a file writes them and not as Python does: ``{hots: 'node1', port: null}``."""

import re
from typing import Final

from runtime.quoted import cut, quoted

#: Parts of a list or mapping that are shown, and how many of them are shown inside each other.
_PARTS: Final = 5
_DEPTH: Final = 3
_PLAIN_KEY: Final = re.compile(r"\w[\w.-]{0,40}")


def literal(value: object) -> str:
    """Return ``value`` as YAML on one line, cut to ``QUOTED_LENGTH`` characters whatever its size; a text in quotes."""
    return cut(_literal(value, _DEPTH))


def _literal(value: object, depth: int) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list() | dict() if depth == 0:
            return "…"
        case list():
            parts = [_literal(part, depth - 1) for part in value[:_PARTS]]
            return f"[{', '.join(_cut(parts, len(value)))}]"
        case dict():
            parts = [f"{_key(key)}: {_literal(value[key], depth - 1)}" for key in list(value)[:_PARTS]]
            return f"{{{', '.join(_cut(parts, len(value)))}}}"
    return quoted(value)


def _key(key: object) -> str:
    return key if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else quoted(key)


def _cut(parts: list[str], count: int) -> list[str]:
    return [*parts, "…"] if count > len(parts) else parts
