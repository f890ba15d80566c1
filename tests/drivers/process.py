"""One process under test, its log in a file."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def run_module(module: str, *words: str, said: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a module to its end, with ``said`` as its input."""
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        input=said,
        capture_output=True,
        text=True,
        timeout=120,
    )


class Running(Protocol):
    """What a driver needs of a running process; ``subprocess.Popen`` has it."""

    @property
    def pid(self) -> int:
        """Its id, which is its process group's too."""

    def poll(self) -> int | None:
        """Return its exit code, if it has ended."""

    def wait(self, timeout: float, /) -> int:
        """Wait until it ends; return its exit code."""

    def send_signal(self, number: int, /) -> None:
        """Send a signal, unless it has ended."""


class Process:
    """A command that can be started, stopped, killed, paused and started again."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None, folder: Path = ROOT
    ) -> None:
        """``folder``: where it runs."""
        self.name = name
        self.folder = folder
        self.command = list(command)
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self.log_path = Path(tempfile.mkdtemp(prefix=f"{name}-")) / "log"
        self._popen: Running | None = None

    def start(self) -> None:
        """Start the command; its output is added to the log."""
        assert self._popen is None, f"{self.name} runs already"
        with self.log_path.open("ab") as log:
            self._popen = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended by itself."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._popen is not None
        return self._popen.pid

    def log(self) -> str:
        """What it has written so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        assert self._popen is not None
        self._popen.send_signal(number)

    def wait(self, timeout_seconds: float = 30.0) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self._popen is not None
        code = self._popen.wait(timeout_seconds)
        self._popen = None
        return code

    def stop(self, signal_number: int = signal.SIGTERM, within_seconds: float = 20.0) -> int | None:
        """Ask it to end, wait, and return its exit code; a process that is not running is left alone."""
        if self._popen is None:
            return None
        self._popen.send_signal(signal_number)
        try:
            return self.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end on signal {signal_number}; its log:\n{self.log()}") from None

    def kill(self) -> None:
        """End it and its children with SIGKILL."""
        if self._popen is not None:
            with suppress(ProcessLookupError):  # all of it ended by itself
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait(30)
            self._popen = None

    def pause(self) -> None:
        """Stop it without ending it."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)


def python(name: str, module: str, *arguments: str, env: Mapping[str, str] | None = None, root: Path = ROOT) -> Process:
    """A Python module of ours as a process; ``root`` is the folder of the release that it is of."""
    path = {} if root == ROOT else {"PYTHONPATH": f"{root}:{root / 'services'}"}
    return Process(name, [sys.executable, "-m", module, *arguments], {**(env or {}), **path}, root)
