"""Look names up without letting the slow ones hold up the others."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from collector.daemon_thread import run_in_daemon_thread
from collector.lookup import Address, look_up

#: Seconds that an answer is used again.
ANSWER_SECONDS: Final = 30.0
#: Seconds after a failure before the name is looked up again.
FAILURE_SECONDS: Final = 5.0
#: Lookups at a time; the name of a machine that is off can take 5 s under ``.local``.
LOOKUPS_LIMIT: Final = 32

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


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
