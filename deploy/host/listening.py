"""Who listens on a TCP port."""

import errno
import os
import socket
from collections.abc import Collection
from pathlib import Path

_LISTENING = "0A"


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on ``host:port`` just now; port 0 always is.

    Raises:
        OSError: it could not, for another reason than that somebody else does.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind(address)
            probe.listen(1)  # two sockets may be bound to one port as long as neither listens
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def next_free_port(
    port: int, host: str = "127.0.0.1", *, step: int = 1, below: int = 65536, avoided: Collection[int] = ()
) -> int:
    """The next of the ports ``port + step``, ``port + 2 * step``, … with no server, none of ``avoided``.

    ``port`` itself where there is none below ``below``.
    """
    numbers = range(port + step, min(below, 65536), step)
    return next((number for number in numbers if number not in avoided and is_free(number, host)), port)


def listener_name(port: int, proc: Path = Path("/proc")) -> str:
    """Who listens on ``port``, as `` by name (process 123)``; empty where the system does not tell."""
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
        except OSError:  # ended meanwhile, or another user's
            continue
    return ""
