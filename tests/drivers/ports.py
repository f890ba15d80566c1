"""Free TCP ports for servers under test."""

import fcntl
import os
import random
import tempfile
from pathlib import Path
from typing import IO, Final

from deploy.host.listening import is_free

#: Above the ports of well-known servers, below those of Linux's outgoing connections and of Kubernetes's Services.
_CANDIDATES: Final = range(12000, 30000)
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Independent of a test's seed: concurrent test processes must choose different ports.
_RANDOM: Final = random.SystemRandom()
#: One file for each port. The process that locks it may use the port; its exit releases the lock.
_LOCKS: Final = Path(tempfile.gettempdir(), f"dispycluster-test-ports-{os.getuid()}")
_held: dict[int, IO[bytes]] = {}


def free_port() -> int:
    """Return a free TCP port of loopback that no other test process uses.

    A process gets each port once. The port is outside the range of outgoing connections: such a connection could take
    it before its server listens, or while the server restarts.
    """
    ephemeral = _ephemeral()
    candidates = [port for port in _CANDIDATES if port not in ephemeral and port not in _held]
    while True:
        port = _RANDOM.choice(candidates)
        if _reserve(port) and is_free(port):
            return port
        candidates.remove(port)


def inner_ports() -> dict[str, str]:
    """Return free ports for the processes of the local mode, as its variables.

    By default the local mode searches from 8000 on, and two concurrent starts find the same ports.
    """
    return {name: str(free_port()) for name in ("API_PORT", "WS_PORT", "COLLECTOR_PORT", "VALKEY_PORT")}


def _reserve(port: int) -> bool:
    """Reserve a port for this process; return whether that succeeded."""
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
    """Return the range of outgoing connections' ports; Linux's default if the system does not report a smaller one."""
    usual = range(32768, 61000)
    try:
        first, last = map(int, _EPHEMERAL.read_text().split())
    except OSError:
        return usual
    reported = range(first, last + 1)
    return usual if _CANDIDATES.start in reported and _CANDIDATES.stop - 1 in reported else reported
