"""Choose which collectors of an exporter each scrape requests.

With ``collect[]``, an exporter sends a tenth of its exposition. Some exporters answer 200 and omit collectors that have
another name there. One collector that hangs makes the whole request hang; ``filesystem`` hangs while an NFS server is
away. So the first scrape requests the whole exposition. The second scrape uses ``collect[]``, and its answer must have
all needed families of the whole exposition. After a timeout, scrapes leave out one collector after another.
"""

import re
from collections.abc import Set
from functools import lru_cache
from typing import Final, Literal

from collector.exposition import split_series
from collector.exposition_shape import FAMILIES, INTERFACE_FAMILIES
from collector.node_exporter import COLLECTORS, INTERFACE_COLLECTORS, OPTIONAL_COLLECTORS

#: The collectors that a scrape requests; ``None`` requests the whole exposition.
RequestedCollectors = tuple[str, ...] | None

#: Seconds without ``collect[]`` after the exporter refused it or omitted a needed family.
UNFILTERED_SECONDS: Final = 600.0
#: Seconds between two trials of a request that failed: the first pause, and the longest.
FIRST_PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 60.0
#: The order in which scrapes leave out collectors: first the collector that hangs most often.
_SUSPECTS: Final = ("filesystem", *(name for name in (*COLLECTORS, *OPTIONAL_COLLECTORS) if name != "filesystem"))
#: Bytes of an exposition in which families and collectors are noted. An exposition of all collectors has twice as many.
NOTED_BYTES: Final = 512 * 1024
_STARTED: Final = b"\nprocess_start_time_seconds "
_NUMBER: Final = re.compile(rb"[0-9.e+]{1,32}")
_COLLECTOR: Final = re.compile(rb'\nnode_scrape_collector_success\{collector="([a-z0-9_]{1,64})"\} ')


class ExpositionNotes:
    """What an exposition contains about its exporter; noted while the exposition is read."""

    def __init__(self, *, is_thorough: bool) -> None:
        """``is_thorough``: also note families and collectors, which takes as long as reading the exposition."""
        #: When the exporter started, in Unix seconds by its own clock; ``None`` if the exposition does not contain it.
        self.started: float | None = None
        #: Names of the families in the exposition that a sample needs.
        self.families: set[bytes] = set()
        #: Names of the collectors that are switched on; empty if the exposition does not contain them.
        self.collectors: set[str] = set()
        self._left_bytes = NOTED_BYTES if is_thorough else 0

    def add(self, text: bytes) -> None:
        """Note some lines of the exposition; ``text`` begins with the line feed before the first line."""
        at = text.find(_STARTED)
        if at >= 0:
            number = _NUMBER.match(text, at + len(_STARTED))
            try:
                self.started = None if number is None else float(number[0])
            except ValueError:
                self.started = None
        if self._left_bytes > 0:
            self._left_bytes -= len(text)
            if self._left_bytes <= 0:
                # Half of the list would be misleading.
                self.collectors.clear()
                return
            self.families.update(split_series(series)[0] for series, _ in FAMILIES.series(text))
            self.collectors.update(name.decode() for name in _COLLECTOR.findall(text))


