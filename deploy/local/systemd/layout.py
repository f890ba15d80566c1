"""Where everything of the installed product lies, what it is called, and what a release holds.

Releases are copies of the product, each in a folder of its own with its own environment. What runs is never changed
under its feet: an update is made beside it and takes its place, by one link, once it is whole.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract import VERSION
from deploy.local.data_dir import AccessDir
from deploy.local.refusal import CannotStart

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
#: The product's command, in the release that the services run.
COMMAND: Final = "/opt/dispycluster/current/.venv/bin/dispycluster"
#: Where this copy of the product is.
SOURCE: Final = Path(__file__).resolve().parents[3]
FOLDERS: Final = (
    "access", "contract", "dispycluster", "runtime", "services", "deploy/host", "deploy/local", "requirements",
)  # fmt: skip
#: What the installation of the project into its environment reads besides.
FILES: Final = ("LICENSE", "README.md", "deploy/wheel.py", "pyproject.toml")
#: Of these nothing runs.
_LEFT_OUT: Final = frozenset(("tests", "golden", "__pycache__"))


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
    def credentials(self) -> Path:
        """Passwords and certificates of exporters, which people may add."""
        return self.settings / "credentials"

    @property
    def units(self) -> Path:
        """Where systemd looks for the units of an administrator."""
        return self.root / "etc/systemd/system"

    @property
    def data(self) -> Path:
        """Valkey's data; the unit makes it."""
        return self.root / "var/lib/dispycluster"

    @property
    def command(self) -> Path:
        """Where the product's command is found by its name, for root too."""
        return self.root / "usr/local/bin/dispycluster"

    @property
    def has_command(self) -> bool:
        """Whether what is found there is ours."""
        return self.command.is_symlink() and os.readlink(self.command) == COMMAND

    def called(self, words: str) -> str:
        """How people call the product's command here."""
        return f"sudo {'dispycluster' if self.has_command or not self.command.exists() else COMMAND} {words}"

    @property
    def make_user(self) -> str:
        """The command that makes a user."""
        return self.called("user add NAME")


def product_files(source: Path) -> Iterator[Path]:
    """Paths of the product's files, relative to ``source``, in a fixed order."""
    yield from map(Path, FILES)
    for folder in FOLDERS:
        for path in sorted((source / folder).rglob("*")):
            inner = path.relative_to(source)
            if path.is_file() and not _LEFT_OUT.intersection(inner.parts):
                yield inner


def release_name(source: Path) -> str:
    """The version, and a digest of the files: the same product has the same name."""
    digest = hashlib.sha256()
    for inner in product_files(source):
        digest.update(f"{inner}\n".encode() + hashlib.sha256((source / inner).read_bytes()).digest())
    return f"{VERSION}-{digest.hexdigest()[:12]}"


def add_release(layout: Layout, source: Path = SOURCE) -> Path:
    """Copy the product unless this release is there; return its folder.

    Raises:
        CannotStart: the folder for releases is somebody else's.
        OSError: it cannot be written.
    """
    if layout.code.is_dir() and any(layout.code.iterdir()) and not list(layout.code.glob("*/deploy/local/systemd")):
        raise CannotStart(f"{layout.code} holds something else: move it away and call this again.")
    release = layout.code / release_name(source)
    if release.is_dir():
        return release
    unfinished = release.with_name(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    for inner in product_files(source):
        (unfinished / inner).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / inner, unfinished / inner)
    unfinished.rename(release)
    return release


def make_environment(release: Path, variables: Mapping[str, str]) -> None:
    """Make the release's virtual environment, with Valkey unless ``variables`` name a Redis.

    Raises:
        CannotStart: it cannot be made; why has been said.
    """
    environment = {**os.environ, "REDIS_URL": variables.get("REDIS_URL", "")}
    if subprocess.run([sys.executable, release / "deploy/local/bootstrap.py"], env=environment).returncode != 0:
        raise CannotStart("The environment could not be made. What ran before goes on as it was.")
    python = release / ".venv/bin/python"
    subprocess.run([python, "-m", "compileall", "-q", *FOLDERS], cwd=release, check=False)


def switch_to(layout: Layout, release: Path) -> Path | None:
    """Make ``release`` the current one; return the former one if there was another."""
    former = layout.current.resolve() if layout.current.is_symlink() else None
    link = layout.code / ".current"
    link.unlink(missing_ok=True)
    link.symlink_to(release.name)
    link.replace(layout.current)
    return former if former is not None and former.is_dir() and former != release.resolve() else None


def link_command(layout: Layout) -> bool:
    """Let people call the product's command by its name, unless another program has it; return whether they can."""
    if not layout.has_command and not os.path.lexists(layout.command):
        layout.command.parent.mkdir(parents=True, exist_ok=True)
        layout.command.symlink_to(COMMAND)
    return layout.has_command


def unlink_command(layout: Layout) -> None:
    """Take that away."""
    if layout.has_command:
        layout.command.unlink()


def remove_releases(layout: Layout, keep: set[Path]) -> None:
    """Remove all releases but those of ``keep``."""
    kept = {path.resolve() for path in keep}
    for path in layout.code.iterdir():
        if path.is_dir() and not path.is_symlink() and path.resolve() not in kept:
            shutil.rmtree(path)
