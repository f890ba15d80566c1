"""The targets that DNS names stand for, looked up once a round."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from collector.dns_name import LOOKUP_SECONDS, DnsName
from collector.lookup import Address, look_up
from collector.target_entries import Entry
from contract.messages import Coded
from runtime.logs import Occasionally

_log = logging.getLogger(__name__)
#: Intervals for which an answer counts when another collector is taken over from.
OLD_INTERVALS: Final = 3


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
        self._occasionally = Occasionally(_log)

    @property
    def entries(self) -> list[Entry]:
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
        await asyncio.gather(*(name.is_tried.wait() for name in self.names))

    async def stop(self) -> None:
        """Look nothing up any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _answers(self) -> list[tuple[bool, tuple[Entry, ...]]]:
        return [(name.is_answered, name.entries) for name in self.names]

    async def _follow(self, name: DnsName) -> None:
        while True:
            begun = time.monotonic()
            try:
                await name.look()
            except Exception as error:
                self._occasionally.warning("look", "looking %s up failed: %r", name.host, error)
            await asyncio.sleep(max(0.0, begun + self._interval_seconds - time.monotonic()))
