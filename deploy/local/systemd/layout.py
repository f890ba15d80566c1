"""Where everything of the installed product lies, and what it is called."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.access_dir import AccessDir

#: Runs the services and owns Valkey's data.
USER: Final = "dispycluster"
TARGET: Final = "dispycluster.target"
#: In the order of their start.
SERVICES: Final = (
    "dispycluster-valkey.service",
    "dispycluster-collector.service",
    "dispycluster-api.service",
    "dispycluster-gateway.service",
)


@dataclass(frozen=True)
class Layout:
    """Paths under ``root``, which is ``/`` but for tests and packagers. The units name them without it."""

    root: Path = Path("/")

    @property
    def is_machine(self) -> bool:
        """Whether this is where systemd looks, not a folder that becomes a machine's root later."""
        return self.root == Path("/")

    @property
    def code(self) -> Path:
        """A folder for each installed release, and ``current``."""
        return self.root / "opt/dispycluster"

    @property
    def current(self) -> Path:
        """A link to the release that the services run."""
        return self.code / "current"

    @property
    def python(self) -> Path:
        """The Python of that release."""
        return self.current / ".venv/bin/python"

    @property
    def settings(self) -> Path:
        """What people edit."""
        return self.root / "etc/dispycluster"

    @property
    def environment(self) -> Path:
        """Variables of all services."""
        return self.settings / "environment"

    @property
    def valkey_environment(self) -> Path:
        """Address and password of the embedded Valkey, for root alone: systemd hands it to the services."""
        return self.settings / "valkey.environment"

    @property
    def access(self) -> AccessDir:
        """Key, users and tokens, which belong to the services' user."""
        return AccessDir(self.settings / "access")

    @property
    def nodes(self) -> Path:
        """The targets."""
        return self.settings / "nodes.yaml"

    @property
    def alerts(self) -> Path:
        """Changes to the alert rules."""
        return self.settings / "alerts.yaml"

    @property
    def units(self) -> Path:
        """Where systemd looks for the units of an administrator."""
        return self.root / "etc/systemd/system"

    @property
    def data(self) -> Path:
        """Valkey's data; the unit makes it."""
        return self.root / "var/lib/dispycluster"

    @property
    def make_user(self) -> str:
        """The command that makes a user."""
        return f"sudo {self.python} -m deploy.local.systemd user add NAME"
