"""A folder with the project's files that set-up needs; set-up may create an environment in it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.drivers.process import ROOT

FILES = (
    "LICENSE",
    "README.md",
    "contract/__init__.py",
    "deploy/local/bootstrap.py",
    "deploy/wheel.py",
    "dispycluster/__init__.py",
    "dispycluster/__main__.py",
    "pyproject.toml",
)
#: Modules that ``requirements/build.txt`` installs.
_BUILDS = ("hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove_classifiers")


class Clone:
    """A new ``folder`` with the project's locks, or with empty locks if set-up must fetch nothing."""

    def __init__(self, folder: Path, *, empty_locks: bool) -> None:
        self.folder = folder
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        (folder / "services").mkdir()
        shutil.copytree(ROOT / "requirements", folder / "requirements")
        # The build tools come from the environment of the tests.
        self._borrowed = folder.with_name(f"{folder.name}-borrowed")
        self._borrowed.mkdir()
        for name in _BUILDS:
            (self._borrowed / name).symlink_to(Path(sysconfig.get_path("purelib"), name))
        if empty_locks:
            self.empty_locks()

    def empty_locks(self) -> None:
        """Empty the locks, so that set-up fetches nothing."""
        for lock in (self.folder / "requirements").glob("*.txt"):
            lock.write_text("# nothing to install\n")

    def set_up(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.folder / "deploy" / "local" / "bootstrap.py"],
            cwd=self.folder,
            env={**os.environ, "REDIS_URL": "", "PYTHONPATH": str(self._borrowed), **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def search_path(self) -> list[str]:
        """Return the folders in which the environment's Python searches for modules."""
        code = "import sys; print(*sys.path, sep='\\n')"
        python = self.folder / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()

    def version(self) -> str:
        """Return the output of its command ``dispycluster --version``, run in another folder."""
        command = [str(self.folder / ".venv" / "bin" / "dispycluster"), "--version"]
        return subprocess.run(command, cwd="/", capture_output=True, text=True, check=True).stdout.strip()
