"""The files in ``/etc/dispycluster``: made where they are missing, never changed where they are there.

Variables stand in them as systemd's ``EnvironmentFile=`` takes them.
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
from deploy.local.ports import inner_port
from deploy.local.refusal import CannotStart
from deploy.local.systemd.layout import Layout
from runtime.catalogue import SETTINGS
from runtime.settings import Environment, SettingError

FIRST: Final = Path(__file__).parent / "first"
#: Ports of loopback that the services take by default.
INNER_PORTS: Final = {"API_PORT": 8000, "WS_PORT": 8001, "COLLECTOR_PORT": 8002}
_VALKEY_PORT: Final = 6385
#: Files that hold passwords, or may: systemd reads them as root.
_PRIVATE: Final = 0o600
_OFFERED: Final = re.compile(r"^#([A-Z][A-Z_]*)=.*$", re.MULTILINE)


class SettingsFiles:
    """What an installation is set to: by its files or, where it has none yet, by what its caller gave.

    Raises:
        SettingError: a value is not valid.
        CannotStart: no port is free for a service.
    """

    def __init__(self, layout: Layout, given: Mapping[str, str]) -> None:
        self._layout = layout
        self._given = given
        self.path = layout.environment
        #: Whether there were no settings before.
        self.is_first = not self.path.exists()
        text = (FIRST / "environment").read_text()
        chosen = {name: given[name].strip() for name in offered(text) if given.get(name, "").strip()}
        if self.is_first:
            for name, default in INNER_PORTS.items():
                port = self._free_port(name, default)
                chosen |= {name: str(port)} if port != default else {}
        self._text = filled_in(text, chosen) if self.is_first else self.path.read_text()
        #: The settings in force.
        self.variables = parsed(self._text)
        #: What was given and is not taken over, since the files say something else.
        self.left_out = [name for name, value in chosen.items() if self.variables.get(name) != value]
        if self.variables.get("REDIS_URL") == "":
            takes = f"a URL, or a # in front of its line in {self.path} for the embedded Valkey"
            raise SettingError("REDIS_URL", "", takes)

    def inner_ports(self) -> dict[str, int]:
        """Ports of loopback by the variables that choose them."""
        ports = {
            name: Environment(self.variables).value(SETTINGS[name], default) for name, default in INNER_PORTS.items()
        }
        path = self._layout.valkey_environment
        if "REDIS_URL" not in self.variables and path.exists():
            ports["VALKEY_URL"] = urlsplit(parsed(path.read_text()).get("VALKEY_URL", "")).port or _VALKEY_PORT
        return ports

    def write(self) -> list[Path]:
        """Make the files that are missing; return them.

        Raises:
            CannotStart: ``TARGETS`` cannot be read, or no port is free for Valkey.
        """
        contents: dict[Path, Callable[[], str]] = {
            self.path: lambda: self._text,
            self._layout.valkey_environment: self._valkey,
            self._layout.nodes: self._targets,
            self._layout.alerts: lambda: (FIRST / "alerts.yaml").read_text(),
        }
        self._layout.settings.mkdir(parents=True, exist_ok=True)
        made = [path for path in contents if not path.exists()]
        for path in made:
            text = contents[path]()
            mode = 0o644 if path.suffix == ".yaml" else _PRIVATE
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
                file.write(text)
        return made

    def _free_port(self, name: str, default: int) -> int:
        return inner_port(self._given, name, default) if self._layout.is_machine else default

    def _valkey(self) -> str:
        url = f"redis://default:{os.urandom(24).hex()}@127.0.0.1:{self._free_port('VALKEY_PORT', _VALKEY_PORT)}/0"
        return (
            "# The embedded Valkey, made by the installer. The URL is for your own scripts too.\n"
            "# To use a Redis of your own, set REDIS_URL in the file `environment` instead.\n"
            f"VALKEY_URL={url}\nREDIS_URL={url}\n"
        )

    def _targets(self) -> str:
        given = self._given.get("TARGETS", "").strip()
        if not given:
            return FIRST_TARGETS.replace(CHECK_NODES, self._layout.called("check-nodes"))
        try:
            return Path(given).expanduser().read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CannotStart(f"TARGETS={given} cannot be read: {error}.") from None


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
