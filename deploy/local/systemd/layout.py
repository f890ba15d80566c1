"""The paths and names of the installed product, and the content of a release.

A release is a copy of the product in its own folder, with its own virtual environment. An update never changes the
release that runs: it creates a new release completely, and then points the link ``current`` to it.
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

#: System user that runs the services and owns Valkey's data.
USER: Final = "dispycluster"
TARGET: Final = "dispycluster.target"
#: Units of the services, in the order of their start.
SERVICES: Final = (
    "dispycluster-valkey.service",
    "dispycluster-collector.service",
    "dispycluster-api.service",
    "dispycluster-gateway.service",
)
#: Path of the product's command in the current release.
COMMAND: Final = "/opt/dispycluster/current/.venv/bin/dispycluster"
#: Folder of this copy of the product.
SOURCE: Final = Path(__file__).resolve().parents[3]
FOLDERS: Final = (
    "access", "contract", "dispycluster", "runtime", "services", "deploy/host", "deploy/local", "requirements",
)  # fmt: skip
#: Other files that the installation of the project reads.
FILES: Final = ("LICENSE", "README.md", "deploy/wheel.py", "pyproject.toml")
#: Folders that a release does not need.
_EXCLUDED: Final = frozenset(("tests", "golden", "__pycache__"))


@dataclass(frozen=True)
class Layout:
    """Paths under ``root``, which is ``/`` except for tests and packagers. The units' paths are without ``root``."""

    root: Path = Path("/")

    @property
    def is_machine(self) -> bool:
        """Whether ``root`` is this machine's root, and not a folder that is packaged."""
        return self.root == Path("/")

    @property
    def code(self) -> Path:
        """Folder with a folder for each installed release, and the link ``current``."""
        return self.root / "opt/dispycluster"

    @property
    def current(self) -> Path:
        """Link to the release that the services run."""
        return self.code / "current"

    @property
    def python(self) -> Path:
        """Python of the current release."""
        return self.current / ".venv/bin/python"

    @property
    def settings(self) -> Path:
        """Folder of the files that people edit."""
        return self.root / "etc/dispycluster"

    @property
    def environment(self) -> Path:
        """File with the variables of all services."""
        return self.settings / "environment"

    @property
    def valkey_environment(self) -> Path:
        """File with the embedded Valkey's address and password. Readable by root only; systemd sets the variables."""
        return self.settings / "valkey.environment"

    @property
    def access(self) -> AccessDir:
        """Folder of the key, users and tokens, which the services' user owns."""
        return AccessDir(self.settings / "access")

    @property
    def nodes(self) -> Path:
        """The targets file."""
        return self.settings / "nodes.yaml"

    @property
    def alerts(self) -> Path:
        """The rules file."""
        return self.settings / "alerts.yaml"

    @property
    def credentials(self) -> Path:
        """Folder to which people may add passwords and certificates of exporters."""
        return self.settings / "credentials"

    @property
    def units(self) -> Path:
        """Folder of the administrator's systemd units."""
        return self.root / "etc/systemd/system"

    @property
    def data(self) -> Path:
        """Folder of Valkey's data, which the unit creates."""
        return self.root / "var/lib/dispycluster"

    @property
    def command(self) -> Path:
        """Link through which the product's command is on the ``PATH``, for root too."""
        return self.root / "usr/local/bin/dispycluster"

    @property
    def has_command(self) -> bool:
        """Whether ``command`` is the product's link."""
        return self.command.is_symlink() and os.readlink(self.command) == COMMAND

    def command_line(self, arguments: str) -> str:
        """Return the command line that calls the product's command with ``arguments``."""
        return f"sudo {'dispycluster' if self.has_command or not self.command.exists() else COMMAND} {arguments}"

    @property
    def add_user_command(self) -> str:
        """Command line that adds a user who may sign in."""
        return self.command_line("user add NAME")


def product_files(source: Path) -> Iterator[Path]:
    """Yield the paths of the product's files, relative to ``source``, in a fixed order."""
    yield from map(Path, FILES)
    for folder in FOLDERS:
        for path in sorted((source / folder).rglob("*")):
            inner = path.relative_to(source)
            if path.is_file() and not _EXCLUDED.intersection(inner.parts):
                yield inner


def release_name(source: Path) -> str:
    """Return the version with a digest of the files: identical files give the same name."""
    digest = hashlib.sha256()
    for inner in product_files(source):
        digest.update(f"{inner}\n".encode() + hashlib.sha256((source / inner).read_bytes()).digest())
    return f"{VERSION}-{digest.hexdigest()[:12]}"


def add_release(layout: Layout, source: Path = SOURCE) -> Path:
    """Copy the product if this release does not exist yet; return its folder.

    Raises:
        CannotStart: the folder for releases holds files of another program.
        OSError: the folder cannot be written.
    """
    if layout.code.is_dir() and any(layout.code.iterdir()) and not list(layout.code.glob("*/deploy/local/systemd")):
        raise CannotStart(f"{layout.code} holds other files. Move them away, then install again.")
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
    """Create the release's virtual environment, with Valkey unless ``variables`` set ``REDIS_URL``.

    Raises:
        CannotStart: that failed; the cause is already printed.
    """
    environment = {**os.environ, "REDIS_URL": variables.get("REDIS_URL", "")}
    if subprocess.run([sys.executable, release / "deploy/local/bootstrap.py"], env=environment).returncode != 0:
        raise CannotStart("The virtual environment could not be created. The services that ran before keep running.")
    python = release / ".venv/bin/python"
    subprocess.run([python, "-m", "compileall", "-q", *FOLDERS], cwd=release, check=False)


def switch_to(layout: Layout, release: Path) -> Path | None:
    """Make ``release`` the current one; return the previous release if it is another one that still exists."""
    previous = layout.current.resolve() if layout.current.is_symlink() else None
    link = layout.code / ".current"
    link.unlink(missing_ok=True)
    link.symlink_to(release.name)
    link.replace(layout.current)
    return previous if previous is not None and previous.is_dir() and previous != release.resolve() else None


def link_command(layout: Layout) -> bool:
    """Link the product's command, unless another program has its name; return whether the link exists."""
    if not layout.has_command and not os.path.lexists(layout.command):
        layout.command.parent.mkdir(parents=True, exist_ok=True)
        layout.command.symlink_to(COMMAND)
    return layout.has_command


def unlink_command(layout: Layout) -> None:
    """Remove the link to the product's command."""
    if layout.has_command:
        layout.command.unlink()


def remove_releases(layout: Layout, keep: set[Path]) -> None:
    """Remove all releases except those in ``keep``."""
    kept = {path.resolve() for path in keep}
    for path in layout.code.iterdir():
        if path.is_dir() and not path.is_symlink() and path.resolve() not in kept:
            shutil.rmtree(path)
