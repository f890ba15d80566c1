"""Processes of a service that begin as copies of one that has imported it already.

A service needs longer to be imported than most tests need it. A copy runs the same ``main``, with an environment and a
log of its own; how a service starts is tested with ``python -m``.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.drivers.process import ROOT, Process


class Copies:
    """The process that is copied."""

    def __init__(self, *modules: str) -> None:
        """The first of ``modules`` has the ``main``."""
        self._lock = threading.Lock()
        self._said = threading.Condition()
        self._begun: list[int] = []
        self._codes: dict[int, int] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.drivers.original", *modules],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def begin(self, env: Mapping[str, str], log: Path, prelude: str = "") -> "Copy":
        """Start a copy; its output is added to ``log``, and ``prelude`` is Python that it runs before ``main``."""
        assert self._process.stdin is not None
        how = {"env": dict(env), "log": str(log), "prelude": prelude}
        with self._lock:
            self._process.stdin.write(json.dumps(how).encode() + b"\n")
            self._process.stdin.flush()
            with self._said:
                self._said.wait_for(lambda: self._begun or self._process.poll() is not None, 60)
                assert self._begun, f"no copy begins; the original's exit code is {self._process.poll()}"
                return Copy(self, self._begun.pop())

    def code(self, pid: int, timeout_seconds: float) -> int | None:
        """The exit code of a copy; ``None`` where it has not ended within that time."""
        with self._said:
            self._said.wait_for(lambda: pid in self._codes, timeout_seconds)
            return self._codes.get(pid)

    def close(self) -> None:
        """End it, and what is left of its copies."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._listener.join(60)
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said: dict[str, int] = json.loads(line)
            with self._said:
                if "begun" in said:
                    # The system may give the number of a copy that has ended to another one.
                    self._codes.pop(said["begun"], None)
                    self._begun.append(said["begun"])
                else:
                    self._codes[said["ended"]] = said["code"]
                self._said.notify_all()


class Copy:
    """One copy, with as much of ``subprocess.Popen`` as drivers use."""

    def __init__(self, copies: Copies, pid: int) -> None:
        self._copies = copies
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        return self._ended_within(0.0)

    def wait(self, timeout: float = 60.0) -> int:
        """Wait until it ends; return its exit code.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        code = self._ended_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"copy {self.pid}", timeout)
        return code

    def _ended_within(self, seconds: float) -> int | None:
        if self.returncode is None:
            self.returncode = self._copies.code(self.pid, seconds)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self.pid, number)


class CopiedProcess(Process):
    """One copy as a process under test."""

    def __init__(self, name: str, copies: Copies, env: Mapping[str, str] | None = None, prelude: str = "") -> None:
        super().__init__(name, [], env)
        self._copies = copies
        self._prelude = prelude

    def start(self) -> None:
        """Start a copy; its output is added to the log."""
        assert self._popen is None, f"{self.name} runs already"
        self._popen = self._copies.begin(self.env, self.log_path, self._prelude)

    def kill(self) -> None:
        """End it and its children with SIGKILL."""
        if self._popen is not None:
            if self._popen.poll() is None:
                with suppress(ProcessLookupError):  # it ended just now
                    os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait(30)
            self._popen = None
