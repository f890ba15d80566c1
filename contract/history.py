"""The metric history: its steps, its measures, and one entry: what a node was like in one step.

An entry is a JSON array: how many samples it is made of, then for each of ``MEASURES`` ``null`` (not known), one
number (all samples had this value), or ``[minimum, average, maximum]``. Measures at the end that are not known are left
out. A step without samples has no entry.
"""

import functools
import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from contract.codec import UndecodableMessage, encode

#: Fields of a snapshot's node that are kept, in the order in which entries hold them, with the digits that the
#: snapshot rounds them to; ``None`` for whole numbers.
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
    # New measures come last, so that the entries of older writers stay readable.
    "iowait": 1,
    "swap_usage": 1,
    "pressure_io": None,
    "pressure_memory": None,
}
_DIGITS: Final = tuple(MEASURES.values())

#: The node's name under which the averages of the whole cluster stand.
CLUSTER_NODE: Final = ""

#: One value, or minimum, average and maximum; ``None`` where nothing is known.
Summary = float | tuple[float, float, float] | None


class Resolution(NamedTuple):
    """A length of time that one entry sums up, and how long such entries are kept."""

    seconds: int
    range_seconds: int
    #: The step whose entries it is made of; it divides this one. ``None``: made of samples.
    source: "Resolution | None"

    @property
    def retention_seconds(self) -> int:
        """Age at which an entry goes: the range, and a margin for the step that begins before it."""
        return self.range_seconds + 2 * self.seconds


TEN_SECONDS: Final = Resolution(10, 3600, None)
MINUTE: Final = Resolution(60, 6 * 3600, TEN_SECONDS)
FOUR_MINUTES: Final = Resolution(240, 24 * 3600, MINUTE)
HALF_HOUR: Final = Resolution(1800, 7 * 24 * 3600, MINUTE)
#: From fine to coarse.
RESOLUTIONS: Final = (TEN_SECONDS, MINUTE, FOUR_MINUTES, HALF_HOUR)


class HistoryEntry(NamedTuple):
    """What a node was like in one step; ``summaries`` in the order of ``MEASURES``."""

    samples: int
    summaries: tuple[Summary, ...]


class Rollup:
    """Sums entries up into one; an entry weighs as much as it has samples."""

    __slots__ = ("_samples", "_sums")

    def __init__(self) -> None:
        self._samples = 0
        #: Of each measure the weight, minimum, sum and maximum.
        self._sums: list[list[float]] = [[0, math.inf, 0.0, -math.inf] for _ in _DIGITS]

    def add(self, entry: HistoryEntry) -> None:
        """Take ``entry`` in."""
        samples = entry.samples
        self._samples += samples
        for sums, summary in zip(self._sums, entry.summaries, strict=True):
            if summary is None:
                continue
            low, average, high = summary if isinstance(summary, tuple) else (summary, summary, summary)
            sums[0] += samples
            if low < sums[1]:
                sums[1] = low
            sums[2] += average * samples
            if high > sums[3]:
                sums[3] = high

    def entry(self) -> HistoryEntry:
        """What was taken in as one entry, averages rounded as the snapshot rounds."""
        return HistoryEntry(self._samples, tuple(map(_summary, self._sums, _DIGITS)))


def _summary(sums: list[float], digits: int | None) -> Summary:
    weight, low, total, high = sums
    if not weight:
        return None
    return low if low == high else (low, round(total / weight, digits), high)


def merge(entries: Iterable[HistoryEntry]) -> HistoryEntry:
    """Sum ``entries``, of which there is at least one, up into one."""
    rollup = Rollup()
    for entry in entries:
        rollup.add(entry)
    return rollup.entry()


def encode_entry(entry: HistoryEntry) -> bytes:
    """Write an entry as it stands in a stream."""
    known = len(entry.summaries)
    while known and entry.summaries[known - 1] is None:
        known -= 1
    return encode((entry.samples, *entry.summaries[:known]))


def decode_entry(raw: bytes) -> HistoryEntry:
    """Read an entry. Measures that its writer did not know are ``None``; those that only it knew are left out.

    Raises:
        UndecodableMessage: it is none.
    """
    try:
        samples, *summaries = _decoder().decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UndecodableMessage(raw, f"not a history entry ({error})") from None
    if type(samples) is not int or samples < 1:
        raise UndecodableMessage(raw, "not a history entry (no number of samples)")
    missing = len(_DIGITS) - len(summaries)
    return HistoryEntry(samples, tuple(summaries[: len(_DIGITS)]) + (None,) * missing)


@functools.cache
def _decoder() -> msgspec.json.Decoder[list[int | float | tuple[float, float, float] | None]]:
    return msgspec.json.Decoder(list[int | float | tuple[int | float, int | float, int | float] | None])
