"""Sources of targets outside of files, such as DNS names, which are asked once per interval."""

import asyncio
import time
from collections.abc import Iterable
from typing import Final, Generic, Protocol, TypeVar

from collector.targets.entry import TargetEntry
from contract.messages import Coded

#: Age in intervals up to which an answer counts when this collector takes over from another one.
OLD_INTERVALS: Final = 3


class Source(Protocol):
    """One source and its last answer."""

    entries: tuple[TargetEntry, ...]
    #: Whether the source has an answer.
    is_answered: bool
    #: Why the last attempt failed; ``None`` if it succeeded.
    problem: Coded | None

    def forget(self, older_than_seconds: float) -> None:
        """Drop the last answer if it is older."""


S = TypeVar("S", bound=Source)


class FollowedSources(Generic[S]):
    """Follows sources, each in its own task: a source that hangs does not delay the others."""

    def __init__(self, sources: Iterable[S], interval_seconds: float, answer_seconds: float) -> None:
        """``answer_seconds``: the longest time that an answer takes."""
        self.sources = list(sources)
        self._interval_seconds = interval_seconds
        self._answer_seconds = answer_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._last_answers = self._answers()

    @property
    def entries(self) -> list[TargetEntry]:
        """The targets of all sources."""
        return [entry for source in self.sources for entry in source.entries]

    @property
    def problems(self) -> list[Coded]:
        """Failing attempts, with their causes."""
        return [source.problem for source in self.sources if source.problem is not None]

    def has_changed(self) -> bool:
        """Whether an answer changed since the previous call."""
        previous, self._last_answers = self._last_answers, self._answers()
        return previous != self._last_answers

    def forget(self) -> None:
        """Drop the answers that are older than ``OLD_INTERVALS`` intervals."""
        for source in self.sources:
            source.forget(OLD_INTERVALS * self._interval_seconds + self._answer_seconds)

    def start(self) -> None:
        """Start to ask each source once per interval."""
        self._tasks = [asyncio.create_task(self._follow(source)) for source in self.sources]

    async def stop(self) -> None:
        """Stop all tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _refresh(self, source: S) -> None:
        raise NotImplementedError

    def _answers(self) -> list[tuple[bool, tuple[TargetEntry, ...]]]:
        return [(source.is_answered, source.entries) for source in self.sources]

    async def _follow(self, source: S) -> None:
        while True:
            started = time.monotonic()
            await self._refresh(source)
            await asyncio.sleep(max(0.0, started + self._interval_seconds - time.monotonic()))
