"""The setup repairs an environment that is incomplete, was moved, or has lost its Python; the locks allow that."""

import re
import tomllib
from pathlib import Path

import pytest

from deploy.local.bootstrap import BUILD, OLD_PATH_FILE, explain
from tests.drivers.clone import Clone

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "requirements"


def set_up(clone: Clone) -> str:
    """Run the setup; return its output."""
    done = clone.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def _clone_of_module(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("clone") / "one", empty_locks=True)


@pytest.fixture
def clone(_clone_of_module: Clone) -> Clone:
    """A clone with an environment. A test may leave the environment broken."""
    set_up(_clone_of_module)
    return _clone_of_module


def test_environment_is_recreated_when_its_python_is_missing(clone: Clone) -> None:
    # given
    python = clone.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    # when
    output = set_up(clone)
    # then
    assert "creating .venv" in output
    assert f"{clone.folder}/services" in clone.search_path()


def test_environment_is_recreated_when_pip_is_incomplete(clone: Clone) -> None:
    # given
    for stamp in (clone.folder / ".venv").glob(".installed-*"):
        stamp.unlink()
    next((clone.folder / ".venv" / "lib").glob("python3*/site-packages/pip/__init__.py")).unlink()
    # when
    output = set_up(clone)
    # then
    assert "creating .venv" in output


def test_environment_is_recreated_when_the_folder_was_moved(clone: Clone) -> None:
    # given
    previous = clone.folder
    clone.folder = previous.rename(previous.with_name("two"))
    # when
    set_up(clone)
    # then
    assert f"{clone.folder}/.venv/bin/python" in (clone.folder / ".venv" / "bin" / "pip").read_text()
    path = clone.search_path()
    assert f"{clone.folder}/services" in path
    assert clone.version()
    assert f"{previous}/services" not in path


def test_environment_of_a_previous_version_is_updated(clone: Clone) -> None:
    # given: the environment has the old file of paths, and no command
    environment = clone.folder / ".venv"
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / OLD_PATH_FILE).write_text(f"{clone.folder}\n{clone.folder / 'previous'}\n")
    (environment / "bin" / "dispycluster").unlink()
    # when
    output = set_up(clone)
    # then
    assert "creating .venv" not in output
    assert not (packages / OLD_PATH_FILE).exists()
    assert clone.version()
    assert set_up(clone) == ""


def test_build_tools_have_the_versions_in_the_lock() -> None:
    [needed] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    name, _, version = needed.partition("==")
    assert pins(BUILD)[name] == {version}


@pytest.mark.parametrize("compiler", ["gcc", "g++", "/usr/bin/arm-linux-gnueabihf-gcc"])
def test_missing_compiler_is_reported_with_the_package_to_install(compiler: str) -> None:
    # when
    sentence = explain(f"error: [Errno 2] No such file or directory: '{compiler}'")
    # then
    assert "there is no compiler" in sentence
    assert "sudo apt-get install -y python3-dev gcc g++" in sentence


def test_missing_file_is_not_mistaken_for_a_missing_compiler() -> None:
    assert "compiler" not in explain("ERROR: [Errno 2] No such file or directory: '/tmp/pip-build/setup.cfg'")


def pins(name: str) -> dict[str, set[str]]:
    """Return the versions of each package. A lock for all machines may have several versions of a package."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", (REQUIREMENTS / name).read_text(), re.MULTILINE):
        found.setdefault(package, set()).add(version)
    assert found, name
    return found


@pytest.mark.parametrize(
    "name", ["api.txt", BUILD, "collector.txt", "local.txt", "simulator.txt", "valkey.txt", "ws.txt"]
)
def test_every_locked_version_is_in_the_lock_for_developers(name: str) -> None:
    # A setup with --dev replaces one without it.
    dev = pins("dev.txt")
    differing = {package for package, versions in pins(name).items() if not versions <= dev.get(package, set())}
    assert differing == set()


def test_no_lock_names_a_host() -> None:
    for path in REQUIREMENTS.glob("*.txt"):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", path.read_text()), path
