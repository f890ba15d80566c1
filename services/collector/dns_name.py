"""One DNS name: the targets that its addresses are."""

import asyncio
import logging
import math
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from collector.daemon_thread import run_in_daemon_thread
from collector.lookup import Address
from collector.metrics import DNS_FAILURES
from collector.target_entries import Entry, discovered

_log = logging.getLogger(__name__)
#: Seconds after which a lookup counts as failed, although its answer is waited for.
LOOKUP_SECONDS: Final = 5.0
#: What the name service says of a name without an address; not all of these are known everywhere.
_NO_ADDRESS: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
)


class DnsName:
    """A name and a port. While a name cannot be looked up, its last addresses stay in force."""

    def __init__(self, host: str, port: int, look_up: Callable[[str], Sequence[Address]]) -> None:
        self.host = host
        self.port = port
        self.entries: tuple[Entry, ...] = ()
        #: Whether the name service has ever said which addresses there are, be it none.
        self.is_answered = False
        #: Why the name cannot be looked up, as a sentence for people.
        self.problem: str | None = None
        #: Set once the first lookup has ended, or failed.
        self.is_tried = asyncio.Event()
        self._look_up = look_up
        self._addresses: list[str] = []
        self._answered_at = -math.inf

    async def look(self) -> None:
        """Look the name up, however long it takes: a lookup that hangs stays the only one."""
        lookup = run_in_daemon_thread(lambda: self._look_up(self.host), f"look up {self.host}")
        done, _ = await asyncio.wait([lookup], timeout=LOOKUP_SECONDS)
        if not done:
            self._fail("timeout", f"no answer within {LOOKUP_SECONDS:g} s")
            await asyncio.wait([lookup])
        error = lookup.exception()
        if error is None:
            self._take(sorted({address for _, address in lookup.result()}))
        elif isinstance(error, socket.gaierror) and error.errno in _NO_ADDRESS:
            self._take([])
        else:
            self._fail("error", getattr(error, "strerror", None) or str(error) or type(error).__name__)

    def forget(self, older_than_seconds: float) -> None:
        """Count as not answered, if the last answer is older than that: who was up to date knows better."""
        if time.monotonic() - self._answered_at > older_than_seconds:
            self.entries, self._addresses, self.is_answered = (), [], False

    def _take(self, addresses: list[str]) -> None:
        if self.problem is not None or not self.is_answered or addresses != self._addresses:
            _log.info("%d targets under the DNS name %s", len(addresses), self.host)
        if addresses != self._addresses:
            self._addresses = addresses
            self.entries = tuple(discovered(address, self.port) for address in addresses)
        self.is_answered, self.problem, self._answered_at = True, None, time.monotonic()
        self.is_tried.set()

    def _fail(self, reason: str, why: str) -> None:
        DNS_FAILURES.labels(reason).inc()
        former = f", its former {len(self.entries)} targets stay" if self.entries else ""
        problem = f"The DNS name {self.host} cannot be looked up{former}: {why}"
        if self.problem is None:
            _log.warning("%s", problem)
        self.problem = problem
        self.is_tried.set()
