"""HTTP byte by byte: sends unchanged bytes and returns all responses of a connection."""

import http.client
import io
import socket
from dataclasses import dataclass
from typing import Final

#: Seconds for a response on a busy machine.
_PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Answer:
    """An HTTP response; header names in lowercase."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(
    method: str,
    target: str | bytes,
    *headers: str | bytes,
    body: bytes = b"",
    host: str = "127.0.0.1",
    close: bool = True,
) -> bytes:
    """Return the bytes of a request, with a ``Host`` and a length unless ``headers`` has them."""
    lines = [_bytes(method) + b" " + _bytes(target) + b" HTTP/1.1", *map(_bytes, headers)]
    named = {line.partition(b":")[0].strip().lower() for line in lines[1:]}
    if b"host" not in named:
        lines.append(b"Host: " + _bytes(host))
    if body and not named & {b"content-length", b"transfer-encoding"}:
        lines.append(b"Content-Length: %d" % len(body))
    if close and b"connection" not in named:
        lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"", body])


def exchange(
    port: int,
    sent: bytes,
    *,
    patience_seconds: float = _PATIENCE_SECONDS,
    address: str = "127.0.0.1",
    ends: bool = True,
) -> list[Answer]:
    """Send bytes on a new connection; return the responses until the server closes it.

    If the server keeps the connection open, return the responses within the time. ``address`` is a loopback address.
    ``ends``: whether the client shuts down its side after ``sent``; aiohttp does not answer such a client.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", port), patience_seconds, (address, 0)) as connection:
        try:
            connection.sendall(sent)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                received += data
        except OSError:
            pass  # the server closed it early, or kept it open
    return parsed(received, has_body=not sent.startswith(b"HEAD "))


def ask(port: int, sent: bytes, *, ends: bool = True) -> Answer:
    """Send one request; return its only response."""
    answers = exchange(port, sent, ends=ends)
    assert len(answers) == 1, f"{sent[:200]!r}: {answers}"
    return answers[0]


def parsed(received: bytes, *, has_body: bool = True) -> list[Answer]:
    """Parse the responses in received bytes.

    Raises:
        AssertionError: the bytes are not HTTP.
    """
    answers = []
    while received:
        file = _Received(received)
        response = http.client.HTTPResponse(file, method="GET" if has_body else "HEAD")  # type: ignore[arg-type]
        try:
            response.begin()
            body = response.read()
        except http.client.HTTPException as error:
            raise AssertionError(f"no HTTP: {error!r} in {received[:300]!r}") from None
        headers = {name.lower(): value for name, value in response.getheaders()}
        answers.append(Answer(response.status, headers, body))
        received = file.rest()
    return answers


class _Received(io.BytesIO):
    """Received bytes in place of a socket, which ``http.client`` closes at the end of a response."""

    def makefile(self, mode: str) -> "io.BytesIO":
        return self

    def close(self) -> None:
        """Stay open for the next response."""

    def rest(self) -> bytes:
        return self.getvalue()[self.tell() :]


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
