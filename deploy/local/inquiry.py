"""Asks the api whether live data flow, in a process of its own, while whoever starts the product goes on."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.host.status import ASK, Status, why_no_page

_READ_BYTES = 64 * 1024


class Inquiry:
    """Asks until live data flow, and then for the page on ``host:port``; starts its clock at once."""

    def __init__(self, python: Sequence[str], variables: Mapping[str, str], host: str, port: int, **how: Any) -> None:
        """``python``: one that has the api; ``variables``: its settings; ``how``: options of ``Popen``."""
        self._command = [*python, *ASK]
        self._how = {"env": dict(variables), **how}
        self._host = host
        self._port = port
        self._started = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self._said = bytearray()
        #: The last answer.
        self.status = Status(is_live=False)
        #: What was not there yet at the last look, as a sentence.
        self.missing = "the api has not answered yet"

    @property
    def elapsed_seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._started

    def is_answered(self) -> bool:
        """Look whether live data flow and the page answers. It does not wait for the api's answer."""
        if not self.status.is_live:
            if self._process is None:
                self._begin()
            if not self._has_ended():
                return False
            self.status = Status.read(self._said.decode(errors="replace"))
            self.close()
        self.missing = self.status.missing or why_no_page(self._host, self._port)
        return not self.missing

    def close(self) -> None:
        """Ask no longer."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def _begin(self) -> None:
        self._said.clear()
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self._how
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def _has_ended(self) -> bool:
        """Take in what it says; return whether that was all."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while more := os.read(self._process.stdout.fileno(), _READ_BYTES):
                self._said += more
        except BlockingIOError:
            return False
        return True
