"""One process of the product: its description, and the child process that runs from it, with its log."""

import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deploy.local.hang_detector import HangDetector
from deploy.local.log_line import as_log_line
from runtime.settings import chosen_log_format

#: Lines of a process's log that are shown when the process dies.
LAST_LINES: Final = 12
_READ_BYTES: Final = 64 * 1024
#: Bytes of a line after which the line is cut.
_LINE_LIMIT_BYTES: Final = 8 * 1024
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class ProcessSpec:
    """A command and the environment variables that are set for it, beside the inherited ones."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    #: Whether the output is shown only if the process dies.
    is_quiet: bool = False
    #: Whether other processes depend on this one, so that it stops after them.
    stops_last: bool = False
    #: Returns why the process cannot stop, from the lines that it wrote since it was asked to stop; ``None``: unknown.
    stop_obstacle: Callable[[Sequence[str]], str | None] = lambda _lines: None


class Child:
    """A running process, which cannot outlive the supervisor.

    The process starts immediately. It has a session of its own, so the terminal's Ctrl-C reaches only the supervisor.
    """

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self._unfinished = b""
        self._last = deque[str](maxlen=LAST_LINES)
        self._since_stop_request = deque[str](maxlen=LAST_LINES)
        self.has_output_ended = False
        #: Descriptor to wait on for log lines.
        self.output, writer = os.pipe()
        os.set_blocking(self.output, False)
        self.hang_detector = HangDetector()
        parent = os.getpid()
        notify_socket = {"NOTIFY_SOCKET": self.hang_detector.address}
        try:
            self._process = subprocess.Popen(
                spec.command,
                env={**os.environ, **notify_socket, **spec.variables, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
                preexec_fn=lambda: _stop_with_parent(parent),
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(writer)

    @property
    def pid(self) -> int:
        """Process id, which is the process group's id too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; ``None`` while the process runs. An exit kills the rest of the group."""
        if self._process.returncode is None:
            exited = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if exited is None:
                return None
            self.kill()  # The process is not reaped yet, so no other group can have its id.
        return self._process.poll()

    def terminate(self) -> None:
        """Ask the process to stop."""
        self._since_stop_request.clear()
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process and its own children."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS refuses to signal a group of zombies
            return

    def close(self) -> None:
        """Close the log and the hang detector."""
        os.close(self.output)
        self.hang_detector.close()

    def read_new_lines(self) -> list[str]:
        """Return the lines that the process wrote since the last call, each with the process's name in front."""
        try:
            received = os.read(self.output, _READ_BYTES)
        except BlockingIOError:
            return []
        self.has_output_ended = not received
        *complete, self._unfinished = (self._unfinished + received).split(b"\n")
        if self._unfinished and (self.has_output_ended or len(self._unfinished) > _LINE_LIMIT_BYTES):
            complete.append(self._unfinished)
            self._unfinished = b""
        lines = [self._as_log_line(line) for line in complete]
        self._last.extend(lines)
        self._since_stop_request.extend(lines)
        return lines

    def stop_obstacle(self) -> str | None:
        """Return why the process has not stopped since the last request; ``None`` where its lines do not show that."""
        return self.spec.stop_obstacle(self._since_stop_request)

    def last_lines(self) -> list[str]:
        """Return the last few lines of the log."""
        while not self.has_output_ended and self.read_new_lines():
            pass
        return list(self._last)

    def _as_log_line(self, line: bytes) -> str:
        text = line[:_LINE_LIMIT_BYTES].decode(errors="backslashreplace").rstrip()
        return as_log_line(self.spec.name, text, chosen_log_format(os.environ))

    def exit_description(self) -> str:
        """Return how the process ended: its exit code or signal, in words."""
        code = self.exit_code
        if code is None:
            return "still runs"
        if code >= 0:
            return f"exited with code {code}"
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"


def _stop_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM when the parent process ends (Linux)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
