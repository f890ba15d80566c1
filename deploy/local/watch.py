"""The signs of life that a part of the product gives, as ``runtime/watchdog.py`` sends them."""

import os
import re
import socket
import sys
from typing import Final

_LONGEST_BYTES: Final = 256


class Watch:
    """Receives the signs of life of one part; on Linux alone, whose names of sockets need no file.

    Time is told to it, not read: where the whole machine, or the supervisor itself, stood still, no part is to blame.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        #: For the part's ``NOTIFY_SOCKET``; empty where none can be had.
        self.address = ""
        #: Seconds of silence after which the part hangs; ``None`` until it has said so.
        self.promised_seconds: float | None = None
        self._silent_seconds = 0.0
        if sys.platform == "linux":
            name = f"dispycluster-{os.urandom(8).hex()}"
            self._socket.bind(f"\0{name}")
            self.address = f"@{name}"

    def fileno(self) -> int:
        """Descriptor to wait on."""
        return self._socket.fileno()

    def receive(self) -> None:
        """Take what has come."""
        while True:
            try:
                message = self._socket.recv(_LONGEST_BYTES)
            except BlockingIOError:
                return
            promise = re.search(rb"^WATCHDOG_USEC=([0-9]{1,12})$", message, re.MULTILINE)
            if promise:
                self.promised_seconds = int(promise[1]) / 1e6
            self._silent_seconds = 0.0

    def pass_time(self, seconds: float) -> None:
        """Note that so much time has passed."""
        self._silent_seconds += seconds

    @property
    def has_lapsed(self) -> bool:
        """Whether the part has been silent for longer than it promised."""
        return self.promised_seconds is not None and self._silent_seconds > self.promised_seconds

    def close(self) -> None:
        """Receive no more."""
        self._socket.close()
