"""The distribution of a measure over all nodes in one step of the history. It shows outliers, which averages hide.

An entry is a JSON array: the number of rounds, then for each measure of ``DISTRIBUTED`` either ``null`` (no node has a
value) or ``[10th percentile, median, 90th percentile, maximum, "node with the maximum"]``. The percentiles are over the
averages of the nodes in the step; the maximum is over all samples. Every resolution computes its entries from the
nodes' own entries, so percentiles are never computed from percentiles.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from contract.codec import UndecodableMessage, encode
from contract.history import MEASURES, HistoryEntry

#: Measures of the history that have a distribution, in the order of an entry.
DISTRIBUTED: Final = ("cpu_usage", "memory_usage", "disk_usage", "temperature")
_POSITIONS: Final = tuple(list(MEASURES).index(measure) for measure in DISTRIBUTED)
#: Decimal digits, as in the snapshot.
_DIGITS: Final = 1


class Quantiles(NamedTuple):
    """The distribution of one measure over all nodes; ``max_node`` is the name of the node with the maximum."""

    p10: float
    median: float
    p90: float
    max: float
    max_node: str


class Distribution(NamedTuple):
    """The distribution of all measures in one step.

    ``samples`` is the number of rounds. ``quantiles`` follows the order of ``DISTRIBUTED``; ``None`` for a measure that
    no node has.
    """

    samples: int
    quantiles: tuple[Quantiles | None, ...]


class DistributionBuilder:
    """Computes the distribution of one step from the entries of all nodes."""

    __slots__ = ("_averages", "_highest")

    def __init__(self) -> None:
        self._averages: list[list[float]] = [[] for _ in DISTRIBUTED]
        #: For each measure the maximum and the first node that has it.
        self._highest: list[tuple[float, str]] = [(-math.inf, "") for _ in DISTRIBUTED]

    def add(self, node: str, entry: HistoryEntry) -> None:
        """Add the entry of ``node`` for the step."""
        for number, position in enumerate(_POSITIONS):
            summary = entry.summaries[position]
            if summary is None:
                continue
            average, high = summary[1:] if isinstance(summary, tuple) else (summary, summary)
            self._averages[number].append(average)
            if high > self._highest[number][0]:
                self._highest[number] = high, node

    def quantiles(self) -> Iterator[Quantiles | None]:
        """Yield the quantiles of each measure in turn. With many nodes each takes some milliseconds."""
        for averages, (high, node) in zip(self._averages, self._highest, strict=True):
            if not averages:
                yield None
                continue
            averages.sort()
            yield Quantiles(_quantile(averages, 0.1), _quantile(averages, 0.5), _quantile(averages, 0.9), high, node)


def _quantile(values: Sequence[float], part: float) -> float:
    """Return a quantile of the sorted ``values`` by linear interpolation.

    Source: Hyndman and Fan (1996), method 7, the default of numpy and R.
    """
    position = part * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return round(values[low] + (position - low) * (values[high] - values[low]), _DIGITS) + 0.0


def merge_distributions(distributions: Iterable[Distribution]) -> Distribution:
    """Merge at least one distribution into one for a longer step.

    The result has the average of the percentiles, weighted by rounds, and the highest maximum. The true percentiles of
    the longer step cannot be computed from distributions.
    """
    some = list(distributions)
    columns = zip(*(each.quantiles for each in some), strict=True)
    weights = [each.samples for each in some]
    return Distribution(sum(weights), tuple(_merged(quantiles, weights) for quantiles in columns))


def _merged(quantiles: Sequence[Quantiles | None], weights: Sequence[int]) -> Quantiles | None:
    known = [(one, weight) for one, weight in zip(quantiles, weights, strict=True) if one is not None]
    if not known:
        return None
    highest = max((one for one, _ in known), key=lambda one: one.max)
    return Quantiles(
        _average([(one.p10, weight) for one, weight in known]),
        _average([(one.median, weight) for one, weight in known]),
        _average([(one.p90, weight) for one, weight in known]),
        highest.max,
        highest.max_node,
    )


def _average(weighted: Sequence[tuple[float, int]]) -> float:
    total = sum(value * weight for value, weight in weighted)
    return round(total / sum(weight for _, weight in weighted), _DIGITS) + 0.0


def encode_distribution(distribution: Distribution) -> bytes:
    """Encode a distribution as the entry of a stream."""
    return encode((distribution.samples, *distribution.quantiles))


def decode_distribution(raw: bytes) -> Distribution:
    """Decode a distribution. A measure unknown to the writer is ``None``; a measure unknown here is left out.

    Raises:
        UndecodableMessage: ``raw`` is not a distribution.
    """
    try:
        samples, *quantiles = _decoder().decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UndecodableMessage(raw, f"not a distribution ({error})") from None
    if type(samples) is not int or samples < 1 or not all(isinstance(each, Quantiles | None) for each in quantiles):
        raise UndecodableMessage(raw, "not a distribution (an invalid number of rounds, or invalid quantiles)")
    missing = len(DISTRIBUTED) - len(quantiles)
    return Distribution(samples, tuple(quantiles[: len(DISTRIBUTED)]) + (None,) * missing)  # type: ignore[arg-type]


@functools.cache
def _decoder() -> msgspec.json.Decoder[list[int | Quantiles | None]]:
    return msgspec.json.Decoder(list[int | Quantiles | None])
