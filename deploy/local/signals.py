"""Signals as something to wait for beside other things."""

import os
import signal
from types import FrameType
from typing import Final

#: What asks the product to end: Ctrl-C, ``kill``, a terminal that was closed.
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Be woken, no more: an ignored SIGCHLD would take the exit codes away."""
