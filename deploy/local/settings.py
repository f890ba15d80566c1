"""The settings of ``make run``; everything else in the environment goes to the services as it is."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from access.settings import Mode, read_mode
from deploy.local.commands import ADD_USER, CHECKOUT, RUN, on
from runtime import catalogue
from runtime.settings import Environment, SettingError
from runtime.settings_check import check

#: Folder of a user's data, and the name of ours in it.
#: Source: https://specifications.freedesktop.org/basedir-spec/latest/
_DATA_HOME: Final = "XDG_DATA_HOME"
_DATA_NAME: Final = "dispycluster"
#: Folder of a demo's data in that of the data.
DEMO_DIR = "demo"
#: File in it that lists the simulated nodes.
DEMO_TARGETS = "demo-nodes.yaml"


@dataclass(frozen=True)
class Settings:
    """What the environment says, checked. Paths are absolute."""

    #: Address and port of the pages.
    host: str
    port: int
    access: Mode
    #: ``None``: an embedded Valkey.
    redis_url: str | None
    #: ``None``: ``nodes.yaml`` in ``data_dir``, made where it does not exist.
    targets: Path | None
    #: Simulated nodes instead of targets; 0 for none.
    demo_nodes: int
    #: ``DATA_DIR``, or for a demo a folder in it, so that simulated nodes are in nobody's history.
    data_dir: Path
    #: ``CLUSTER_NAME``; empty where nobody has chosen.
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
        # Read where it is not set as well: a REDIS_CA_FILE without it is a mistake.
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
        """Read the settings, and check those of all services; return what may be a mistake as well, a sentence each.

        Args:
            variables: what is set.
            way: ``run`` or ``systemd``.
            written: the names that a file of settings holds; others are from the environment.

        Raises:
            SettingError: values are not valid; the text names the variable of each.
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

    def command(self, words: str) -> str:
        """A command that works on the same data."""
        return command_on(self.data_dir, words)


def default_data_dir() -> Path:
    """Where the data are, if nothing else is said: ``data`` in a checkout, else among what the user's programs keep.

    Raises:
        SettingError: this user has no home folder.
    """
    if CHECKOUT is not None:
        return CHECKOUT / "data"
    home = os.environ.get(_DATA_HOME, "")
    # By the specification a path that is not absolute does not count.
    return (Path(home) if os.path.isabs(home) else _absolute("DATA_DIR", "~/.local/share")) / _DATA_NAME


def data_dir_of(variables: Mapping[str, str]) -> Path:
    """``DATA_DIR``, as an absolute path; whether it is there is not checked.

    Raises:
        SettingError: the path begins at a folder that is not there.
    """
    text = Environment(variables).value(catalogue.DATA_DIR)
    return _absolute("DATA_DIR", text) if text else default_data_dir()


def targets_of(variables: Mapping[str, str]) -> Path | None:
    """``TARGETS``, as an absolute path; ``None`` where it is not set.

    Raises:
        SettingError: it holds a comma, or begins at a folder that is not there.
    """
    text = Environment(variables).value(catalogue.TARGETS)
    return _without_comma("TARGETS", _absolute("TARGETS", text)) if text else None


def demo_nodes_of(variables: Mapping[str, str]) -> int:
    """``DEMO_NODES``; 0 for no demo.

    Raises:
        SettingError: it is no number of nodes.
    """
    return Environment(variables).value(catalogue.DEMO_NODES)


def _access(environment: Environment, data_dir: Path) -> Mode:
    host = environment.value(catalogue.PUBLIC_HOST)
    return read_mode(environment, command_on(data_dir, ADD_USER.format("ada")), f"{{}} PUBLIC_HOST={host} {RUN}")


def command_on(data_dir: Path, words: str) -> str:
    """``words``, called for the data in ``data_dir``, which is named where it is not the usual one."""
    return words if data_dir == default_data_dir() else on(data_dir, words)


def _absolute(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except FileNotFoundError:
        takes = "a path that begins with /, as the current folder is not there any more"
    except RuntimeError:
        takes = "a path that begins with /, as there is no such home folder"
    raise SettingError(name, text, takes)


def _without_comma(name: str, path: Path) -> Path:
    if "," in str(path):
        # The collector takes several targets files, with commas between them.
        raise SettingError(name, str(path), "a path without a comma")
    return path
