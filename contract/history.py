"""The metric history: its resolutions, its measures, and its entries. An entry summarises one node in one step.

An entry is a JSON array: the number of samples, then for each of ``MEASURES`` either ``null`` (unknown), one number
(all samples had this value), or ``[minimum, average, maximum]``. Unknown measures at the end are left out. A step
without samples has no entry.
"""

import functools
import math
from array import array
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import msgspec

from contract.codec import UndecodableMessage, encode

#: Recorded fields of a snapshot's node in the order of an entry, with their decimal digits (``None``: whole numbers).
MEASURES: Final[dict[str, int | None]] = {
    "cpu_usage": 1,
    "memory_usage": 1,
    "disk_usage": 1,
    "temperature": 1,
    "load1": 2,
    "network_receive_bytes_per_second": None,
    "network_transmit_bytes_per_second": None,
    "disk_read_bytes_per_second": None,
    "disk_written_bytes_per_second": None,
    # New measures go to the end, so that entries of older writers stay readable.
    "iowait": 1,
    "swap_usage": 1,
    "pressure_io": None,
    "pressure_memory": None,
}
_DIGITS: Final = tuple(MEASURES.values())

#: Node name of the cluster's averages.
CLUSTER_NODE: Final = ""

#: One value, or minimum, average and maximum; ``None`` if unknown.
Summary = float | tuple[float, float, float] | None


class Resolution(NamedTuple):
    """The length of a step, and the time for which entries of this length are kept."""

    seconds: int
    range_seconds: int
    #: The finer resolution whose entries are merged; its length divides this one. ``None``: entries come from samples.
    source: "Resolution | None"

    @property
    def retention_seconds(self) -> int:
        """Age at which an entry is dropped: the range, plus a margin for the step that begins before it."""
        return self.range_seconds + 2 * self.seconds


TEN_SECONDS: Final = Resolution(10, 3600, None)
MINUTE: Final = Resolution(60, 6 * 3600, TEN_SECONDS)
FOUR_MINUTES: Final = Resolution(240, 24 * 3600, MINUTE)
HALF_HOUR: Final = Resolution(1800, 7 * 24 * 3600, MINUTE)
#: From fine to coarse.
RESOLUTIONS: Final = (TEN_SECONDS, MINUTE, FOUR_MINUTES, HALF_HOUR)


class HistoryEntry(NamedTuple):
    """A node in one step; ``summaries`` is in the order of ``MEASURES``."""

    samples: int
    summaries: tuple[Summary, ...]


_SUMS_OF_A_MEASURE: Final = 4
#: For each measure its weight, minimum, weighted sum and maximum, without an entry.
_NO_SUMS: Final = array("d", len(_DIGITS) * (0.0, math.inf, 0.0, -math.inf))
_FIRST_OF_MEASURES: Final = range(0, len(_NO_SUMS), _SUMS_OF_A_MEASURE)


class Rollup:
    """Merges entries into one, weighted by their numbers of samples. A collector has three for each node."""

    __slots__ = ("_samples", "_sums")

    def __init__(self) -> None:
        self._samples = 0
        #: Like ``_NO_SUMS``. Lists would take three times the memory.
        self._sums = _NO_SUMS[:]

    def add(self, entry: HistoryEntry) -> None:
        """Add ``entry``."""
        samples, sums = entry.samples, self._sums
        self._samples += samples
        for first, summary in zip(_FIRST_OF_MEASURES, entry.summaries, strict=True):
            if summary is None:
                continue
            low, average, high = summary if isinstance(summary, tuple) else (summary, summary, summary)
            sums[first] += samples
            if low < sums[first + 1]:
                sums[first + 1] = low
            sums[first + 2] += average * samples
            if high > sums[first + 3]:
                sums[first + 3] = high

    def entry(self) -> HistoryEntry:
        """Return the merged entry, with averages rounded as in the snapshot."""
        sums = self._sums
        columns = (sums[number::_SUMS_OF_A_MEASURE] for number in range(_SUMS_OF_A_MEASURE))
        return HistoryEntry(self._samples, tuple(map(_summary, *columns, _DIGITS)))


def _summary(weight: float, low: float, total: float, high: float, digits: int | None) -> Summary:
    if not weight:
        return None
    if digits is None:
        low, high = _whole(low), _whole(high)
    return low if low == high else (low, round(total / weight, digits), high)


def _whole(value: float) -> float:
    """Return a whole number without a decimal point, as the snapshot has it."""
    return int(value) if value.is_integer() else value


def merge(entries: Iterable[HistoryEntry]) -> HistoryEntry:
    """Merge at least one entry into one."""
    rollup = Rollup()
    for entry in entries:
        rollup.add(entry)
    return rollup.entry()


def encode_entry(entry: HistoryEntry) -> bytes:
    """Encode an entry for its stream."""
    known = len(entry.summaries)
    while known and entry.summaries[known - 1] is None:
        known -= 1
    return encode((entry.samples, *entry.summaries[:known]))


def decode_entry(raw: bytes) -> HistoryEntry:
    """Decode an entry. A measure unknown to the writer is ``None``; a measure unknown here is left out.

    Raises:
        UndecodableMessage: ``raw`` is not an entry.
    """
    try:
        samples, *summaries = _decoder().decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UndecodableMessage(raw, f"not a history entry ({error})") from None
    if type(samples) is not int or samples < 1:
        raise UndecodableMessage(raw, "not a history entry (no number of samples)")
    missing = len(_DIGITS) - len(summaries)
    return HistoryEntry(samples, tuple(summaries[: len(_DIGITS)]) + (None,) * missing)


class MeasuredEntry(NamedTuple):
    """One measure of a node in one step."""

    samples: int
    summary: Summary


@functools.cache
def measure_decoder(measure: str) -> Callable[[bytes], MeasuredEntry]:
    """Return a function like ``decode_entry`` that decodes one measure only, in half of the time."""
    before: list[tuple[str, Any, Any]] = [
        (name, msgspec.Raw, msgspec.Raw()) for name in list(MEASURES)[: list(MEASURES).index(measure)]
    ]
    fields: list[tuple[str, Any, Any]] = [
        ("samples", int, 0),
        *before,
        ("summary", int | float | tuple[float, float, float] | None, None),
    ]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Measured", fields, array_like=True))

    def decode(raw: bytes) -> MeasuredEntry:
        try:
            found: Any = decoder.decode(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UndecodableMessage(raw, f"not a history entry ({error})") from None
        if found.samples < 1:
            raise UndecodableMessage(raw, "not a history entry (no number of samples)")
        return MeasuredEntry(found.samples, found.summary)

    return decode


@functools.cache
def _decoder() -> msgspec.json.Decoder[list[int | float | tuple[float, float, float] | None]]:
    return msgspec.json.Decoder(list[int | float | tuple[int | float, int | float, int | float] | None])
