"""Whether live data flow, as the api says from the inside, and whether the page answers."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass

#: What a Python is told that has the api and its settings. For 20 s it waits for live data.
ASK = ("-m", "api.status", "--json", "--wait", "20")
_TIMEOUT_SECONDS = 5.0
_LIMIT_BYTES = 1024 * 1024


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


def why_no_page(host: str, port: int, scheme: str = "http") -> str:
    """Ask for the first page as a stranger does; return why it does not come, empty if it does.

    Where all must sign in, the page of signing in is meant. By hand, since the standard library's client takes as much
    memory as all the rest of a supervisor.
    """
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    received = bytearray()
    try:
        with socket.create_connection((host, port), _TIMEOUT_SECONDS) as plain, _secured(plain, scheme) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {name}\r\nAccept: text/html\r\n\r\n".encode())
            while len(received) < _LIMIT_BYTES and (more := connection.recv(65536)):
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
