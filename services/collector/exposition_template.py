"""Templates of expositions: the next exposition of a node usually has the same series, so only its values are read.

A template is a shape and the series that the shape was made of. Nodes with the same series share one template, whatever
their host names and addresses are. All templates of the process share a budget of memory; an exporter that gets no
template costs what it costs without templates.
"""

import re
from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final
from weakref import WeakValueDictionary

from collector.exposition_shape import ExpositionShape, parse_series
from collector.flow_control import MemoryBudget

#: Memory of all templates together, in bytes: enough for 1500 small machines without two alike.
TEMPLATES_BYTES: Final = 24 * 1024 * 1024
#: Longest series of one template together, in bytes.
TEMPLATE_BYTES: Final = 512 * 1024
#: Most series of one template with a label that differs from node to node: one for each interface, and the host name.
NODE_LABELS_LIMIT: Final = 65
#: Expositions with the same series in a row, after which the next one becomes a template.
REPETITIONS: Final = 2
#: Expositions in a row that follow a template, so that the template is worth its cost.
WORTHWHILE: Final = 4
#: Most expositions in a row that are read without a template because the series change often.
LONGEST_PAUSE: Final = 63
#: Approximate memory of a series beyond its length, in bytes.
_SERIES_BYTES: Final = 64
#: A series before and after the value of the label that differs from node to node.
_NODE_LABEL: Final = re.compile(
    rb'((?:uname_info\{(?:\w{1,64}="[^"\\]*",)*(nodename)|network_info\{(?:\w{1,64}="[^"\\]*",)*(address))=")'
    rb'([^"\\]*)("[^\n]*)'
)


class NodeLabel:
    """A series with a label that differs from node to node: the host name or an address."""

    __slots__ = ("_after", "_before", "_length")

    def __init__(self, series: bytes) -> None:
        """Raise ``ValueError`` if the series is written in another way than node_exporter's."""
        found = _NODE_LABEL.fullmatch(series)
        if found is None:
            raise ValueError("the label is missing or escaped")
        self._before, self._after = found[1], found[5]
        #: Length of an address, which counts as memory.
        self._length = None if found[3] is None else len(found[4])
        # The exposition may contain the label twice.
        name, labels = parse_series(series)
        if labels is None or parse_series(self._before + b"x" + self._after) != (
            name,
            {**labels, (found[2] or found[3]).decode(): "x"},
        ):
            raise ValueError("another label has that name")

    @property
    def key(self) -> bytes:
        """The series without the label's value."""
        return b"%b%d%b" % (self._before, self._length or 0, self._after)

    def text(self, series: bytes) -> str | None:
        """Return the label's value in ``series``; ``None`` if the rest of the series is different."""
        start, end = len(self._before), len(series) - len(self._after)
        if start > end or not (series.startswith(self._before) and series.endswith(self._after)):
            return None
        value = series[start:end]
        is_plain = b'"' not in value and b"\\" not in value
        if not is_plain or (self._length is not None and (len(value) != self._length or not value.isascii())):
            return None
        return value.decode(errors="replace")


class Template:
    """The series of an exposition, and their meaning."""

    __slots__ = ("__weakref__", "_labels", "_memory_after", "_reservation", "series", "shape")

    def __init__(self, series: Sequence[bytes], reservation: "_Reservation") -> None:
        self.series = tuple(series)
        self.shape = ExpositionShape()
        self._reservation = reservation
        self._labels: dict[int, NodeLabel] = {}
        self._memory_after = array("Q", (0,))
        for number, each in enumerate(self.series):
            if self.shape.add(each) is not None:
                self._labels[number] = NodeLabel(each)
            self._memory_after.append(self.shape.memory_use.bytes)
        self.shape.finish()
        self.shape.network.is_of_template = True

    def memory_bytes(self, count: int) -> int:
        """Return the approximate memory of the first ``count`` series in bytes, without their values."""
        return self._memory_after[count]

    def texts(self, series: tuple[bytes, ...], start: int) -> list[str] | None:
        """Return the texts of ``series``, as ``ExpositionShape.add`` returns them.

        Return ``None`` if ``series`` are not the series of the template from number ``start`` on.
        """
        texts: list[str] = []
        end = start + len(series)
        unlabelled = list(series)
        for number, label in self._labels.items():
            if start <= number < end:
                text = label.text(series[number - start])
                if text is None:
                    return None
                texts.append(text)
                unlabelled[number - start] = self.series[number]
        return texts if tuple(unlabelled) == self.series[start:end] else None


class _Reservation:
    """Bytes of a budget, which are free again when the reservation is deleted."""

    __slots__ = ("_budget", "_count")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget, self._count = budget, 0

    def add(self, count: int) -> bool:
        """Reserve further bytes; return whether the budget had enough left."""
        is_reserved = self._budget.reserve(count)
        if is_reserved:
            self._count += count
        return is_reserved

    def __del__(self) -> None:
        self._budget.reserve(-self._count)


