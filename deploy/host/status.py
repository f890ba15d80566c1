"""Whether live data flow, as the api says from the inside, whether the page answers, and what is said of the nodes."""

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

#: What a Python is told that has the api and its settings. For 20 s it waits for live data.
STATUS_ARGUMENTS = ("-m", "api.status", "--json", "--wait", "20")
_TIMEOUT_SECONDS = 5.0
_LIMIT_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024
#: More problems than this are on the page.
_ISSUES_LIMIT = 8


@dataclass(frozen=True)
class Status:
    """What the api said."""

    is_live: bool
    #: Why live data do not flow.
    missing: str = ""
    epoch: int = 0
    seq: int = 0
    nodes_online: int = 0
    nodes_total: int = 0
    #: What is wrong with the nodes.
    issues: tuple[str, ...] = ()

    @classmethod
    def read(cls, said: str) -> Status:
        """The status in the last line of what the api said; any other text is why there is none."""
        last_line = (said.strip().splitlines() or ["the api says nothing"])[-1]
        try:
            found = json.loads(last_line)
            last = found["round"] or {}
            return cls(
                is_live=found["live"],
                missing=found["missing"] or "",
                epoch=last.get("epoch", 0),
                seq=last.get("seq", 0),
                nodes_online=last.get("nodes_online", 0),
                nodes_total=last.get("nodes_total", 0),
                issues=tuple(found["issues"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls(is_live=False, missing=last_line)


class ReadinessCheck:
    """Asks the api until live data flow, and then for the page on ``host:port``, while its caller goes on.

    The api is asked by a process of its own. The clock starts at once.
    """

    def __init__(self, python: Sequence[str], variables: Mapping[str, str], host: str, port: int, **how: Any) -> None:
        """``python``: one that has the api; ``variables``: its settings; ``how``: options of ``Popen``."""
        self._command = [*python, *STATUS_ARGUMENTS]
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

    def is_ready(self) -> bool:
        """Look whether live data flow and the page answers. It does not wait for the api's answer."""
        if not self.status.is_live:
            if self._process is None:
                self._begin()
            if not self._has_ended():
                return False
            self.status = Status.read(self._said.decode(errors="replace"))
            self.close()
        self.missing = self.status.missing or page_failure(self._host, self._port)
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


def page_failure(host: str, port: int, scheme: str = "http") -> str:
    """Ask for the first page as a stranger does; return why it does not come, empty if it does.

    Where all must sign in, the page of signing in is meant. By hand, since the standard library's client takes as much
    memory as all the rest of a supervisor.
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
    found = re.match(rb"HTTP/1\.\d (\d{3})\b", received)
    if not found:
        return f"what answers on {name} is no HTTP"
    return "" if found[1] < b"400" else f"the page answers with status {found[1].decode()}"


def _secured(plain: socket.socket, scheme: str) -> socket.socket:
    if scheme == "http":
        return plain
    import ssl  # Only here: OpenSSL takes 5 MB, and most starts need none.

    # A certificate does not name the address of this machine.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def count_nodes(count: int, total: int, one: str, many: str) -> str:
    """Return ``1 of 1 node answers``, ``3 of 4 nodes answer``: ``one`` and ``many`` are the verb."""
    return f"{count} of {total} {'node' if total == 1 else 'nodes'} {one if count == 1 else many}"


def nodes_answering(online: int, total: int) -> str:
    """Say how many nodes answer."""
    return count_nodes(online, total, "answers", "answer")


def node_issue_lines(issues: Sequence[str]) -> list[str]:
    """Lines that say what is wrong with the nodes; none where nothing is."""
    if not issues:
        return []
    lines = ["\nAbout the nodes:", *(f"  - {issue}" for issue in issues[:_ISSUES_LIMIT])]
    if len(issues) > _ISSUES_LIMIT:
        lines.append(f"  - and {len(issues) - _ISSUES_LIMIT} more, all on the page")
    return lines
