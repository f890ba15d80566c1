"""The settings of ``make run``; everything else in the environment goes to the services as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from access.settings import Mode, read_mode
from deploy.local.commands import ADD_USER, RUN, on
from runtime.settings import Environment, SettingError

#: As many as one collector takes.
DEMO_NODES_LIMIT = 4000
#: Where the data are, if nothing else is said.
DATA_DIR = "data"
#: Folder of a demo's data in that of the data.
DEMO_DIR = "demo"


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
        targets = environment.text("TARGETS", "")
        demo_nodes = environment.integer("DEMO_NODES", 0, minimum=0, maximum=DEMO_NODES_LIMIT)
        if demo_nodes and targets:
            raise SettingError("DEMO_NODES", str(demo_nodes), "no value beside TARGETS: it is one or the other")
        data_dir = _absolute("DATA_DIR", environment.text("DATA_DIR", DATA_DIR))
        if demo_nodes:
            data_dir /= DEMO_DIR
        # Read where it is not set as well: a REDIS_CA_FILE without it is a mistake.
        redis_url = environment.redis_url("local")
        return cls(
            host=environment.text("PUBLIC_HOST", "127.0.0.1"),
            port=environment.port("PORT", 8085),
            access=_access(environment, data_dir),
            redis_url=redis_url if environment.text("REDIS_URL", "") else None,
            targets=_absolute("TARGETS", targets) if targets else None,
            demo_nodes=demo_nodes,
            data_dir=data_dir,
            cluster_name=environment.text("CLUSTER_NAME", ""),
            log_level=environment.log_level(),
            log_format=environment.log_format(),
        )

    @property
    def is_closed(self) -> bool:
        """Whether everybody must sign in."""
        return self.access == "closed"

    def command(self, words: str) -> str:
        """A command that works on the same data."""
        return _on(self.data_dir, words)


def _access(environment: Environment, data_dir: Path) -> Mode:
    host = environment.text("PUBLIC_HOST", "")
    return read_mode(environment, _on(data_dir, ADD_USER.format("ada")), f"{{}} PUBLIC_HOST={host} {RUN}")


def _on(data_dir: Path, words: str) -> str:
    return words if data_dir == Path(DATA_DIR).absolute() else on(data_dir, words)


def _absolute(name: str, text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if "," in str(path):
        # The collector takes several targets files, with commas between them.
        raise SettingError(name, str(path), "a path without a comma")
    return path