class Draft:
    """The series of an exposition that follows no template, which may become a template."""

    def __init__(self, reservation: _Reservation | None) -> None:
        """Without ``reservation``, the series are not kept."""
        #: Whether the exposition can have a template.
        self.is_usable = True
        self.reservation = reservation
        self.series: list[bytes] = []
        self._digest = blake2b(digest_size=16)
        self._bytes = self._label_count = 0

    @property
    def digest(self) -> bytes:
        """Digest of the series without the labels that differ from node to node."""
        return self._digest.digest()

    def add(self, series: Sequence[bytes], with_text: Sequence[int]) -> None:
        """Add series; ``with_text`` are the positions in ``series`` for which the shape returned a text."""
        if not self.is_usable:
            return
        keys = list(series)
        try:
            for position in with_text:
                keys[position] = NodeLabel(keys[position]).key
        except ValueError:
            self.is_usable = False
            return
        text = b"\n".join((*keys, b""))
        self._digest.update(text)
        self._bytes += len(text)
        self._label_count += len(with_text)
        if self._bytes > TEMPLATE_BYTES or self._label_count > NODE_LABELS_LIMIT:
            self.is_usable, self.series, self.reservation = False, [], None
        elif self.reservation is not None:
            if self.reservation.add(len(text) + _SERIES_BYTES * len(keys)):
                self.series += series
            else:
                self.series, self.reservation = [], None


class Templates:
    """The templates of a process that any exporter follows, by digest."""

    def __init__(self, limit_bytes: int = TEMPLATES_BYTES) -> None:
        self._budget = MemoryBudget(limit_bytes)
        self._by_digest: WeakValueDictionary[bytes, Template] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._by_digest)

    def draft(self, *, keeps_series: bool) -> Draft:
        """Return an empty draft."""
        return Draft(_Reservation(self._budget) if keeps_series else None)

    def find(self, digest: bytes) -> Template | None:
        """Return the template of the expositions with that digest."""
        return self._by_digest.get(digest)

    def make(self, draft: Draft) -> Template | None:
        """Return a new template; ``None`` if ``draft`` has kept no series or the budget has no memory left."""
        if draft.reservation is None:
            return None
        template = Template(draft.series, draft.reservation)
        if not draft.reservation.add(template.shape.memory_use.bytes):
            return None
        self._by_digest[draft.digest] = template
        return template


_SHARED: Final = Templates()


class ExporterTemplate:
    """The template that one exporter's expositions follow.

    If the series change often, most expositions are read without a template, so that they cost no more than without
    templates.
    """

    __slots__ = ("_digest", "_followed", "_left_out", "_pause", "_repetitions", "_templates", "current")

    def __init__(self, templates: Templates = _SHARED) -> None:
        self.current: Template | None = None
        self._templates = templates
        self._digest = b""
        self._repetitions = 0
        #: Expositions in a row that followed the template.
        self._followed = 0
        #: Expositions of the present pause, and those of them that are left.
        self._pause = self._left_out = 0

    def is_due(self) -> bool:
        """Whether the next exposition takes part: it may follow the template, or become one."""
        if self._left_out > 0:
            self._left_out -= 1
            return False
        return True

    def draft(self) -> Draft:
        """Return a draft for an exposition that does not follow the template."""
        return self._templates.draft(keeps_series=self._repetitions >= REPETITIONS)

    def follow(self, template: Template) -> None:
        """Let the next expositions follow ``template``."""
        self.current, self._followed, self._left_out = template, 0, 0
        self._digest, self._repetitions = b"", 0

    def note_followed(self) -> None:
        """Note an exposition that followed the template."""
        self._followed += 1
        if self._followed >= WORTHWHILE:
            self._pause = 0

    def note_difference(self) -> None:
        """Note that the template and the present exposition have different series."""
        if self._followed < WORTHWHILE:
            self.current = None
            self._begin_pause()
        self._followed = 0

    def note(self, draft: Draft) -> None:
        """Note a complete exposition that did not follow the template."""
        if not draft.is_usable or self._left_out > 0:
            return
        digest = draft.digest
        template = self._templates.find(digest)
        if template is None and digest == self._digest:
            self._repetitions += 1
            template = self._templates.make(draft)
        elif template is None and self._digest:
            self._begin_pause()
        elif template is None:
            self._digest, self._repetitions = digest, 1
        if template is not None:
            self.follow(template)

    def _begin_pause(self) -> None:
        self._pause = self._left_out = min(2 * self._pause + 1, LONGEST_PAUSE)
        self._digest, self._repetitions = b"", 0
