"""Look names up in the system's name service: the hosts of exporters, and the DNS names that stand for targets."""

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
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.logs import RateLimitedLog

_log = logging.getLogger(__name__)
#: Family, and the address as numbers.
Address = tuple[socket.AddressFamily, str]
#: Seconds for which ``Resolver`` uses an answer again.
ANSWER_SECONDS: Final = 30.0
#: Seconds after a failure before ``Resolver`` looks the name up again.
FAILURE_SECONDS: Final = 5.0
#: Lookups of ``Resolver`` at a time; the name of a machine that is off can take 5 s under ``.local``.
LOOKUPS_LIMIT: Final = 32
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
#: Seconds after which a lookup of a ``DnsName`` counts as failed, although its answer is waited for.
LOOKUP_SECONDS: Final = 5.0
#: What the name service says of a name without an address; not all of these are known everywhere.
_NO_ADDRESS: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
)
#: Intervals for which an answer counts when another collector is taken over from.
OLD_INTERVALS: Final = 3


def look_up(host: str) -> tuple[Address, ...]:
    """Return the addresses of ``host``.

    Raises:
        OSError: the name is not known, or nobody could be asked.
    """
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        raise OSError(f"{host} cannot be looked up: {error}") from None
    # The numeric form keeps the zone of a link-local address, which the bare address lacks.
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return tuple((info[0], socket.getnameinfo(info[4], numeric)[0]) for info in infos)


@dataclass(frozen=True)
class _Answer:
    addresses: tuple[Address, ...]
    error: OSError | None
    until: float


class Resolver(AbstractResolver):
    """Asks the system's name service, one lookup a name at a time, and remembers what it said for a while.

    While the name service itself is away, the last good answer stays in use.
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
            OSError: the name is not known, or nobody could be asked.
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
        """Whether the name service has not answered yet."""
        return host in self._running

    async def close(self) -> None:
        """Forget the lookups under way."""
        for task in self._running.values():
            task.cancel()

    async def _look_up(self, host: str) -> _Answer:
        now = asyncio.get_running_loop().time
        async with self._slots:
            try:
                addresses = await run_in_daemon_thread(lambda: look_up(host), f"look up {host}")
                answer = _Answer(addresses, None, now() + ANSWER_SECONDS)
            except OSError as error:
                former = self._answers.get(host)
                known = former is not None and former.error is None
                if former is not None and known and error.args[:1] == (socket.EAI_AGAIN,):
                    answer = _Answer(former.addresses, None, now() + FAILURE_SECONDS)
                else:
                    answer = _Answer((), error, now() + FAILURE_SECONDS)
        self._answers[host] = answer
        return answer


class DnsName:
    """A name and a port. While a name cannot be looked up, its last addresses stay in force."""

    def __init__(self, host: str, port: int, look_up: Callable[[str], Sequence[Address]]) -> None:
        self.host = host
        self.port = port
        self.entries: tuple[TargetEntry, ...] = ()
        #: Whether the name service has ever said which addresses there are, be it none.
        self.is_answered = False
        #: That, and why, the name cannot be looked up.
        self.problem: Coded | None = None
        self.why: Coded | str | None = None
        #: Set once the first lookup has ended, or failed.
        self.first_lookup_done = asyncio.Event()
        self._look_up = look_up
        self._addresses: list[str] = []
        self._answered_at = -math.inf

    async def look_up(self) -> None:
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


class DnsTargets:
    """One task a name, so that one that hangs holds up no other."""

    def __init__(
        self,
        names: Iterable[tuple[str, int]],
        interval_seconds: float,
        look_up: Callable[[str], Sequence[Address]] = look_up,
    ) -> None:
        """``names`` are hosts and ports; ``look_up`` is called in threads."""
        self.names = [DnsName(host, port, look_up) for host, port in names]
        self._interval_seconds = interval_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._told = self._answers()
        self._occasionally = RateLimitedLog(_log)

    @property
    def entries(self) -> list[TargetEntry]:
        """The targets of all names."""
        return [entry for name in self.names for entry in name.entries]

    @property
    def problems(self) -> list[Coded]:
        """Which names cannot be looked up, and why."""
        return [name.problem for name in self.names if name.problem is not None]

    @property
    def unanswered_ports(self) -> set[int]:
        """The ports of the names of which nothing is known yet."""
        return {name.port for name in self.names if not name.is_answered}

    def has_changed(self) -> bool:
        """Whether something is known now that was not at the call before."""
        told, self._told = self._told, self._answers()
        return told != self._told

    def forget(self) -> None:
        """Forget the answers that are older than one that comes every interval can be."""
        for name in self.names:
            name.forget(OLD_INTERVALS * self._interval_seconds + LOOKUP_SECONDS)

    def start(self) -> None:
        """Look all names up from now on, each once an interval."""
        self._tasks = [asyncio.create_task(self._follow(name)) for name in self.names]

    async def tried(self) -> None:
        """Wait until each name was looked up once, with or without success, which takes a few seconds at most."""
        await asyncio.gather(*(name.first_lookup_done.wait() for name in self.names))

    async def stop(self) -> None:
        """Look nothing up any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _answers(self) -> list[tuple[bool, tuple[TargetEntry, ...]]]:
        return [(name.is_answered, name.entries) for name in self.names]

    async def _follow(self, name: DnsName) -> None:
        while True:
            begun = time.monotonic()
            try:
                await name.look_up()
            except Exception as error:
                self._occasionally.warning("look", "looking %s up failed: %r", name.host, error)
            await asyncio.sleep(max(0.0, begun + self._interval_seconds - time.monotonic()))
