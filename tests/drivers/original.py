"""``python -m tests.drivers.original MODULE…`` imports services, then forks processes that run the first ``main``.

Reads one line of JSON for each fork from standard input, ``{"env", "log", "prelude"}``. Writes ``{"begun": pid}`` for
each start and ``{"ended": pid, "code"}`` for each exit. Stops with its forks at the end of its input.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import sys
from typing import Any, Final

# The system's functions: a service may replace blocking ones with its loop's.
_read, _write, _fork, _waitpid, _select, _epoll = os.read, os.write, os.fork, os.waitpid, select.select, select.epoll
_set_handler = signal.signal

INPUT: Final = 0
OUTPUT: Final = 1


class Original:
    """The process with the imported services, which forks."""

    def __init__(self) -> None:
        self._copies: set[int] = set()
        self._waker, self._woken = os.pipe()
        for end in (self._waker, self._woken):
            os.set_blocking(end, False)

    def serve(self) -> bool:
        """Fork on request; return True in a fork, and False at the end of the input."""
        _set_handler(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._woken)
        asked = b""
        while True:
            readable, _, _ = _select([INPUT, self._waker], [], [])
            if self._waker in readable:
                _read(self._waker, 4096)
                self._tell_who_ended()
            if INPUT not in readable:
                continue
            data = _read(INPUT, 1 << 20)
            if not data:
                self._end_copies()
                return False
            asked += data
            while b"\n" in asked:
                line, _, asked = asked.partition(b"\n")
                if self._copy(json.loads(line)):
                    return True

    def _copy(self, how: dict[str, Any]) -> bool:
        pid = _fork()
        # In both processes, because either may need the group first.
        os.setpgid(pid, pid)
        if pid:
            self._copies.add(pid)
            _answer(begun=pid)
            return False
        signal.set_wakeup_fd(-1)
        _set_handler(signal.SIGCHLD, signal.SIG_DFL)
        log, nothing = os.open(how["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, INPUT), (log, OUTPUT), (log, 2)):
            os.dup2(source, target)
        for end in (log, nothing, self._waker, self._woken):
            os.close(end)
        _renew_epolls()
        os.environ.clear()
        os.environ.update(how["env"])
        exec(how["prelude"])
        return True

    def _tell_who_ended(self) -> None:
        for pid in list(self._copies):
            ended, status = _waitpid(pid, os.WNOHANG)
            if ended:
                self._copies.remove(pid)
                _answer(ended=pid, code=os.waitstatus_to_exitcode(status))

    def _end_copies(self) -> None:
        for pid in self._copies:
            os.killpg(pid, signal.SIGKILL)


def _renew_epolls() -> None:
    """Replace each epoll of the original process with a new one, because a fork shares them."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the folder's own descriptor is closed already
            if os.readlink(f"/proc/self/fd/{name}") == "anon_inode:[eventpoll]":
                with _epoll() as own:
                    os.dup2(own.fileno(), int(name), inheritable=False)


def _answer(**what: int) -> None:
    _write(OUTPUT, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    service, *_ = map(importlib.import_module, sys.argv[1:])
    if Original().serve():
        sys.exit(service.main())
