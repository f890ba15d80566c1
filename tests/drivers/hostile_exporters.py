"""Misbehaving exporters: ``python -m tests.drivers.hostile_exporters KIND=COUNT …``.

Prints the ports of each kind as one line of JSON, and serves until it is terminated.
"""

import gzip
import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Final

_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
_PAGE_BYTES: Final = 8 * 2**20 - 1000
_SERIES: Final = 19_000


def _exposition(lines: Sequence[str]) -> bytes:
    """Return an exposition of almost 8 MiB with 19,000 series; ``lines`` make them from a number and a text."""
    length = _PAGE_BYTES // _SERIES - max(len(line.format(_SERIES, "")) for line in lines)
    numbers = range(_SERIES // len(lines))
    return "".join(line.format(number, "x" * length) for number in numbers for line in lines).encode()


def _answer(page: bytes) -> bytes:
    return _OK + f"Content-Length: {len(page)}\r\n\r\n".encode() + page


#: Returns the chunks of a response.
_Parts = Callable[[], Iterator[bytes]]


def _well() -> Iterator[bytes]:
    # Each response differs.
    yield _answer(f"node_load1 {time.monotonic():.2f}\n".encode())


@cache
def _always(*lines: str) -> _Parts:
    answer = _answer(_exposition(lines))
    return lambda: iter([answer])


def _always_of(head: bytes, body: bytes) -> _Parts:
    answer = head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    return lambda: iter([answer])


def _endless(head: bytes, part: bytes, pause_seconds: float = 0.0) -> _Parts:
    def parts() -> Iterator[bytes]:
        yield head
        while True:
            yield part
            time.sleep(pause_seconds)

    return parts


KINDS: Final[dict[str, Callable[[], _Parts]]] = {
    "well": lambda: _well,
    "processors": lambda: _always('node_cpu_seconds_total{{cpu="{0}",mode="user{1}"}} 1\n'),
    "disks": lambda: _always('node_disk_read_bytes_total{{device="sd{0}{1}"}} 1\n'),
    # All file systems are full and read-only: the most alerts that a node can have.
    "mounts": lambda: _always(
        *(
            f'node_filesystem_{name}{{{{device="{{0}}",fstype="ext4",mountpoint="/{{0}}"}}}} {value} {{1}}\n'
            for name, value in {"size_bytes": 1000, "free_bytes": 0, "avail_bytes": 0, "readonly": 1}.items()
        )
    ),
    "series": lambda: _always('node_cpu_seconds_total{{cpu="{0}",mode="idle"}} {0} {1}\n'),
    "drip": lambda: _endless(_OK + b"\r\nnode_load1 ", b"1", 0.02),
    "head": lambda: _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "fields": lambda: _endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: a\r\n" * 500),
    "body": lambda: _endless(_OK + b"\r\n", b"node_load1 one\n" * 4000),
    "chunks": lambda: _endless(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n\n\r\n" * 8000),
    "gzip": lambda: _endless(_OK + b"Content-Encoding: gzip\r\n\r\n", b"\x1f\x8b\x08" + b"\x00" * 65536),
    # 256 KiB that inflate to 256 MiB.
    "bomb": lambda: _always_of(_OK + b"Content-Encoding: gzip\r\n", gzip.compress(bytes(2**28), 9)),
    "redirect": lambda: _endless(b"HTTP/1.1 302 Found\r\nLocation: /metrics\r\nContent-Length: 0\r\n\r\n", b"x" * 9000),
}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, parts: _Parts) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.parts = parts

    def handle_error(self, *_: object) -> None:
        pass


class _Handler(socketserver.BaseRequestHandler):
    request: socket.socket
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):
            while self.request.recv(65536):  # a request is one segment on loopback
                for part in self.server.parts():
                    self.request.sendall(part)


def serve(kind: str) -> int:
    """Start exporters of that kind; return the port."""
    server = _Server(KINDS[kind]())
    threading.Thread(target=server.serve_forever, args=(3600,), daemon=True).start()
    port: int = server.server_address[1]
    return port


def _main(arguments: list[str]) -> None:
    ports: dict[str, list[int]] = {}
    for argument in arguments:
        kind, _, count = argument.partition("=")
        ports[kind] = [serve(kind) for _ in range(int(count))]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _main(sys.argv[1:])
