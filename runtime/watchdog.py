"""Signs of life for whoever watches this process: systemd, or the local mode's supervisor.

Both speak systemd's protocol: a datagram to the socket that ``NOTIFY_SOCKET`` names. The first one says after how many
seconds of silence the process is to be restarted, so that nobody watches a process that is still starting, nor a former
release that sends nothing. Source: sd_notify(3), ``WATCHDOG_USEC=`` and ``WATCHDOG=1``.
"""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

#: Seconds of silence after which a process is restarted.
SILENCE_SECONDS: Final = 10
#: Seconds between two signs of life.
BEAT_SECONDS: Final = 2.0


class Watchdog:
    """Tells the watcher that the main loop turns; does nothing where nobody watches."""

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
        """Whether somebody waits for signs of life."""
        return self._socket is not None

    def beat(self) -> None:
        """Give a sign of life, at most one each second; call it every ``BEAT_SECONDS`` at least."""
        now = time.monotonic()
        if self._socket is None or now < self._next:
            return
        # A call that comes a little early would count for nothing otherwise.
        self._next = now + BEAT_SECONDS / 2
        message = b"WATCHDOG=1" if self._began else b"WATCHDOG_USEC=%d\nWATCHDOG=1" % (SILENCE_SECONDS * 1_000_000)
        with suppress(OSError):  # the watcher is busy or gone
            self._socket.sendto(message, self._address)
            self._began = True
