"""Runs processes together: writes their logs to one place, and stops all of them when one dies.

A process that hangs is restarted. Hang detection needs signs of life, which the embedded Valkey does not send: a kill
would lose the data that Valkey has not saved yet.
"""

import errno
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final

from deploy.local.child import Child, ProcessSpec
from deploy.local.hang_detector import HangDetector
from deploy.local.log_line import as_log_line
from runtime.settings import chosen_log_format

#: Seconds for a process to stop after the request.
GRACE_SECONDS: Final = 10.0
#: Seconds between two checks of an awaited condition.
_POLL_SECONDS: Final = 0.2
#: Longest wait of the loop, in seconds. A longer pause does not count as silence of a process.
_TICK_SECONDS: Final = 1.0
#: Seconds between two requests to stop, for a process that could not stop.
STOP_AGAIN_SECONDS: Final = 1.0
#: Signals that stop the product: from Ctrl-C, from ``kill``, and from a terminal that is closed.
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProcessDied(Exception):
    """A process exited by itself; the text names the process, how it exited, and its last log lines."""

    @property
    def is_port_conflict(self) -> bool:
        """Whether the process exited because another program listens on its port."""
        return os.strerror(errno.EADDRINUSE) in str(self)


class StopRequested(Exception):
    """A signal asked the product to stop."""


