"""A process under test, with its log in a file."""

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


def run_module(module: str, *words: str, input_text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a module to its end, with ``input_text`` on standard input."""
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        input=input_text,
        capture_output=True,
        text=True,
        timeout=120,
    )


class Running(Protocol):
    """The part of ``subprocess.Popen`` that a driver needs."""

    @property
    def pid(self) -> int:
        """The process id, which is also the process group's."""

    def poll(self) -> int | None:
        """Return the exit code if the process has exited."""

    def wait(self, timeout: float, /) -> int:
        """Wait until the process exits; return its exit code."""

    def send_signal(self, number: int, /) -> None:
        """Send a signal unless the process has exited."""


class Process:
    """A command that can be started, stopped, killed, paused and started again."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None, folder: Path = ROOT
    ) -> None:
        """``folder`` is the working directory."""
        self.name = name
        self.folder = folder
        self.command = list(command)
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self.log_path = Path(tempfile.mkdtemp(prefix=f"{name}-")) / "log"
        self._popen: Running | None = None

    def start(self) -> None:
        """Start the command; append its output to the log."""
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
        """Whether the process was started and has not exited."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._popen is not None
        return self._popen.pid

    def log(self) -> str:
        """Return its output so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def send_signal(self, number: int) -> None:
        """Send a signal unless the process has exited."""
        assert self._popen is not None
        self._popen.send_signal(number)

    def wait(self, timeout_seconds: float = 30.0) -> int:
        """Wait until the process exits by itself; return its exit code."""
        assert self._popen is not None
        code = self._popen.wait(timeout_seconds)
        self._popen = None
        return code

    def stop(self, signal_number: int = signal.SIGTERM, within_seconds: float = 20.0) -> int | None:
        """Ask the process to stop and wait; return its exit code, or ``None`` if it does not run."""
        if self._popen is None:
            return None
        self._popen.send_signal(signal_number)
        try:
            return self.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end on signal {signal_number}; its log:\n{self.log()}") from None

    def kill(self) -> None:
        """Kill the process and its children with SIGKILL."""
        if self._popen is not None:
            with suppress(ProcessLookupError):  # all processes of the group exited meanwhile
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait(30)
            self._popen = None

    def pause(self) -> None:
        """Stop the process with SIGSTOP."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the process with SIGCONT."""
        os.killpg(self.pid, signal.SIGCONT)


def python(name: str, module: str, *arguments: str, env: Mapping[str, str] | None = None, root: Path = ROOT) -> Process:
    """Return one of our Python modules as a process; ``root`` is the folder of its release."""
    path = {} if root == ROOT else {"PYTHONPATH": f"{root}:{root / 'services'}"}
    return Process(name, [sys.executable, "-m", module, *arguments], {**(env or {}), **path}, root)
