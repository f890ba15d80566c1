"""TCP ports of servers under test."""

import fcntl
import os
import random
import tempfile
from pathlib import Path
from typing import IO, Final

from deploy.host.listening import is_free

#: Above what well-known servers listen on, below what Linux gives to outgoing connections and Kubernetes to services.
_CANDIDATES: Final = range(12000, 30000)
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Whatever the seed of a test says: processes that test at the same time must not draw the same ports.
_RANDOM: Final = random.SystemRandom()
#: One file a port. Whoever holds its lock may use the port; the kernel releases the lock when that process ends.
_LOCKS: Final = Path(tempfile.gettempdir(), f"dispycluster-test-ports-{os.getuid()}")
_held: dict[int, IO[bytes]] = {}


def free_port() -> int:
    """Return a TCP port of loopback that nothing listens on and that no other test process of this machine holds.

    A port is given once in a process, which holds it until it ends. It is none that the system gives to outgoing
    connections: any connection of the machine could take such a port before its server listens on it, or while that
    server restarts.
    """
    ephemeral = _ephemeral()
    candidates = [port for port in _CANDIDATES if port not in ephemeral and port not in _held]
    while True:
        port = _RANDOM.choice(candidates)
        if _hold(port) and is_free(port):
            return port
        candidates.remove(port)


def inner_ports() -> dict[str, str]:
    """Return free ports for the parts of the local mode, as its variables.

    By itself it looks for free ones from 8000 on, and two that start at the same moment find the same.
    """
    return {name: str(free_port()) for name in ("API_PORT", "WS_PORT", "COLLECTOR_PORT", "VALKEY_PORT")}


def _hold(port: int) -> bool:
    """Reserve a port for this process; return whether no other process holds it."""
    _LOCKS.mkdir(exist_ok=True)
    lock = (_LOCKS / str(port)).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _held[port] = lock
    return True


def _ephemeral() -> range:
    """The ports of outgoing connections; Linux's usual ones where the system does not tell, or where they are all."""
    usual = range(32768, 61000)
    try:
        first, last = map(int, _EPHEMERAL.read_text().split())
    except OSError:
        return usual
    told = range(first, last + 1)
    return usual if _CANDIDATES.start in told and _CANDIDATES.stop - 1 in told else told
