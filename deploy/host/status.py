"""Checks whether the product is ready: live data flow, and the page answers. Also formats the nodes' problems."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Arguments of a Python that has the api and its settings. The api waits up to 20 s for live data.
STATUS_ARGUMENTS = ("-m", "api.status", "--json", "--wait", "20")
_TIMEOUT_SECONDS = 5.0
_LIMIT_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024
#: Maximum problems in the output. The page shows all of them.
_ISSUES_LIMIT = 8


@dataclass(frozen=True)
class Status:
    """The api's report."""

    is_live: bool
    #: Why live data do not flow; empty if they do.
    missing: str = ""
    epoch: int = 0
    seq: int = 0
    nodes_online: int = 0
    nodes_total: int = 0
    #: Problems of the nodes, a sentence each.
    issues: tuple[str, ...] = ()

    @classmethod
    def parse(cls, output: str) -> Status:
        """Return the status from the last line of the api's output. If it is not a status, it becomes ``missing``."""
        last_line = (output.strip().splitlines() or ["the api printed nothing"])[-1]
        try:
            report = json.loads(last_line)
            last = report["round"] or {}
            return cls(
                is_live=report["live"],
                missing=report["missing"] or "",
                epoch=last.get("epoch", 0),
                seq=last.get("seq", 0),
                nodes_online=last.get("nodes_online", 0),
                nodes_total=last.get("nodes_total", 0),
                issues=tuple(report["issues"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls(is_live=False, missing=last_line)


class ReadinessCheck:
    """Checks repeatedly whether live data flow, and then whether the page on ``host:port`` answers, without blocking.

    A separate process asks the api. The time since the start counts from the constructor.
    """

    def __init__(
        self, python: Sequence[str], variables: Mapping[str, str], host: str, port: int, **popen_options: Any
    ) -> None:
        """``python``: command of a Python that has the api; ``variables``: the api's settings."""
        self._command = [*python, *STATUS_ARGUMENTS]
        self._popen_options = {"env": dict(variables), **popen_options}
        self._host = host
        self._port = port
        self._started = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self._output = bytearray()
        #: The last status.
        self.status = Status(is_live=False)
        #: What was missing at the last check, as a sentence.
        self.missing = "the api has not answered yet"

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def is_ready(self) -> bool:
        """Whether live data flow and the page answers. Does not wait for the api."""
        if not self.status.is_live:
            if self._process is None:
                self._start()
            if not self._has_api_exited():
                return False
            self.status = Status.parse(self._output.decode(errors="replace"))
            self.close()
        self.missing = self.status.missing or page_failure(self._host, self._port)
        return not self.missing

    def close(self) -> None:
        """Kill the process that asks the api."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def _start(self) -> None:
        self._output.clear()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **self._popen_options,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def _has_api_exited(self) -> bool:
        """Read the process's output; return whether the output has ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while more := os.read(self._process.stdout.fileno(), _READ_BYTES):
                self._output += more
        except BlockingIOError:
            return False
        return True


def page_failure(host: str, port: int, scheme: str = "http") -> str:
    """Request the first page without signing in; return why it does not answer, empty if it does.

    If everybody must sign in, the sign-in page counts as an answer. The request is written by hand: the HTTP client
    of the standard library would double the supervisor's memory.
    """
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    received = bytearray()
    try:
        with socket.create_connection((host, port), _TIMEOUT_SECONDS) as plain, _secured(plain, scheme) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {name}\r\nAccept: text/html\r\n\r\n".encode())
            while len(received) < _LIMIT_BYTES and (more := connection.recv(_READ_BYTES)):
                received += more
    except OSError as error:
        return f"the page does not answer on {name} ({error})"
    status_line = re.match(rb"HTTP/1\.\d (\d{3})\b", received)
    if not status_line:
        return f"the server on {name} does not answer in HTTP"
    return "" if status_line[1] < b"400" else f"the page answers with status {status_line[1].decode()}"


def _secured(plain: socket.socket, scheme: str) -> socket.socket:
    if scheme == "http":
        return plain
    import ssl  # Imported only here: OpenSSL takes 5 MB, and most starts do not need it.

    # The certificate does not contain this machine's address.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def count_nodes(count: int, total: int, one: str, many: str) -> str:
    """Return text such as ``1 of 1 node answers``; ``one`` and ``many`` are the singular and plural of the verb."""
    return f"{count} of {total} {'node' if total == 1 else 'nodes'} {one if count == 1 else many}"


def nodes_answering(online: int, total: int) -> str:
    """Return how many nodes answer, in words."""
    return count_nodes(online, total, "answers", "answer")


def node_issue_lines(issues: Sequence[str]) -> list[str]:
    """Return lines with the nodes' problems; empty if there are none."""
    if not issues:
        return []
    lines = ["\nProblems of the nodes:", *(f"  - {issue}" for issue in issues[:_ISSUES_LIMIT])]
    if len(issues) > _ISSUES_LIMIT:
        lines.append(f"  - and {len(issues) - _ISSUES_LIMIT} more, all on the page")
    return lines
