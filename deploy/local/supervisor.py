"""Keeps parts running together: their logs come out in one place, and the end of one is the end of all.

A part that hangs is started again; that needs signs of life, which the embedded Valkey does not give: killed, it would
lose what it has not saved.
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

from deploy.local.child import Child, Part
from deploy.local.log_line import as_line_of
from deploy.local.watch import Watch
from runtime.settings import chosen_log_format

#: Seconds that parts get to end once asked.
GRACE_SECONDS: Final = 10.0
#: Seconds between two looks at something that is awaited.
_LOOK_SECONDS: Final = 0.2
#: Seconds of the longest turn that count as time in which a part could have given a sign of life.
_TURN_SECONDS: Final = 1.0
#: Seconds after which a part that could not end is asked again.
ASK_AGAIN_SECONDS: Final = 1.0
#: What asks the product to end: Ctrl-C, ``kill``, a terminal that was closed.
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class PartDied(Exception):
    """A part ended by itself; the text says which, how, and what it said last."""

    @property
    def has_lost_a_port(self) -> bool:
        """Whether it says that somebody else listens where it was to."""
        return os.strerror(errno.EADDRINUSE) in str(self)


class StopAsked(Exception):
    """A signal asked for the end."""


class Signals:
    """Catches ``STOP_SIGNALS`` and the end of children; each makes ``descriptor`` readable."""

    def __init__(self) -> None:
        #: How often the process was asked to stop.
        self.stops = 0
        self.descriptor, self._writer = os.pipe()
        for descriptor in (self.descriptor, self._writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)

    def clear(self) -> None:
        """Make ``descriptor`` unreadable until the next signal."""
        try:
            os.read(self.descriptor, 4096)
        except BlockingIOError:
            return

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stops += 1


class Supervisor:
    """Children by the order of their start. Everything happens in the calling thread."""

    def __init__(self, signals: Signals, write: Callable[[str], object] | None = None) -> None:
        self._signals = signals
        self._write = write or _write_to_stderr
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals.descriptor, selectors.EVENT_READ)
        self._children: list[Child] = []
        self._turned = time.monotonic()

    def start(self, part: Part) -> Child:
        """Start a part.

        Raises:
            PartDied: its command cannot be run.
        """
        child = self._begin(part)
        self._children.append(child)
        return child

    def _begin(self, part: Part) -> Child:
        try:
            child = Child(part)
        except OSError as error:
            raise PartDied(f"{part.name} cannot be started: {error}") from None
        self._selector.register(child.output, selectors.EVENT_READ, child)
        self._selector.register(child.watch, selectors.EVENT_READ, child.watch)
        return child

    def until(self, true: Callable[[], bool], within_seconds: float) -> bool:
        """Wait for ``true``, which may take its time, to become so; return whether it did.

        Raises:
            PartDied: a part ended meanwhile.
            StopAsked: a signal asked for the end.
        """
        deadline = time.monotonic() + within_seconds
        while not true():
            if time.monotonic() >= deadline:
                return False
            self._turn(_LOOK_SECONDS)
        return True

    def run(self) -> None:
        """Wait for as long as all parts live and no signal comes.

        Raises:
            PartDied: a part ended.
            StopAsked: a signal asked for the end.
        """
        while True:
            self._turn(_TURN_SECONDS)

    def stop(self, grace_seconds: float = GRACE_SECONDS, ask_again_seconds: float = ASK_AGAIN_SECONDS) -> None:
        """End all parts, as ``end_all`` does; none is started any more."""
        self.end_all(grace_seconds, ask_again_seconds)
        self._selector.close()

    def end_all(self, grace_seconds: float = GRACE_SECONDS, ask_again_seconds: float = ASK_AGAIN_SECONDS) -> None:
        """End all parts, those that others stand on after the others; others can be started then.

        Another signal ends the others at once. Who others stand on may still save its data; a third signal ends it too.
        A part that says why it cannot end yet is asked again, for as long as the time lasts.
        """
        for children in (
            [child for child in self._children if not child.part.is_ground],
            [child for child in self._children if child.part.is_ground],
        ):
            reasons = self._ask_to_end(children, grace_seconds, ask_again_seconds)
            for child in self._running(children):
                why = reasons.get(child, "it did not end by itself")
                self._say(f"{child.part.name} is killed: {why}")
                child.kill()
            while self._running(children):
                self._pass_on(1.0)
        for child in self._children:
            self._forget(child)
        self._children.clear()

    def _ask_to_end(self, children: list[Child], grace_seconds: float, ask_again_seconds: float) -> dict[Child, str]:
        """Ask, and wait; return why some have not ended, as far as they say."""
        asked = self._signals.stops
        for child in reversed(children):
            child.terminate()
        reasons: dict[Child, str] = {}
        deadline = time.monotonic() + grace_seconds
        ask_again = time.monotonic() + ask_again_seconds
        while self._running(children) and time.monotonic() < deadline and self._signals.stops == asked:
            self._pass_on(max(0.0, min(ask_again, deadline) - time.monotonic()))
            for child in self._running(children):
                why = child.why_it_stays()
                if why is not None and child not in reasons:
                    self._say(f"{child.part.name} does not end: {why}; it is asked again for {grace_seconds:g} s")
                    reasons[child] = why
            if time.monotonic() >= ask_again:
                ask_again = time.monotonic() + ask_again_seconds
                for child in self._running(children):
                    if child in reasons:
                        child.terminate()
        return reasons

    def _say(self, text: str) -> None:
        log_format = chosen_log_format(os.environ)
        self._write(text if log_format == "text" else as_line_of("supervisor", text, log_format))

    @staticmethod
    def _running(children: list[Child]) -> list[Child]:
        return [child for child in children if child.exit_code is None]

    def _turn(self, timeout_seconds: float) -> None:
        self._pass_on(timeout_seconds)
        if self._signals.stops:
            raise StopAsked
        now = time.monotonic()
        passed, self._turned = min(now - self._turned, _TURN_SECONDS), now
        for index, child in enumerate(self._children):
            child.watch.pass_time(passed)
            if child.watch.has_lapsed and child.exit_code is None:
                self._children[index] = self._start_again(child)
        for child in self._children:
            if child.exit_code is not None:
                said = "\n".join(f"    {line}" for line in child.last_lines())
                raise PartDied(
                    f"{child.part.name} {child.how_it_ended()}" + (f"; it said last:\n{said}" if said else "")
                )

    def _start_again(self, child: Child) -> Child:
        """End a part that hangs, and start it anew."""
        name, seconds = child.part.name, child.watch.promised_seconds
        self._say(f"{name} is started again: it has hung for more than {seconds:g} s")
        child.kill()
        while child.exit_code is None:
            self._pass_on(_LOOK_SECONDS)
        self._forget(child)
        return self._begin(child.part)

    def _forget(self, child: Child) -> None:
        """Write what a part that has ended said last, and wait for nothing of it any more."""
        self._write_new_lines(child)
        with suppress(KeyError):  # its log has ended before
            self._selector.unregister(child.output)
        self._selector.unregister(child.watch)
        child.close()

    def _pass_on(self, timeout_seconds: float) -> None:
        """Wait for log lines, signs of life or a signal, and hand lines on."""
        for key, _ in self._selector.select(timeout_seconds):
            child = key.data
            if isinstance(child, Watch):
                child.receive()
                continue
            if not isinstance(child, Child):
                self._signals.clear()
                continue
            self._write_new_lines(child)
            if child.output_ended:
                self._selector.unregister(child.output)

    def _write_new_lines(self, child: Child) -> None:
        for line in child.new_lines():
            if not child.part.is_quiet:
                self._write(line)


def _write_to_stderr(line: str) -> None:
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:  # the terminal is gone; SIGHUP follows
        return


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Be woken, no more: an ignored SIGCHLD would take the exit codes away."""
