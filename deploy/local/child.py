"""One part of the product: what to run, and the child process that it becomes, with its log."""

import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deploy.local.log_line import as_line_of
from deploy.local.watch import Watch
from runtime.settings import chosen_log_format

#: Lines of a part's log that are shown when it dies.
LAST_LINES: Final = 12
_READ_BYTES: Final = 64 * 1024
#: Bytes of a line after which it is cut.
_LINE_LIMIT_BYTES: Final = 8 * 1024
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Part:
    """A command with the variables that it gets beside the inherited ones."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    #: Its output matters only if it dies.
    is_quiet: bool = False
    #: Others stand on it: it ends after them.
    is_ground: bool = False
    #: Says why it does not end although it was asked to, by what it has written since; ``None``: that does not tell.
    why_it_stays: Callable[[Sequence[str]], str | None] = lambda _lines: None


class Child:
    """A part that runs, and cannot outlive this process.

    It starts at once, in a session of its own so that the terminal's Ctrl-C reaches it through us only.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self._unfinished = b""
        self._last = deque[str](maxlen=LAST_LINES)
        self._since_asked = deque[str](maxlen=LAST_LINES)
        self.output_ended = False
        #: Descriptor to wait on for its log.
        self.output, writer = os.pipe()
        os.set_blocking(self.output, False)
        #: Whether it still turns.
        self.watch = Watch()
        parent = os.getpid()
        try:
            self._process = subprocess.Popen(
                part.command,
                env={**os.environ, "NOTIFY_SOCKET": self.watch.address, **part.variables, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
                preexec_fn=lambda: _end_with_parent(parent),
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(writer)

    @property
    def pid(self) -> int:
        """Process id, which is its group's too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; ``None`` while it runs. What it left of its group ends with it."""
        if self._process.returncode is None:
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return None
            self.kill()  # not reaped yet: the group's number cannot belong to anybody else
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end."""
        self._since_asked.clear()
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and its own children without asking."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            return

    def close(self) -> None:
        """Forget its log, and watch it no more."""
        os.close(self.output)
        self.watch.close()

    def new_lines(self) -> list[str]:
        """Lines that it wrote since the last call, its name in front of each."""
        try:
            received = os.read(self.output, _READ_BYTES)
        except BlockingIOError:
            return []
        self.output_ended = not received
        *complete, self._unfinished = (self._unfinished + received).split(b"\n")
        if self._unfinished and (self.output_ended or len(self._unfinished) > _LINE_LIMIT_BYTES):
            complete.append(self._unfinished)
            self._unfinished = b""
        lines = [self._named(line) for line in complete]
        self._last.extend(lines)
        self._since_asked.extend(lines)
        return lines

    def why_it_stays(self) -> str | None:
        """Why it has not ended since it was last asked to, if what it wrote since tells."""
        return self.part.why_it_stays(self._since_asked)

    def last_lines(self) -> list[str]:
        """The last few lines of its log."""
        while not self.output_ended and self.new_lines():
            pass
        return list(self._last)

    def _named(self, line: bytes) -> str:
        text = line[:_LINE_LIMIT_BYTES].decode(errors="backslashreplace").rstrip()
        return as_line_of(self.part.name, text, chosen_log_format(os.environ))

    def how_it_ended(self) -> str:
        """Exit code or signal, in words."""
        code = self.exit_code
        if code is None:
            return "still runs"
        if code >= 0:
            return f"ended with exit code {code}"
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"


def _end_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM once the parent is gone, however it ended (Linux)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
