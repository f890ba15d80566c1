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
from collector.said.issues import dns_name_failed
from collector.said.looks import no_answer_within
from collector.said.sentence import english, plural
from collector.target_entries import Entry, discovered
from contract.messages import Coded

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
        #: That, and why, the name cannot be looked up.
        self.problem: Coded | None = None
        self.why: Coded | str | None = None
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
            self._fail("timeout", no_answer_within(LOOKUP_SECONDS))
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
            _log.info("%s under the DNS name %s", plural(len(addresses), "target"), self.host)
        if addresses != self._addresses:
            self._addresses = addresses
            self.entries = tuple(discovered(address, self.port) for address in addresses)
        self.is_answered, self._answered_at = True, time.monotonic()
        self.problem = self.why = None
        self.is_tried.set()

    def _fail(self, reason: str, why: Coded | str) -> None:
        DNS_FAILURES.labels(reason).inc()
        problem = dns_name_failed(self.host, len(self.entries), why)
        if self.problem is None:
            _log.warning("%s", english(problem))
        self.problem, self.why = problem, why
        self.is_tried.set()
