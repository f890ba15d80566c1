"""How the values of all nodes lie in one step of the history: beside the cluster's average, which hides outliers.

An entry is a JSON array: how many rounds it is made of, then for each of ``DISTRIBUTED`` ``null`` (no node knew it) or
``[10th percentile, median, 90th percentile, maximum, "name of the maximum's node"]``. The percentiles are over the
nodes, of the average that each had in the step; the maximum is of all samples. Each step, a coarse one too, is made of
its nodes' own entries, so that no percentile is one of percentiles.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from contract.codec import UndecodableMessage, encode
from contract.history import MEASURES, HistoryEntry

#: Measures of the history that have a distribution, in the order in which entries hold them.
DISTRIBUTED: Final = ("cpu_usage", "memory_usage", "disk_usage", "temperature")
_POSITIONS: Final = tuple(list(MEASURES).index(measure) for measure in DISTRIBUTED)
#: All of them are rounded to this many digits in the snapshot.
_DIGITS: Final = 1


class Quantiles(NamedTuple):
    """One measure over all nodes; ``max_node`` is the name of the node that has the maximum."""

    p10: float
    median: float
    p90: float
    max: float
    max_node: str


class Distribution(NamedTuple):
    """All measures in one step, made of so many rounds; ``None`` where no node knew it."""

    samples: int
    spreads: tuple[Quantiles | None, ...]


class DistributionBuilder:
    """Takes in the entries of all nodes of one step."""

    __slots__ = ("_averages", "_highest")

    def __init__(self) -> None:
        self._averages: list[list[float]] = [[] for _ in DISTRIBUTED]
        #: Of each measure the maximum and its node; of equal ones the first.
        self._highest: list[tuple[float, str]] = [(-math.inf, "") for _ in DISTRIBUTED]

    def add(self, node: str, entry: HistoryEntry) -> None:
        """Take in what ``node`` was like in the step."""
        for number, position in enumerate(_POSITIONS):
            summary = entry.summaries[position]
            if summary is None:
                continue
            average, high = summary[1:] if isinstance(summary, tuple) else (summary, summary)
            self._averages[number].append(average)
            if high > self._highest[number][0]:
                self._highest[number] = high, node

    def spreads(self) -> Iterator[Quantiles | None]:
        """Of each measure how it lies, one by one: each takes a moment where there are many nodes."""
        for averages, (high, node) in zip(self._averages, self._highest, strict=True):
            if not averages:
                yield None
                continue
            averages.sort()
            yield Quantiles(_quantile(averages, 0.1), _quantile(averages, 0.5), _quantile(averages, 0.9), high, node)


def _quantile(values: Sequence[float], part: float) -> float:
    """Between the two of the sorted ``values`` that are nearest (Hyndman and Fan's seventh, as numpy and R have it)."""
    position = part * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return round(values[low] + (position - low) * (values[high] - values[low]), _DIGITS) + 0.0


def merge_distributions(distributions: Iterable[Distribution]) -> Distribution:
    """Make one of several, of which there is at least one, for a reader whose steps are longer.

    Of percentiles the averages, weighted by the rounds; of maximums the highest. The percentile of the longer step
    itself cannot be had from these.
    """
    some = list(distributions)
    columns = zip(*(each.spreads for each in some), strict=True)
    weights = [each.samples for each in some]
    return Distribution(sum(weights), tuple(_merged(spreads, weights) for spreads in columns))


def _merged(spreads: Sequence[Quantiles | None], weights: Sequence[int]) -> Quantiles | None:
    known = [(spread, weight) for spread, weight in zip(spreads, weights, strict=True) if spread is not None]
    if not known:
        return None
    highest = max((spread for spread, _ in known), key=lambda spread: spread.max)
    return Quantiles(
        _average([(spread.p10, weight) for spread, weight in known]),
        _average([(spread.median, weight) for spread, weight in known]),
        _average([(spread.p90, weight) for spread, weight in known]),
        highest.max,
        highest.max_node,
    )


def _average(weighted: Sequence[tuple[float, int]]) -> float:
    total = sum(value * weight for value, weight in weighted)
    return round(total / sum(weight for _, weight in weighted), _DIGITS) + 0.0


def encode_distribution(distribution: Distribution) -> bytes:
    """Write a distribution as it stands in a stream."""
    return encode((distribution.samples, *distribution.spreads))


def decode_distribution(raw: bytes) -> Distribution:
    """Read a distribution. Measures that its writer did not know are ``None``; those that only it knew are left out.

    Raises:
        UndecodableMessage: it is none.
    """
    try:
        samples, *spreads = _decoder().decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UndecodableMessage(raw, f"not a distribution ({error})") from None
    if type(samples) is not int or samples < 1 or not all(isinstance(each, Quantiles | None) for each in spreads):
        raise UndecodableMessage(raw, "not a distribution (no number of rounds, or no spread in its place)")
    missing = len(DISTRIBUTED) - len(spreads)
    return Distribution(samples, tuple(spreads[: len(DISTRIBUTED)]) + (None,) * missing)  # type: ignore[arg-type]


@functools.cache
def _decoder() -> msgspec.json.Decoder[list[int | Quantiles | None]]:
    return msgspec.json.Decoder(list[int | Quantiles | None])
