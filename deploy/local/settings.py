"""The settings of ``make run``. All other environment variables go to the services unchanged."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from access.settings import Mode, read_mode
from deploy.local.commands import ADD_USER, CHECKOUT, RUN, with_data_dir
from runtime import catalogue
from runtime.settings import Environment, SettingError
from runtime.settings_check import check

#: Variable that names the folder of a user's data, and the name of the product's folder in it.
#: Source: https://specifications.freedesktop.org/basedir-spec/latest/
_DATA_HOME: Final = "XDG_DATA_HOME"
_DATA_NAME: Final = "dispycluster"
#: Name of a demo's folder in the data folder.
DEMO_DIR = "demo"
#: Name of the demo's targets file.
DEMO_TARGETS = "demo-nodes.yaml"


@dataclass(frozen=True)
class Settings:
    """The checked settings. Paths are absolute."""

    #: Address and port of the pages.
    host: str
    port: int
    access: Mode
    #: ``None``: an embedded Valkey.
    redis_url: str | None
    #: ``None``: ``nodes.yaml`` in ``data_dir``, created if it is missing.
    targets: Path | None
    #: Simulated nodes instead of targets; 0 for none.
    demo_nodes: int
    #: ``DATA_DIR``, or a folder in it for a demo, which keeps simulated nodes out of the history of real ones.
    data_dir: Path
    #: ``CLUSTER_NAME``; empty if it is not set.
    cluster_name: str
    log_level: str
    log_format: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Read the settings from a mapping such as ``os.environ``.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        environment = Environment(variables)
        targets = targets_of(variables)
        demo_nodes = demo_nodes_of(variables)
        if demo_nodes and targets:
            raise SettingError("DEMO_NODES", str(demo_nodes), "no value together with TARGETS: use one of them")
        data_dir = _without_comma("DATA_DIR", data_dir_of(variables))
        if demo_nodes:
            data_dir /= DEMO_DIR
        # Also read if it is not set: a REDIS_CA_FILE without a REDIS_URL is an error.
        redis_url = environment.redis_url("local")
        return cls(
            host=environment.value(catalogue.PUBLIC_HOST),
            port=environment.value(catalogue.PORT),
            access=_access(environment, data_dir),
            redis_url=redis_url if environment.is_set(catalogue.REDIS_URL) else None,
            targets=targets,
            demo_nodes=demo_nodes,
            data_dir=data_dir,
            cluster_name=environment.value(catalogue.CLUSTER_NAME, ""),
            log_level=environment.value(catalogue.LOG_LEVEL),
            log_format=environment.value(catalogue.LOG_FORMAT),
        )

    @classmethod
    def checked(
        cls, variables: Mapping[str, str], way: str, written: Iterable[str] = ()
    ) -> tuple[Self, tuple[str, ...]]:
        """Read the settings and check those of all services; return them, and a sentence for each likely mistake.

        Args:
            variables: the variables that are set.
            way: ``run`` or ``systemd``.
            written: names from a settings file; other names are from the environment.

        Raises:
            SettingError: values are not valid; the text names each variable.
        """
        report = check(variables, way, written)
        try:
            settings = cls.from_environment(variables)
        except SettingError as error:
            raise SettingError.of_lines([str(error), *report.faults]) from None
        if report.faults:
            raise SettingError.of_lines(report.faults)
        return settings, report.notes

    @property
    def is_closed(self) -> bool:
        """Whether everybody must sign in."""
        return self.access == "closed"

    def command(self, command: str) -> str:
        """Return a command for the same data folder."""
        return command_on(self.data_dir, command)


def default_data_dir() -> Path:
    """Return the default data folder: ``data`` in a checkout, otherwise a folder in the user's data home.

    Raises:
        SettingError: this user has no home folder.
    """
    if CHECKOUT is not None:
        return CHECKOUT / "data"
    home = os.environ.get(_DATA_HOME, "")
    # The specification ignores a path that is not absolute.
    return (Path(home) if os.path.isabs(home) else _absolute("DATA_DIR", "~/.local/share")) / _DATA_NAME


def data_dir_of(variables: Mapping[str, str]) -> Path:
    """Return ``DATA_DIR`` as an absolute path. The folder need not exist.

    Raises:
        SettingError: the path is relative to a folder that does not exist.
    """
    text = Environment(variables).value(catalogue.DATA_DIR)
    return _absolute("DATA_DIR", text) if text else default_data_dir()


def targets_of(variables: Mapping[str, str]) -> Path | None:
    """Return ``TARGETS`` as an absolute path; ``None`` if it is not set.

    Raises:
        SettingError: the path has a comma, or is relative to a folder that does not exist.
    """
    text = Environment(variables).value(catalogue.TARGETS)
    return _without_comma("TARGETS", _absolute("TARGETS", text)) if text else None


def demo_nodes_of(variables: Mapping[str, str]) -> int:
    """Return ``DEMO_NODES``; 0 for no demo.

    Raises:
        SettingError: the value is not a number of nodes.
    """
    return Environment(variables).value(catalogue.DEMO_NODES)


def _access(environment: Environment, data_dir: Path) -> Mode:
    host = environment.value(catalogue.PUBLIC_HOST)
    return read_mode(environment, command_on(data_dir, ADD_USER.format("ada")), f"{{}} PUBLIC_HOST={host} {RUN}")


def command_on(data_dir: Path, command: str) -> str:
    """Return ``command`` for the data in ``data_dir``. The default folder is not named."""
    return command if data_dir == default_data_dir() else with_data_dir(data_dir, command)


def _absolute(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except FileNotFoundError:
        takes = "a path that begins with /, as the current folder no longer exists"
    except RuntimeError:
        takes = "a path that begins with /, as there is no such home folder"
    raise SettingError(name, text, takes)


def _without_comma(name: str, path: Path) -> Path:
    if "," in str(path):
        # The collector takes several targets files, separated by commas.
        raise SettingError(name, str(path), "a path without a comma")
    return path
