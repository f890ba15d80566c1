"""TCP ports of servers under test."""

import random
from pathlib import Path
from typing import Final

from deploy.local.listening import is_free

#: Above what well-known servers listen on, below what Linux gives to outgoing connections and Kubernetes to services.
_CANDIDATES: Final = range(12000, 30000)
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Whatever the seed of a test says: processes that test at the same time must not draw the same ports.
_RANDOM: Final = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """A TCP port of loopback that nothing listens on, given once in a process.

    It is none that the system gives to outgoing connections: any connection of the machine could take such a port
    before its server listens on it, or while that server restarts.
    """
    ephemeral = _ephemeral()
    candidates = [port for port in _CANDIDATES if port not in ephemeral and port not in _given]
    while True:
        port = _RANDOM.choice(candidates)
        if is_free(port):
            _given.add(port)
            return port
        candidates.remove(port)


def _ephemeral() -> range:
    """The ports of outgoing connections; Linux's usual ones where the system does not tell, or where they are all."""
    usual = range(32768, 61000)
    try:
        first, last = map(int, _EPHEMERAL.read_text().split())
    except OSError:
        return usual
    told = range(first, last + 1)
    return usual if _CANDIDATES.start in told and _CANDIDATES.stop - 1 in told else told