class StopSignals:
    """Catches ``STOP_SIGNALS`` and the exit of children; each makes ``descriptor`` readable."""

    def __init__(self) -> None:
        #: Number of stop signals so far.
        self.count = 0
        self.descriptor, self._writer = os.pipe()
        for descriptor in (self.descriptor, self._writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        for number in STOP_SIGNALS:
            signal.signal(number, self._count)

    def clear(self) -> None:
        """Make ``descriptor`` unreadable until the next signal."""
        try:
            os.read(self.descriptor, 4096)
        except BlockingIOError:
            return

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1


class Supervisor:
    """Keeps its children in the order of their start. All work happens in the calling thread."""

    def __init__(self, signals: StopSignals, write: Callable[[str], object] | None = None) -> None:
        self._signals = signals
        self._write = write or _write_to_stderr
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals.descriptor, selectors.EVENT_READ)
        self._children: list[Child] = []
        self._ticked_at = time.monotonic()

    def start(self, spec: ProcessSpec) -> Child:
        """Start a process.

        Raises:
            ProcessDied: the command cannot be run.
        """
        child = self._spawn(spec)
        self._children.append(child)
        return child

    def _spawn(self, spec: ProcessSpec) -> Child:
        try:
            child = Child(spec)
        except OSError as error:
            raise ProcessDied(f"{spec.name} cannot be started: {error}") from None
        self._selector.register(child.output, selectors.EVENT_READ, child)
        self._selector.register(child.hang_detector, selectors.EVENT_READ, child.hang_detector)
        return child

    def wait_until(self, condition: Callable[[], bool], within_seconds: float) -> bool:
        """Wait until ``condition`` is true; return whether that happened in time. ``condition`` may be slow.

        Raises:
            ProcessDied: a process died in the meantime.
            StopRequested: a signal came.
        """
        deadline = time.monotonic() + within_seconds
        while not condition():
            if time.monotonic() >= deadline:
                return False
            self._tick(_POLL_SECONDS)
        return True

    def run(self) -> None:
        """Run until a process dies or a signal comes.

        Raises:
            ProcessDied: a process died.
            StopRequested: a signal came.
        """
        while True:
            self._tick(_TICK_SECONDS)

    def stop(self, grace_seconds: float = GRACE_SECONDS, stop_again_seconds: float = STOP_AGAIN_SECONDS) -> None:
        """Stop all processes, as ``stop_all`` does. No process can be started afterwards."""
        self.stop_all(grace_seconds, stop_again_seconds)
        self._selector.close()

    def stop_all(self, grace_seconds: float = GRACE_SECONDS, stop_again_seconds: float = STOP_AGAIN_SECONDS) -> None:
        """Stop all processes, those with ``stops_last`` after the others. New processes can be started afterwards.

        A second signal kills the others immediately, while those with ``stops_last`` may still save their data. A third
        signal kills those too. A process that reports why it cannot stop is asked again during the grace period.
        """
        for children in (
            [child for child in self._children if not child.spec.stops_last],
            [child for child in self._children if child.spec.stops_last],
        ):
            obstacles = self._request_stop(children, grace_seconds, stop_again_seconds)
            for child in self._running(children):
                obstacle = obstacles.get(child, "it did not stop in time")
                self._log(f"{child.spec.name} is killed: {obstacle}")
                child.kill()
            while self._running(children):
                self._handle_events(1.0)
        for child in self._children:
            self._remove(child)
        self._children.clear()

    def _request_stop(self, children: list[Child], grace_seconds: float, stop_again_seconds: float) -> dict[Child, str]:
        """Ask ``children`` to stop, and wait; return why some have not stopped, as far as that is known."""
        signals_before = self._signals.count
        for child in reversed(children):
            child.terminate()
        obstacles: dict[Child, str] = {}
        deadline = time.monotonic() + grace_seconds
        next_request = time.monotonic() + stop_again_seconds
        while self._running(children) and time.monotonic() < deadline and self._signals.count == signals_before:
            self._handle_events(max(0.0, min(next_request, deadline) - time.monotonic()))
            for child in self._running(children):
                obstacle = child.stop_obstacle()
                if obstacle is not None and child not in obstacles:
                    self._log(f"{child.spec.name} cannot stop: {obstacle}; trying again for {grace_seconds:g} s")
                    obstacles[child] = obstacle
            if time.monotonic() >= next_request:
                next_request = time.monotonic() + stop_again_seconds
                for child in self._running(children):
                    if child in obstacles:
                        child.terminate()
        return obstacles

    def _log(self, text: str) -> None:
        log_format = chosen_log_format(os.environ)
        self._write(text if log_format == "text" else as_log_line("supervisor", text, log_format))

    @staticmethod
    def _running(children: list[Child]) -> list[Child]:
        return [child for child in children if child.exit_code is None]

    def _tick(self, timeout_seconds: float) -> None:
        self._handle_events(timeout_seconds)
        if self._signals.count:
            raise StopRequested
        now = time.monotonic()
        elapsed, self._ticked_at = min(now - self._ticked_at, _TICK_SECONDS), now
        for index, child in enumerate(self._children):
            child.hang_detector.advance(elapsed)
            if child.hang_detector.has_timed_out and child.exit_code is None:
                self._children[index] = self._restart(child)
        for child in self._children:
            if child.exit_code is not None:
                lines = "".join(f"\n    {line}" for line in child.last_lines())
                ending = f"{child.spec.name} {child.exit_description()}"
                raise ProcessDied(f"{ending}. Its last lines:{lines}" if lines else ending)

    def _restart(self, child: Child) -> Child:
        """Kill a process that hangs, and start it again."""
        name, seconds = child.spec.name, child.hang_detector.timeout_seconds
        self._log(f"{name} is restarted: it has hung for more than {seconds:g} s")
        child.kill()
        while child.exit_code is None:
            self._handle_events(_POLL_SECONDS)
        self._remove(child)
        return self._spawn(child.spec)

    def _remove(self, child: Child) -> None:
        """Write the last lines of a process that has exited, and stop waiting for its events."""
        self._write_new_lines(child)
        with suppress(KeyError):  # unregistered already when the log ended
            self._selector.unregister(child.output)
        self._selector.unregister(child.hang_detector)
        child.close()

    def _handle_events(self, timeout_seconds: float) -> None:
        """Wait for log lines, signs of life or a signal, and handle them."""
        for key, _ in self._selector.select(timeout_seconds):
            child = key.data
            if isinstance(child, HangDetector):
                child.receive()
                continue
            if not isinstance(child, Child):
                self._signals.clear()
                continue
            self._write_new_lines(child)
            if child.has_output_ended:
                self._selector.unregister(child.output)

    def _write_new_lines(self, child: Child) -> None:
        for line in child.read_new_lines():
            if not child.spec.is_quiet:
                self._write(line)


def _write_to_stderr(line: str) -> None:
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:  # the terminal is closed; SIGHUP follows
        return


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing but wake up. An ignored SIGCHLD would discard the exit codes."""
