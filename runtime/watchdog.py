"""Heartbeats for the process's supervisor: systemd, or the supervisor of local mode.

Both use systemd's protocol: a datagram to the socket ``NOTIFY_SOCKET``. The first datagram sets the timeout after which
the supervisor restarts the process. Until then the supervisor expects no heartbeats, so a starting process, or an older
release that sends none, is safe. Source: sd_notify(3), ``WATCHDOG_USEC=`` and ``WATCHDOG=1``.
"""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

#: Seconds without a heartbeat after which the supervisor restarts a process.
TIMEOUT_SECONDS: Final = 10
#: Longest time between two heartbeats.
BEAT_SECONDS: Final = 2.0


class Watchdog:
    """Sends the heartbeats of the main loop; does nothing without a supervisor."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        address = variables.get("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._began = False
        self._next = 0.0
        if address.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    @property
    def is_watched(self) -> bool:
        """Whether a supervisor expects heartbeats."""
        return self._socket is not None

    def beat(self) -> None:
        """Send a heartbeat, at most one per second; call this at least every ``BEAT_SECONDS``."""
        now = time.monotonic()
        if self._socket is None or now < self._next:
            return
        # Half the time, so that a call that comes a little early still counts.
        self._next = now + BEAT_SECONDS / 2
        message = b"WATCHDOG=1" if self._began else b"WATCHDOG_USEC=%d\nWATCHDOG=1" % (TIMEOUT_SECONDS * 1_000_000)
        with suppress(OSError):  # the supervisor is busy or gone
            self._socket.sendto(message, self._address)
            self._began = True
