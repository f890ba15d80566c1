"""Processes of a service that are forks of one process with the imported service.

Most tests take less time than the import of a service. A fork runs the same ``main`` with its own environment and log.
Other tests cover the start with ``python -m``.
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
    """The process that forks."""

    def __init__(self, *modules: str) -> None:
        """Import ``modules``; the forks run the ``main`` of the first."""
        self._lock = threading.Lock()
        self._changed = threading.Condition()
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
        """Start a fork that writes to ``log``; it runs the Python code ``prelude`` before ``main``."""
        assert self._process.stdin is not None
        assert env.get("WS_LOOP", "") == os.environ.get("WS_LOOP", ""), "a fork has the loop that is imported already"
        how = {"env": dict(env), "log": str(log), "prelude": prelude}
        with self._lock:
            self._process.stdin.write(json.dumps(how).encode() + b"\n")
            self._process.stdin.flush()
            with self._changed:
                self._changed.wait_for(lambda: self._begun or self._process.poll() is not None, 60)
                assert self._begun, f"no fork starts; the process's exit code is {self._process.poll()}"
                return Copy(self, self._begun.pop())

    def code(self, pid: int, timeout_seconds: float) -> int | None:
        """Return the exit code of a fork; ``None`` if it is still running after the time."""
        with self._changed:
            self._changed.wait_for(lambda: pid in self._codes, timeout_seconds)
            return self._codes.get(pid)

    def close(self) -> None:
        """Stop the process and its remaining forks."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._listener.join(60)
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message: dict[str, int] = json.loads(line)
            with self._changed:
                if "begun" in message:
                    # The system may reuse the process id of an earlier fork.
                    self._codes.pop(message["begun"], None)
                    self._begun.append(message["begun"])
                else:
                    self._codes[message["ended"]] = message["code"]
                self._changed.notify_all()


class Copy:
    """One fork, with the part of ``subprocess.Popen`` that drivers use."""

    def __init__(self, copies: Copies, pid: int) -> None:
        self._copies = copies
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code if the fork has exited."""
        return self._ended_within(0.0)

    def wait(self, timeout: float = 60.0) -> int:
        """Wait until the fork exits; return its exit code.

        Raises:
            subprocess.TimeoutExpired: the fork is still running.
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
        """Send a signal unless the fork has exited."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # the fork exited meanwhile
                os.kill(self.pid, number)


class CopiedProcess(Process):
    """One fork as a process under test."""

    def __init__(self, name: str, copies: Copies, env: Mapping[str, str] | None = None, prelude: str = "") -> None:
        super().__init__(name, [], env)
        self._copies = copies
        self._prelude = prelude

    def start(self) -> None:
        """Start a fork that appends its output to the log."""
        assert self._popen is None, f"{self.name} runs already"
        self._popen = self._copies.begin(self.env, self.log_path, self._prelude)

    def kill(self) -> None:
        """Kill the fork and its children with SIGKILL."""
        if self._popen is not None:
            if self._popen.poll() is None:
                with suppress(ProcessLookupError):  # the fork exited meanwhile
                    os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait(30)
            self._popen = None
