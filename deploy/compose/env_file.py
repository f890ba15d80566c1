"""The variables in ``.env``, as compose reads them. The environment overrides ``.env``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]\s*(.*?)\s*$")
_QUOTED = re.compile(r"(['\"])(.*?)(?<!\\)\1\s*(?:#.*)?$")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")


def parse_env_file(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a file sets, as compose reads them: without quotation marks and trailing comments.

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
            value = _interpolated(value, {**found, **environment})
        found[match[1]] = value
    return found


def read_env_file(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the ``.env`` in a folder; empty if the file is missing."""
    try:
        text = (folder / ".env").read_text(errors="replace")
    except OSError:
        return {}
    return parse_env_file(text, environment)


def _interpolated(value: str, variables: Mapping[str, str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[3], "") or match[2] or ""

    return _VARIABLE.sub(replaced, value.replace("$$", "\0")).replace("\0", "$")
