"""The variables that compose replaces in its file: those of ``.env``, and of the environment, which count more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]\s*(.*?)\s*$")
_QUOTED = re.compile(r"(['\"])(.*?)(?<!\\)\1\s*(?:#.*)?$")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")


def parsed(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a file sets, as compose takes them: without quotation marks and comments behind values.

    Source: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        quoted = _QUOTED.match(match[2])
        value = quoted[2] if quoted else _COMMENT.sub("", match[2])
        if quoted is None or quoted[1] == '"':
            value = _filled_in(value, {**found, **environment})
        found[match[1]] = value
    return found


def written_in(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of the ``.env`` in a folder; none where there is no such file."""
    try:
        text = (folder / ".env").read_text(errors="replace")
    except OSError:
        return {}
    return parsed(text, environment)


def _filled_in(value: str, variables: Mapping[str, str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[3], "") or match[2] or ""

    return _VARIABLE.sub(replaced, value.replace("$$", "\0")).replace("\0", "$")
