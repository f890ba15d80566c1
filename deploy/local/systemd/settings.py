"""The files in ``/etc/dispycluster``: missing files are created, existing files never change.

Variables have the format of systemd's ``EnvironmentFile=``.
"""

import os
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deploy.local.commands import CHECK_NODES
from deploy.local.data_dir import FIRST_TARGETS
from deploy.local.ports import internal_port
from deploy.local.refusal import CannotStart
from deploy.local.systemd.layout import Layout
from runtime.catalogue import SETTINGS
from runtime.settings import Environment, SettingError

TEMPLATES: Final = Path(__file__).parent / "first"
#: Default loopback ports of the services.
INTERNAL_PORTS: Final = {"API_PORT": 8000, "WS_PORT": 8001, "COLLECTOR_PORT": 8002}
_VALKEY_PORT: Final = 6385
#: Mode of files that may hold passwords. systemd reads them as root.
_PRIVATE: Final = 0o600
_OPTIONAL: Final = re.compile(r"^#([A-Z][A-Z_]*)=.*$", re.MULTILINE)


class SettingsFiles:
    """The settings of an installation: from its files, or from the caller's variables if there are no files yet.

    Raises:
        SettingError: a value is not valid.
        CannotStart: no port is free for a service.
    """

    def __init__(self, layout: Layout, given: Mapping[str, str]) -> None:
        self._layout = layout
        self._given = given
        self.path = layout.environment
        #: Whether there is no settings file yet.
        self.is_first = not self.path.exists()
        text = (TEMPLATES / "environment").read_text()
        chosen = {name: given[name].strip() for name in optional_variables(text) if given.get(name, "").strip()}
        if self.is_first:
            for name, default in INTERNAL_PORTS.items():
                port = self._free_port(name, default)
                chosen |= {name: str(port)} if port != default else {}
        self._text = fill_in(text, chosen) if self.is_first else self.path.read_text()
        #: The settings in force.
        self.variables = parse_environment(self._text)
        #: Names of the caller's variables that differ from the existing file, which has priority.
        self.ignored = [name for name, value in chosen.items() if self.variables.get(name) != value]
        if self.variables.get("REDIS_URL") == "":
            takes = f"a URL; for the embedded Valkey, put a # in front of the line in {self.path}"
            raise SettingError("REDIS_URL", "", takes)

    def internal_ports(self) -> dict[str, int]:
        """Return the loopback ports, by the variables that set them."""
        ports = {
            name: Environment(self.variables).value(SETTINGS[name], default) for name, default in INTERNAL_PORTS.items()
        }
        path = self._layout.valkey_environment
        if "REDIS_URL" not in self.variables and path.exists():
            ports["VALKEY_URL"] = (
                urlsplit(parse_environment(path.read_text()).get("VALKEY_URL", "")).port or _VALKEY_PORT
            )
        return ports

    def write(self) -> list[Path]:
        """Create the files that are missing; return their paths.

        Raises:
            CannotStart: ``TARGETS`` cannot be read, or no port is free for Valkey.
        """
        contents: dict[Path, Callable[[], str]] = {
            self.path: lambda: self._text,
            self._layout.valkey_environment: self._valkey,
            self._layout.nodes: self._targets,
            self._layout.alerts: lambda: (TEMPLATES / "alerts.yaml").read_text(),
        }
        self._layout.settings.mkdir(parents=True, exist_ok=True)
        missing = [path for path in contents if not path.exists()]
        for path in missing:
            text = contents[path]()
            mode = 0o644 if path.suffix == ".yaml" else _PRIVATE
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
                file.write(text)
        return missing

    def _free_port(self, name: str, default: int) -> int:
        return internal_port(self._given, name, default) if self._layout.is_machine else default

    def _valkey(self) -> str:
        url = f"redis://default:{os.urandom(24).hex()}@127.0.0.1:{self._free_port('VALKEY_PORT', _VALKEY_PORT)}/0"
        return (
            "# The embedded Valkey. The installer wrote this file. Your own scripts may use the URL too.\n"
            "# To use a Redis of your own, set REDIS_URL in the file `environment` instead.\n"
            f"VALKEY_URL={url}\nREDIS_URL={url}\n"
        )

    def _targets(self) -> str:
        given = self._given.get("TARGETS", "").strip()
        if not given:
            return FIRST_TARGETS.replace(CHECK_NODES, self._layout.command_line("check-nodes"))
        try:
            return Path(given).expanduser().read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CannotStart(f"TARGETS={given} cannot be read: {error}.") from None


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables that a file sets. A backslash at the end of a line does not continue the line."""
    variables = {}
    for line in map(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            value = value.strip()
            try:
                variables[name.strip()] = shlex.split(value)[0] if value.startswith(('"', "'")) else value
            except ValueError:  # a quotation mark is not closed
                variables[name.strip()] = value
    return variables


def optional_variables(text: str) -> list[str]:
    """Return the names of the variables that a file has as ``#NAME=default``."""
    return _OPTIONAL.findall(text)


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with each ``#NAME=default`` replaced by ``NAME=value``, if ``values`` has a value.

    Raises:
        SettingError: a value has more than one line.
    """
    for name, value in values.items():
        if not value.isprintable():
            raise SettingError(name, value, "one line of text")
    return _OPTIONAL.sub(
        lambda match: f"{match[1]}={_quoted(values[match[1]])}" if values.get(match[1]) else match[0], text
    )


def _quoted(value: str) -> str:
    if re.fullmatch(r"[^\s\"'\\$`#;]+", value):
        return value
    # systemd expands no variables between double quotation marks.
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
