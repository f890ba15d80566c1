"""The wheel: in an empty folder, without a checkout, it shows this machine live."""

import json
import re
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contract import VERSION
from tests.drivers.ports import free_port, inner_ports
from tests.drivers.process import ROOT, Process
from tests.drivers.waiting import eventually

READY_SECONDS = 100.0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    [wheel] = folder.glob("*.whl")
    return wheel


class Installed:
    """The wheel in its own environment, with the locked dependencies of the tests' environment."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.home = folder / "home"
        self.empty = folder / "empty"
        self.empty.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
        install = [sys.executable, "-m", "pip", "--python", str(folder / "venv"), "install", "--no-deps", "--no-index"]
        subprocess.run([*install, str(wheel)], check=True, capture_output=True)
        self._command = str(folder / "venv" / "bin" / "dispycluster")
        self.port = free_port()
        self._env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            # Python ignores .pth files in such a path, so the checkout's modules are not found.
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "PORT": str(self.port),
            **inner_ports(),
        }

    def call(self, *words: str, input_text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._command, *words], cwd=self.empty, env=self._env, input=input_text, capture_output=True, text=True
        )

    @contextmanager
    def running(self) -> Iterator[Process]:
        process = Process("wheel", [self._command, "run"], env=self._env, folder=self.empty)
        process.start()
        try:
            eventually(
                lambda: "Ctrl-C stops everything." in process.log(),
                within_seconds=READY_SECONDS,
                what="the server is ready",
            )
            yield process
        finally:
            process.stop(within_seconds=60)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(wheel, tmp_path_factory.mktemp("installed"))


def test_wheel_has_the_version_and_the_locked_dependencies(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
        names = archive.namelist()
    assert f"\nVersion: {VERSION}\n" in metadata
    needed = set(re.findall(r"^Requires-Dist: ([^;\s]+)", metadata, re.MULTILINE))
    locks = "".join((ROOT / "requirements" / name).read_text() for name in ("local.txt", "valkey.txt"))
    assert needed == set(re.findall(r"^([a-z0-9-]+==[^\s;]+)", locks, re.MULTILINE))
    assert [name for name in names if "tests/" in name or "golden/" in name] == []


def test_command_with_an_unknown_word_lists_the_known_words(installed: Installed) -> None:
    for words in ([], ["nonsense"]):
        done = installed.call(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert {"run", "check-nodes", "rules", "status", "user", "token", "access"} <= set(done.stderr.split())
    assert installed.call("--version").stdout == f"{VERSION}\n"
    assert installed.call("run", "9000").returncode == 2
    done = installed.call("status")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "live: no: The product does not run; start it with: dispycluster run"


def test_wheel_shows_this_machine_live_and_keeps_data_and_users_in_the_users_folders(installed: Installed) -> None:
    # given: modules of the same names are in the working folder
    for name in ("contract", "access"):
        (installed.empty / f"{name}.py").write_text("raise SystemExit('a module of the current folder')\n")
    # when
    with installed.running() as process:
        # then
        with urllib.request.urlopen(f"http://127.0.0.1:{installed.port}/api/cluster/snapshot") as answer:
            [node] = json.load(answer)["nodes"]
        assert (node["address"], node["status"]) == ("local", "online")
        with urllib.request.urlopen(f"http://127.0.0.1:{installed.port}/") as answer:
            assert b"/static/dashboard.js" in answer.read()
        status = installed.call("status")
        assert (status.returncode, status.stdout.partition("\n")[0]) == (0, "live: yes")
        assert installed.call("user", "add", "ada", input_text="a password of hers\n").returncode == 0
        assert installed.call("user", "list").stdout.startswith("ada\t")
        assert "read without an exporter" in installed.call("check-nodes").stdout
        assert "node_down: applies to 1 of 1 node; would not fire now" in installed.call("rules", "check").stdout
        data = installed.home / ".local" / "share" / "dispycluster"
        assert f"data in {data}" in process.log()
        assert "make " not in process.log()
    assert {path.name for path in data.iterdir()} >= {"nodes.yaml", "valkey", "access"}
    assert {path.name for path in installed.empty.iterdir()} == {"contract.py", "access.py"}
