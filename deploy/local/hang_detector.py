"""Detects a process that hangs, by the signs of life that ``runtime/watchdog.py`` sends."""

import os
import re
import socket
import sys
from typing import Final

_MESSAGE_LIMIT_BYTES: Final = 256


class HangDetector:
    """Receives the signs of life of one process. Works on Linux only, where a socket's name needs no file.

    The caller passes in how much time has elapsed. So no process counts as hanging when the whole machine or the
    supervisor was suspended.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        #: Value of the process's ``NOTIFY_SOCKET``; empty where the system has no such sockets.
        self.address = ""
        #: Seconds of silence after which the process counts as hanging; ``None`` until the process has sent the number.
        self.timeout_seconds: float | None = None
        self._silent_seconds = 0.0
        if sys.platform == "linux":
            name = f"dispycluster-{os.urandom(8).hex()}"
            self._socket.bind(f"\0{name}")
            self.address = f"@{name}"

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    def receive(self) -> None:
        """Read all messages that have arrived."""
        while True:
            try:
                message = self._socket.recv(_MESSAGE_LIMIT_BYTES)
            except BlockingIOError:
                return
            timeout = re.search(rb"^WATCHDOG_USEC=([0-9]{1,12})$", message, re.MULTILINE)
            if timeout:
                self.timeout_seconds = int(timeout[1]) / 1e6
            self._silent_seconds = 0.0

    def advance(self, seconds: float) -> None:
        """Count elapsed time."""
        self._silent_seconds += seconds

    @property
    def has_timed_out(self) -> bool:
        """Whether the process has been silent for longer than its own timeout."""
        return self.timeout_seconds is not None and self._silent_seconds > self.timeout_seconds

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
