"""The regular steps of a history answer, and how stored entries fill them. No input or output."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from contract.distribution import DISTRIBUTED, Distribution
from contract.history import MEASURES, RESOLUTIONS, HistoryEntry, Resolution, Summary
from contract.messages import Epoch
from contract.rest import DistributionValues, HistoryValues

E = TypeVar("E")


class StoredEntry(NamedTuple, Generic[E]):
    """A history entry or a distribution, with the values of its stream id."""

    start_ms: int
    epoch: Epoch
    entry: E


class Window(NamedTuple):
    """A range of a stream, from ``start_ms`` to, not including, ``end_ms``."""

    resolution: Resolution
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Grid:
    """``points`` steps of ``step_ms`` from ``start_ms`` on.

    Entries of resolution ``base`` up to ``until_ms`` fill the steps.
    """

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
        """Return the windows to read, coarsest first.

        The finer windows cover the end of the range, which ``base`` may still lack.
        """
        windows = [Window(self.base, self.start_ms, self.end_ms)]
        resolution = self.base
        while resolution.source is not None:
            # The current period of this resolution, and the one before, which the collector may not have stored yet.
            start_ms = self.until_ms - 2000 * resolution.seconds
            resolution = resolution.source
            windows.append(Window(resolution, max(self.start_ms, start_ms), self.end_ms))
        return windows

    def fill(
        self, streams: Iterable[tuple[Resolution, Iterable[StoredEntry[E]]]], merge: Callable[[list[E]], E]
    ) -> list[E | None]:
        """Return one entry per step, merged from the streams of ``windows``; ``None`` for a step without entries."""
        cells: list[list[E]] = [[] for _ in range(self.points)]
        for stored in without_repetitions(streams):
            cell = (stored.start_ms - self.start_ms) // self.step_ms
            if 0 <= cell < self.points:
                cells[cell].append(stored.entry)
        return [None if not cell else cell[0] if len(cell) == 1 else merge(cell) for cell in cells]


def make_grid(start_ms: int, end_ms: int, points: int, *, now_ms: int, interval_seconds: float) -> Grid:
    """Return the grid for a range, in Unix milliseconds, with at most ``points`` steps.

    A step covers at least two scrape intervals, so that slow scraping leaves no gaps. A step is a multiple of a stored
    resolution: the coarsest one that is fine enough, among the resolutions that reach back to the start.
    """
    reaching = [
        resolution for resolution in RESOLUTIONS if start_ms >= now_ms - 1000 * resolution.retention_seconds
    ] or [RESOLUTIONS[-1]]
    wanted_ms = max(-(-(end_ms - start_ms) // points), round(2000 * interval_seconds))
    base = [reaching[0], *(resolution for resolution in reaching if 1000 * resolution.seconds <= wanted_ms)][-1]
    step_ms = -(-wanted_ms // (1000 * base.seconds)) * 1000 * base.seconds
    last = -(-end_ms // step_ms)
    first = max(start_ms // step_ms, last - points)
    return Grid(base, first * step_ms, step_ms, last - first, until_ms=min(end_ms, now_ms))


def values_of(cells: Sequence[HistoryEntry | None], measure: str) -> HistoryValues:
    """Return the values of one measure."""
    position = list(MEASURES).index(measure)
    triples = [_triple(None if entry is None else entry.summaries[position]) for entry in cells]
    low, average, high = zip(*triples, strict=True)
    return HistoryValues(min=low, avg=average, max=high)


def distribution_of(cells: Sequence[Distribution | None], measure: str) -> DistributionValues:
    """Return the distribution of one measure."""
    position = DISTRIBUTED.index(measure)
    spreads = [None if cell is None else cell.quantiles[position] for cell in cells]
    p10, median, p90, high, node = zip(*(spread or (None,) * 5 for spread in spreads), strict=True)
    return DistributionValues(p10=p10, median=median, p90=p90, max=high, max_node=node)


def _triple(summary: Summary) -> tuple[float | None, float | None, float | None]:
    return summary if isinstance(summary, tuple) else (summary, summary, summary)


def without_repetitions(streams: Iterable[tuple[Resolution, Iterable[StoredEntry[E]]]]) -> Iterator[StoredEntry[E]]:
    """Leave out finer entries that a coarser entry of the same epoch contains. ``streams`` is from coarse to fine."""
    contained_until_ms: dict[Epoch, int] = {}
    for resolution, entries in streams:
        ends = dict(contained_until_ms)
        for stored in entries:
            if stored.start_ms >= contained_until_ms.get(stored.epoch, 0):
                ends[stored.epoch] = stored.start_ms + 1000 * resolution.seconds
                yield stored
        contained_until_ms = ends
