"""Set-up repairs what was left half-made, moved or made with a Python that is gone; and the locks let it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.bootstrap import RUN_WITH_VALKEY, explain

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "requirements"


class Clone:
    """A folder with what set-up needs and nothing to install, and the environment that is made there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("deploy/local", "services", "requirements"):
            (folder / part).mkdir(parents=True)
        shutil.copy(ROOT / "deploy" / "local" / "bootstrap.py", folder / "deploy" / "local")
        for name in RUN_WITH_VALKEY:
            (folder / "requirements" / name).write_text("# nothing to install\n")

    def set_up(self) -> str:
        done = subprocess.run(
            [sys.executable, self.folder / "deploy" / "local" / "bootstrap.py"],
            env={**os.environ, "REDIS_URL": ""},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def search_path(self) -> list[str]:
        code = "import sys; print(*sys.path, sep='\\n')"
        python = self.folder / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture(scope="module")
def _clone_of_module(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("clone") / "one")


@pytest.fixture
def clone(_clone_of_module: Clone) -> Clone:
    """One that is set up; a test leaves it broken or set up again."""
    _clone_of_module.set_up()
    return _clone_of_module


def test_environment_is_made_anew_when_its_python_is_gone(clone: Clone) -> None:
    # given
    python = clone.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    # when
    said = clone.set_up()
    # then
    assert "making .venv" in said
    assert f"{clone.folder}/services" in clone.search_path()


def test_environment_is_made_anew_when_pip_is_half_there(clone: Clone) -> None:
    # given
    for stamp in (clone.folder / ".venv").glob(".installed-*"):
        stamp.unlink()
    next((clone.folder / ".venv" / "lib").glob("python3*/site-packages/pip/__init__.py")).unlink()
    # when
    said = clone.set_up()
    # then
    assert "making .venv" in said


def test_environment_is_made_anew_when_the_folder_was_moved(clone: Clone) -> None:
    # given
    former = clone.folder
    clone.folder = former.rename(former.with_name("two"))
    # when
    clone.set_up()
    # then
    assert f"{clone.folder}/.venv/bin/python" in (clone.folder / ".venv" / "bin" / "pip").read_text()
    path = clone.search_path()
    assert f"{clone.folder}/services" in path
    assert f"{former}/services" not in path


@pytest.mark.parametrize("compiler", ["gcc", "g++", "/usr/bin/arm-linux-gnueabihf-gcc"])
def test_missing_compiler_is_named_with_what_brings_it(compiler: str) -> None:
    # when
    sentence = explain(f"error: [Errno 2] No such file or directory: '{compiler}'")
    # then
    assert "there is no compiler" in sentence
    assert "sudo apt-get install -y python3-dev gcc g++" in sentence


def test_missing_file_of_another_kind_is_not_taken_for_a_compiler() -> None:
    assert "compiler" not in explain("ERROR: [Errno 2] No such file or directory: '/tmp/pip-build/setup.cfg'")


def pins(name: str) -> dict[str, set[str]]:
    """Versions by package; a lock for all machines may hold more than one."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", (REQUIREMENTS / name).read_text(), re.MULTILINE):
        found.setdefault(package, set()).add(version)
    assert found, name
    return found


@pytest.mark.parametrize("name", ["api.txt", "collector.txt", "local.txt", "simulator.txt", "valkey.txt", "ws.txt"])
def test_lock_holds_no_version_that_the_lock_for_developers_does_not(name: str) -> None:
    # A set-up with --dev counts as one without it.
    dev = pins("dev.txt")
    differing = {package for package, versions in pins(name).items() if not versions <= dev.get(package, set())}
    assert differing == set()


def test_no_lock_names_a_host() -> None:
    for path in REQUIREMENTS.glob("*.txt"):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", path.read_text()), path
