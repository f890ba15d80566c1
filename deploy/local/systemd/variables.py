"""Files of variables as systemd's ``EnvironmentFile=`` takes them."""

import re
import shlex
from collections.abc import Mapping
from typing import Final

from runtime.settings import SettingError

_OFFERED: Final = re.compile(r"^#([A-Z][A-Z_]*)=.*$", re.MULTILINE)


def parsed(text: str) -> dict[str, str]:
    """The variables that a file sets. Lines that are continued by a backslash are not understood."""
    variables = {}
    for line in map(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            value = value.strip()
            try:
                variables[name.strip()] = shlex.split(value)[0] if value.startswith(('"', "'")) else value
            except ValueError:  # a quotation mark without its fellow
                variables[name.strip()] = value
    return variables


def offered(text: str) -> list[str]:
    """Names of the variables that a file has as ``#NAME=default``."""
    return _OFFERED.findall(text)


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """Set those variables of a file for which there is a value.

    Raises:
        SettingError: a value has more than one line.
    """
    for name, value in values.items():
        if not value.isprintable():
            raise SettingError(name, value, "one line of text")
    return _OFFERED.sub(
        lambda match: f"{match[1]}={_quoted(values[match[1]])}" if values.get(match[1]) else match[0], text
    )


def _quoted(value: str) -> str:
    if re.fullmatch(r"[^\s\"'\\$`#;]+", value):
        return value
    # Between double quotation marks systemd expands nothing.
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
