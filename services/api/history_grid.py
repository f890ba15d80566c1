"""The regular steps that a history is answered in, and how stored entries fill them; no input or output."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from contract.distribution import DISTRIBUTED, Distribution
from contract.history import MEASURES, RESOLUTIONS, HistoryEntry, Resolution, Summary
from contract.messages import Epoch
from contract.rest import DistributionValues, HistoryValues

E = TypeVar("E")


class Stored(NamedTuple, Generic[E]):
    """An entry of a stream, or a distribution, with what its id says."""

    start_ms: int
    epoch: Epoch
    entry: E


class Window(NamedTuple):
    """A part of a stream, from ``start_ms`` to, not including, ``end_ms``."""

    step: Resolution
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Grid:
    """``points`` steps of ``step_ms`` from ``start_ms`` on, filled from entries of ``base`` up to ``until_ms``."""

    base: Resolution
    start_ms: int
    step_ms: int
    points: int
    until_ms: int

    @property
    def end_ms(self) -> int:
        """End of the last step."""
        return self.start_ms + self.points * self.step_ms

    def windows(self) -> list[Window]:
        """What is to be read, coarsest first: of finer steps than ``base`` that which it may not have yet."""
        windows = [Window(self.base, self.start_ms, self.end_ms)]
        step = self.base
        while step.source is not None:
            # In which the step is that goes on, and the one before, whose entry may be on its way.
            start_ms = self.until_ms - 2000 * step.seconds
            step = step.source
            windows.append(Window(step, max(self.start_ms, start_ms), self.end_ms))
        return windows

    def fill(
        self, streams: Iterable[tuple[Resolution, Iterable[Stored[E]]]], merge: Callable[[list[E]], E]
    ) -> list[E | None]:
        """One entry a step, made by ``merge`` of what ``windows`` gave; ``None`` where there is nothing."""
        cells: list[list[E]] = [[] for _ in range(self.points)]
        for stored in _without_repetitions(streams):
            cell = (stored.start_ms - self.start_ms) // self.step_ms
            if 0 <= cell < self.points:
                cells[cell].append(stored.entry)
        return [None if not cell else cell[0] if len(cell) == 1 else merge(cell) for cell in cells]


def make_grid(start_ms: int, end_ms: int, points: int, *, now_ms: int, interval_seconds: float) -> Grid:
    """Return the grid for a range, in Unix milliseconds, with at most ``points`` steps.

    A step is at least two scrape intervals, so that slow scraping makes no gaps, and a multiple of a stored step: of
    the coarsest that is fine enough, among those that reach back to the start.
    """
    reaching = [step for step in RESOLUTIONS if start_ms >= now_ms - 1000 * step.retention_seconds] or [RESOLUTIONS[-1]]
    wanted_ms = max(-(-(end_ms - start_ms) // points), round(2000 * interval_seconds))
    base = [reaching[0], *(step for step in reaching if 1000 * step.seconds <= wanted_ms)][-1]
    step_ms = -(-wanted_ms // (1000 * base.seconds)) * 1000 * base.seconds
    last = -(-end_ms // step_ms)
    first = max(start_ms // step_ms, last - points)
    return Grid(base, first * step_ms, step_ms, last - first, until_ms=min(end_ms, now_ms))


def values_of(cells: Sequence[HistoryEntry | None], measure: str) -> HistoryValues:
    """One measure of a filled grid."""
    position = list(MEASURES).index(measure)
    triples = [_triple(None if entry is None else entry.summaries[position]) for entry in cells]
    low, average, high = zip(*triples, strict=True)
    return HistoryValues(min=low, avg=average, max=high)


def distribution_of(cells: Sequence[Distribution | None], measure: str) -> DistributionValues:
    """How one measure lies, of a filled grid."""
    position = DISTRIBUTED.index(measure)
    spreads = [None if cell is None else cell.quantiles[position] for cell in cells]
    p10, median, p90, high, node = zip(*(spread or (None,) * 5 for spread in spreads), strict=True)
    return DistributionValues(p10=p10, median=median, p90=p90, max=high, max_node=node)


def _triple(summary: Summary) -> tuple[float | None, float | None, float | None]:
    return summary if isinstance(summary, tuple) else (summary, summary, summary)


def _without_repetitions(streams: Iterable[tuple[Resolution, Iterable[Stored[E]]]]) -> Iterator[Stored[E]]:
    """Leave out finer entries that are contained in a coarser one, which is of the same epoch."""
    contained_until_ms: dict[Epoch, int] = {}
    for step, entries in streams:
        ends = dict(contained_until_ms)
        for stored in entries:
            if stored.start_ms >= contained_until_ms.get(stored.epoch, 0):
                ends[stored.epoch] = stored.start_ms + 1000 * step.seconds
                yield stored
        contained_until_ms = ends
