"""Look up names in the system's name service: the hosts of exporters, and the DNS names of targets."""

import asyncio
import logging
import math
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from collector.metrics import DNS_FAILURES
from collector.sentences.failures import no_answer_within
from collector.sentences.issues import dns_name_failed
from collector.sentences.sentence import english, plural
from collector.targets.entry import TargetEntry, discovered_entry
from collector.targets.followed import FollowedSources
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.logs import RateLimitedLog

_log = logging.getLogger(__name__)
#: Address family and numeric address.
Address = tuple[socket.AddressFamily, str]
#: Seconds for which ``Resolver`` reuses an answer.
ANSWER_SECONDS: Final = 30.0
#: Seconds after a failure before ``Resolver`` looks the name up again.
FAILURE_SECONDS: Final = 5.0
#: Concurrent lookups of ``Resolver``; a ``.local`` name of a machine that is off can take 5 s.
LOOKUPS_LIMIT: Final = 32
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
#: Seconds after which a lookup of a ``DnsName`` counts as failed; its answer is still used when it arrives.
LOOKUP_SECONDS: Final = 5.0
#: Error codes of the name service for a name without an address; not every platform has all of them.
_NO_ADDRESS: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
)


def look_up(host: str) -> tuple[Address, ...]:
    """Return the addresses of ``host``.

    Raises:
        OSError: the name is unknown, or the name service does not answer.
    """
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        raise OSError(f"{host} cannot be looked up: {error}") from None
    # The numeric form keeps the zone of a link-local address.
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return tuple((info[0], socket.getnameinfo(info[4], numeric)[0]) for info in infos)


@dataclass(frozen=True)
class _Answer:
    addresses: tuple[Address, ...]
    error: OSError | None
    until: float


class Resolver(AbstractResolver):
    """Looks up names in the system's name service, one lookup per name at a time, and caches the answers.

    While the name service is unavailable, the last successful answer stays in use.
    """

    def __init__(self) -> None:
        self._answers: dict[str, _Answer] = {}
        self._running: dict[str, asyncio.Task[_Answer]] = {}
        self._slots = asyncio.Semaphore(LOOKUPS_LIMIT)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of ``host``.

        Raises:
            OSError: the name is unknown, or the name service does not answer.
        """
        answer = self._answers.get(host)
        if answer is None or answer.until <= asyncio.get_running_loop().time():
            task = self._running.get(host)
            if task is None:
                task = self._running[host] = asyncio.create_task(self._look_up(host))
                task.add_done_callback(lambda _: self._running.pop(host, None))
            answer = await asyncio.shield(task)
        if answer.error is not None:
            raise answer.error
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=socket.IPPROTO_TCP, flags=_NUMERIC)
            for kind, address in answer.addresses
            if family in (socket.AF_UNSPEC, kind)
        ]

    def is_waiting_for(self, host: str) -> bool:
        """Whether a lookup of ``host`` is running."""
        return host in self._running

    async def close(self) -> None:
        """Cancel the running lookups."""
        for task in self._running.values():
            task.cancel()

    async def _look_up(self, host: str) -> _Answer:
        now = asyncio.get_running_loop().time
        async with self._slots:
            try:
                addresses = await run_in_daemon_thread(lambda: look_up(host), f"look up {host}")
                answer = _Answer(addresses, None, now() + ANSWER_SECONDS)
            except OSError as error:
                previous = self._answers.get(host)
                if previous is not None and previous.error is None and error.args[:1] == (socket.EAI_AGAIN,):
                    answer = _Answer(previous.addresses, None, now() + FAILURE_SECONDS)
                else:
                    answer = _Answer((), error, now() + FAILURE_SECONDS)
        self._answers[host] = answer
        return answer


class DnsName:
    """A DNS name and a port. While lookups of the name fail, its last addresses stay in use."""

    def __init__(self, host: str, port: int, look_up: Callable[[str], Sequence[Address]]) -> None:
        self.host = host
        self.port = port
        self.entries: tuple[TargetEntry, ...] = ()
        #: Whether ``entries`` come from a successful lookup; "no address" counts as success.
        self.is_answered = False
        #: The problem that the lookup fails, and the cause alone.
        self.problem: Coded | None = None
        self.why: Coded | str | None = None
        #: Set after the first lookup has succeeded or failed.
        self.first_lookup_done = asyncio.Event()
        self._look_up = look_up
        self._addresses: list[str] = []
        self._answered_at = -math.inf

    async def look_up(self) -> None:
        """Look up the name without a time limit: while a lookup hangs, no second lookup starts."""
        lookup = run_in_daemon_thread(lambda: self._look_up(self.host), f"look up {self.host}")
        done, _ = await asyncio.wait([lookup], timeout=LOOKUP_SECONDS)
        if not done:
            self._fail("timeout", no_answer_within(LOOKUP_SECONDS))
            await asyncio.wait([lookup])
        error = lookup.exception()
        if error is None:
            self._set_addresses(sorted({address for _, address in lookup.result()}))
        elif isinstance(error, socket.gaierror) and error.errno in _NO_ADDRESS:
            self._set_addresses([])
        else:
            self._fail("error", getattr(error, "strerror", None) or str(error) or type(error).__name__)

    def forget(self, older_than_seconds: float) -> None:
        """Drop the last answer if it is older: the previous collector had newer ones."""
        if time.monotonic() - self._answered_at > older_than_seconds:
            self.entries, self._addresses, self.is_answered = (), [], False

    def _set_addresses(self, addresses: list[str]) -> None:
        if self.problem is not None or not self.is_answered or addresses != self._addresses:
            _log.info("%s from the DNS name %s", plural(len(addresses), "target"), self.host)
        if addresses != self._addresses:
            self._addresses = addresses
            self.entries = tuple(discovered_entry(address, self.port) for address in addresses)
        self.is_answered, self._answered_at = True, time.monotonic()
        self.problem = self.why = None
        self.first_lookup_done.set()

    def _fail(self, reason: str, why: Coded | str) -> None:
        DNS_FAILURES.labels(reason).inc()
        problem = dns_name_failed(self.host, len(self.entries), why)
        if self.problem is None:
            _log.warning("%s", english(problem))
        self.problem, self.why = problem, why
        self.first_lookup_done.set()


class DnsTargets(FollowedSources[DnsName]):
    """Follows DNS names."""

    def __init__(
        self,
        names: Iterable[tuple[str, int]],
        interval_seconds: float,
        look_up: Callable[[str], Sequence[Address]] = look_up,
    ) -> None:
        """``names``: hosts and ports; ``look_up`` runs in threads."""
        super().__init__([DnsName(host, port, look_up) for host, port in names], interval_seconds, LOOKUP_SECONDS)
        self._rate_limited_log = RateLimitedLog(_log)

    @property
    def names(self) -> list[DnsName]:
        """The names that are followed."""
        return self.sources

    @property
    def unanswered_ports(self) -> set[int]:
        """The ports of the names without a successful lookup."""
        return {name.port for name in self.names if not name.is_answered}

    async def first_lookups_done(self) -> None:
        """Wait until the first lookup of each name has succeeded or failed, a few seconds at most."""
        await asyncio.gather(*(name.first_lookup_done.wait() for name in self.names))

    async def _refresh(self, source: DnsName) -> None:
        try:
            await source.look_up()
        except Exception as error:
            self._rate_limited_log.warning("lookup", "the lookup of %s failed: %r", source.host, error)
