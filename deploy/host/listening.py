"""Finds free TCP ports, and the program that listens on a port."""

import errno
import os
import socket
from collections.abc import Collection
from pathlib import Path

_LISTENING = "0A"


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server can listen on ``host:port`` now; always true for port 0.

    Raises:
        OSError: a server cannot listen there, for another reason than a taken port.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            candidate.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            candidate.bind(address)
            candidate.listen(1)  # two sockets may be bound to one port while neither listens
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def next_free_port(
    port: int, host: str = "127.0.0.1", *, step: int = 1, below: int = 65536, avoided: Collection[int] = ()
) -> int:
    """Return the first free port of ``port + step``, ``port + 2 * step``, … that is not in ``avoided``.

    If no such port is below ``below``, return ``port``.
    """
    numbers = range(port + step, min(below, 65536), step)
    return next((number for number in numbers if number not in avoided and is_free(number, host)), port)


def listener_name(port: int, proc: Path = Path("/proc")) -> str:
    """Return the program that listens on ``port``, as `` by name (process 123)``; empty if it cannot be found."""
    inodes = set[str]()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, lines):
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{columns[9]}]")
    for process in sorted(proc.glob("[0-9]*")):
        try:
            if any(os.readlink(descriptor) in inodes for descriptor in (process / "fd").iterdir()):
                return f" by {(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:  # the process exited meanwhile, or belongs to another user
            continue
    return ""
