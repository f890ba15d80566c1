"""One small HTTP request. The standard library's client would take as much memory as all the rest of the supervisor."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_LIMIT_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """An HTTP response; header names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


def fetch(
    host: str,
    port: int,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = 5.0,
) -> Answer:
    """GET ``path``, or POST ``body`` to it; with more ``headers`` than those that every request has.

    Raises:
        OSError: no answer, or none that is HTTP.
    """
    host_name = f"[{host}]" if ":" in host else host
    method = "GET" if body is None else "POST"
    lines = [f"{method} {path} HTTP/1.0", f"Host: {host_name}:{port}", "Accept: text/html, */*"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines += ["Content-Type: text/plain;charset=UTF-8", f"Content-Length: {len(body)}"]
    received = bytearray()
    with socket.create_connection((host, port), timeout_seconds) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        while (more := connection.recv(65536)) and len(received) < _LIMIT_BYTES:
            received += more
    head, end, content = bytes(received).partition(b"\r\n\r\n")
    status_line, *header_lines = head.decode("latin-1").split("\r\n")
    words = status_line.split(" ", 2)
    if not end or not words[0].startswith("HTTP/1.") or not words[1:2] or not words[1].isdigit():
        raise OSError("the answer is no HTTP")
    answered = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in header_lines)}
    return Answer(int(words[1]), answered, content)