class CollectFilter:
    """Chooses the next request to one exporter from the results of the previous ones. Times are monotonic seconds."""

    __slots__ = (
        "_expected",
        "_interface_collectors",
        "_is_compared",
        "_is_whole_due",
        "_left_out",
        "_pause_seconds",
        "_started",
        "_supported",
        "_trial_due",
        "_whole_until",
    )

    def __init__(self) -> None:
        self._supported: tuple[str, ...] = COLLECTORS
        #: The collectors of the exporter that describe interfaces.
        self._interface_collectors: tuple[str, ...] = ()
        self._is_whole_due = True
        self._whole_until = 0.0
        #: The families that the answer to ``collect[]`` must have; ``None`` if there is no exposition to compare with.
        self._expected: frozenset[bytes] | None = None
        self._is_compared = False
        self._started: float | None = None
        self._left_out: str | None = None
        self._trial_due = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS

    @property
    def left_out(self) -> str | None:
        """The collector that scrapes leave out because the exporter hangs with it."""
        return self._left_out

    def needs_comparison(self, requested: RequestedCollectors) -> bool:
        """Whether the families of the exposition must be noted for a comparison."""
        return self._is_whole_due if requested is None else self._expected is not None

    def next_request(self, now: float, *, with_interfaces: bool = False) -> RequestedCollectors:
        """Return the collectors of the next scrape; ``with_interfaces``: with those that describe interfaces."""
        if self._is_whole_due or now < self._whole_until:
            return None
        if self._left_out is None:
            return (*self._supported, *self._interface_collectors) if with_interfaces else self._supported
        return tuple(name for name in self._supported if name != self._left_out)

    def note_exposition(self, requested: RequestedCollectors, notes: ExpositionNotes, now: float) -> Set[bytes]:
        """Note an exposition; return the families that are missing although the whole exposition had them."""
        has_restarted = self._started is not None and notes.started not in (None, self._started)
        self._started = notes.started or self._started
        if requested is None:
            if self._is_whole_due:
                self._compare_with(notes)
            elif has_restarted:
                self._is_whole_due, self._whole_until = True, 0.0
            return frozenset()
        if has_restarted:
            self._is_whole_due, self._left_out = True, None
        if self._expected is None or self._left_out is not None:
            return frozenset()
        lost = self._expected - notes.families
        self._expected, self._is_compared = None, True
        return lost

    def suspend_filter(self, now: float) -> None:
        """Request whole expositions for a while, after a filtered request failed and an unfiltered one succeeded."""
        self._whole_until = now + UNFILTERED_SECONDS
        # Afterwards, the answer to collect[] is compared with a new whole exposition.
        self._is_whole_due, self._is_compared, self._expected = True, False, None

    def note_failure(self, requested: RequestedCollectors, now: float, *, is_reached: bool, is_late: bool) -> None:
        """Note a failed scrape.

        ``is_reached``: the request reached the exporter. ``is_late``: the scrape timed out.
        """
        previous, self._left_out = self._left_out, None
        if not is_reached:
            self._is_whole_due = True
        elif is_late:
            self._is_whole_due, self._whole_until = False, 0.0
            self._left_out = _after(previous)
            self._trial_due, self._pause_seconds = now, FIRST_PAUSE_SECONDS
        elif requested is None:
            # A filtered exposition may be valid, for example if the whole one is too long.
            self._is_whole_due = False
            self._trial_due = now + self._pause_seconds
        else:
            self._is_whole_due = True

    def next_trial(self, now: float) -> RequestedCollectors | Literal[False]:
        """Return the request to try now beside the scrapes; ``False`` for no request."""
        if now < self._trial_due or self._is_whole_due or now < self._whole_until:
            return False
        if self._left_out is not None:
            return (self._left_out,)
        return None if not self._is_compared and self._expected is None else False

    def note_trial(self, requested: RequestedCollectors, notes: ExpositionNotes | None, now: float) -> None:
        """Note the exposition that a trial returned; ``None``: the trial failed."""
        self._trial_due = now + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        if notes is None:
            return
        if requested is None:
            self._compare_with(notes)
        elif requested == (self._left_out,):
            self._left_out = None

    def _compare_with(self, whole: ExpositionNotes) -> None:
        self._is_whole_due, self._is_compared = False, False
        # Most scrapes do not request the description of interfaces.
        self._expected = frozenset(whole.families) - INTERFACE_FAMILIES
        # An exporter refuses requests for collectors that are switched off or unknown.
        if whole.collectors:
            supported = (name for name in (*COLLECTORS, *OPTIONAL_COLLECTORS) if name in whole.collectors)
            self._supported = _shared(tuple(supported)) or COLLECTORS
            self._interface_collectors = _shared(
                tuple(name for name in INTERFACE_COLLECTORS if name in whole.collectors)
            )
        else:
            families = b" ".join(whole.families).decode()
            optional = (name for name in OPTIONAL_COLLECTORS if f"{name}_" in families)
            self._supported = _shared((*COLLECTORS, *optional))
            self._interface_collectors = INTERFACE_COLLECTORS if whole.families & INTERFACE_FAMILIES else ()


@lru_cache(256)
def _shared(collectors: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tuple that all exporters with these collectors share."""
    return collectors


def _after(left_out: str | None) -> str | None:
    """Return the next collector to leave out; ``None`` after the last one."""
    if left_out is None:
        return _SUSPECTS[0]
    number = _SUSPECTS.index(left_out) + 1
    return _SUSPECTS[number] if number < len(_SUSPECTS) else None
