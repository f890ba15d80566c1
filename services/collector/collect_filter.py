"""Which of its collectors an exporter is asked for, scrape after scrape.

Asked with ``collect[]``, an exporter sends a tenth of its page. But some answer 200 and leave out what they call by
another name, and one collector that hangs, as ``filesystem`` does while a server of NFS is away, takes all others with
it. So the first scrape takes the whole page, and the second one, with ``collect[]``, must have of ours what the whole
page had. After a scrape that ran out of time, collectors are left out, one at a time.
"""

import re
from collections.abc import Set
from typing import Final, Literal

from collector.node_exporter import COLLECTORS, FAMILIES, INTERFACE_COLLECTORS, INTERFACE_FAMILIES, OPTIONAL_COLLECTORS

#: The collectors asked for; ``None`` is the whole page.
RequestedCollectors = tuple[str, ...] | None

#: Seconds after which an exporter that refuses ``collect[]``, or leaves something of ours out, is asked with it again.
PLAIN_SECONDS: Final = 600.0
#: Seconds between two trials of what did not work: at first, and at most.
FIRST_PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 60.0
#: In which order collectors are left out: first the one that hangs most often.
_SUSPECTS: Final = ("filesystem", *(name for name in (*COLLECTORS, *OPTIONAL_COLLECTORS) if name != "filesystem"))
#: Bytes of a page whose families and collectors are noted. A page with everything switched on has twice as many.
NOTED_BYTES: Final = 512 * 1024
_STARTED: Final = b"\nprocess_start_time_seconds "
_NUMBER: Final = re.compile(rb"[0-9.e+]{1,32}")
_COLLECTOR: Final = re.compile(rb'\nnode_scrape_collector_success\{collector="([a-z0-9_]{1,64})"\} ')


class ExpositionNotes:
    """What a page tells of its exporter, apart from the node; taken while the page is read."""

    def __init__(self, *, is_thorough: bool) -> None:
        """``is_thorough``: note the families and the collectors too, which takes as long as reading the page."""
        #: When the exporter started, in Unix seconds by its own clock; ``None`` where it does not tell.
        self.started: float | None = None
        #: Names of the families on the page that a sample is made of.
        self.families: set[bytes] = set()
        #: Names of the collectors that the exporter has switched on; empty where it does not tell.
        self.collectors: set[str] = set()
        self._left_bytes = NOTED_BYTES if is_thorough else 0

    def take(self, text: bytes) -> None:
        """Note what is in some lines of the page; ``text`` begins with the line feed before them."""
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
                # Half of the list would be worse than none.
                self.collectors.clear()
                return
            self.families.update(name for name, _, _ in FAMILIES.series(text))
            self.collectors.update(name.decode() for name in _COLLECTOR.findall(text))


class CollectFilter:
    """What one exporter is asked for next, by what became of the scrapes before. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._ours: tuple[str, ...] = COLLECTORS
        #: Those of the collectors that tell what interfaces are which the exporter has.
        self._of_interfaces: tuple[str, ...] = ()
        self._is_whole_due = True
        self._whole_until = 0.0
        #: The families that the answer to ``collect[]`` must have; ``None`` where there is nothing to compare.
        self._expected: frozenset[bytes] | None = None
        self._is_compared = False
        self._started: float | None = None
        self._left_out: str | None = None
        self._trial_at = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS

    @property
    def left_out(self) -> str | None:
        """The collector that is left out because the exporter hangs with it."""
        return self._left_out

    def is_to_be_compared(self, asked: RequestedCollectors) -> bool:
        """Whether the page is to be compared with another: its families are to be noted."""
        return self._is_whole_due if asked is None else self._expected is not None

    def next(self, now: float, *, with_interfaces: bool = False) -> RequestedCollectors:
        """What the next scrape asks for; ``with_interfaces``: also for what the interfaces are."""
        if self._is_whole_due or now < self._whole_until:
            return None
        if self._left_out is None:
            return (*self._ours, *self._of_interfaces) if with_interfaces else self._ours
        return tuple(name for name in self._ours if name != self._left_out)

    def answered(self, asked: RequestedCollectors, notes: ExpositionNotes, now: float) -> Set[bytes]:
        """Note a page; return the families that it lacks although the whole page had them."""
        has_restarted = self._started is not None and notes.started not in (None, self._started)
        self._started = notes.started or self._started
        if asked is None:
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

    def needs_whole(self, now: float) -> None:
        """Ask for the whole page for a while: ``collect[]`` was refused, or lost something, and the whole page came."""
        self._whole_until = now + PLAIN_SECONDS
        # The next whole page is what the answer to collect[] is compared with then.
        self._is_whole_due, self._is_compared, self._expected = True, False, None

    def failed(self, asked: RequestedCollectors, now: float, *, is_reached: bool, is_late: bool) -> None:
        """Note a failed scrape: whether the exporter was there to be asked, and whether its answer did not come."""
        former, self._left_out = self._left_out, None
        if not is_reached:
            self._is_whole_due = True
        elif is_late:
            self._is_whole_due, self._whole_until = False, 0.0
            self._left_out = _after(former)
            self._trial_at, self._pause_seconds = now, FIRST_PAUSE_SECONDS
        elif asked is None:
            # As it is with a whole page that is too long: only what we need may be fine.
            self._is_whole_due = False
            self._trial_at = now + self._pause_seconds
        else:
            self._is_whole_due = True

    def trial(self, now: float) -> RequestedCollectors | Literal[False]:
        """What is to be tried now beside the scrapes, whose results do not depend on it; ``False`` if nothing is."""
        if now < self._trial_at or self._is_whole_due or now < self._whole_until:
            return False
        if self._left_out is not None:
            return (self._left_out,)
        return None if not self._is_compared and self._expected is None else False

    def tried(self, asked: RequestedCollectors, notes: ExpositionNotes | None, now: float) -> None:
        """Note the page that a trial gave, or that it gave none."""
        self._trial_at = now + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        if notes is None:
            return
        if asked is None:
            self._compare_with(notes)
        elif asked == (self._left_out,):
            self._left_out = None

    def _compare_with(self, whole: ExpositionNotes) -> None:
        self._is_whole_due, self._is_compared = False, False
        # What interfaces are is asked now and then only.
        self._expected = frozenset(whole.families) - INTERFACE_FAMILIES
        # An exporter refuses to be asked for a collector that is switched off, or that it does not know.
        if whole.collectors:
            ours = (name for name in (*COLLECTORS, *OPTIONAL_COLLECTORS) if name in whole.collectors)
            self._ours = tuple(ours) or COLLECTORS
            self._of_interfaces = tuple(name for name in INTERFACE_COLLECTORS if name in whole.collectors)
        else:
            families = b" ".join(whole.families).decode()
            self._ours = (*COLLECTORS, *(name for name in OPTIONAL_COLLECTORS if f"{name}_" in families))
            self._of_interfaces = INTERFACE_COLLECTORS if whole.families & INTERFACE_FAMILIES else ()


def _after(left_out: str | None) -> str | None:
    """The next one to leave out; ``None`` after the last one."""
    if left_out is None:
        return _SUSPECTS[0]
    number = _SUSPECTS.index(left_out) + 1
    return _SUSPECTS[number] if number < len(_SUSPECTS) else None
