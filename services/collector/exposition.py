"""Read the lines of a Prometheus text page that the collector needs, and pass over all others quickly.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import re
from collections.abc import Iterable
from typing import Final

#: Series of one family: labels and value, in the order of the page.
Series = list[tuple[dict[str, str], float]]

#: Wanted series that a page may have. A machine with 1024 CPUs has about 9000.
SERIES_LIMIT: Final = 20_000

_LABEL = re.compile(rb'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*,?')
_ESCAPE = re.compile(rb"\\(.)")
_ESCAPED: Final = {b"n": b"\n", b'"': b'"', b"\\": b"\\"}


class TooManySeries(ValueError):
    """A page with more wanted series than any machine has."""


class Families:
    """Parses pages for the families of those names, which all begin with ``node_``."""

    def __init__(self, names: Iterable[str]) -> None:
        bare = sorted(name.removeprefix("node_") for name in names)
        # A pattern that begins with literal bytes lets the search skip other lines at the speed of a substring search.
        # Every part is bounded, so hostile lines cost linear time.
        self._line = re.compile(
            rb"\nnode_(" + "|".join(bare).encode() + rb")(?:[ \t]{0,8}\{([^\n]{0,4096})\})?[ \t]{1,8}(\S{1,64})(?!\S)"
        )

    def parse(self, page: bytes) -> dict[str, Series]:
        """Return the series of each family that the page has. Lines that are not well-formed are passed over.

        Raises:
            TooManySeries: there are more than ``SERIES_LIMIT``.
        """
        families: dict[str, Series] = {}
        count = 0
        for match in self._line.finditer(b"\n" + page):
            name, raw_labels, raw_value = match.groups()
            count += 1
            if count > SERIES_LIMIT:
                raise TooManySeries(f"more than {SERIES_LIMIT} series")
            try:
                value = float(raw_value)
            except ValueError:
                continue
            labels = _labels(raw_labels) if raw_labels else {}
            if labels is not None:
                families.setdefault(f"node_{name.decode()}", []).append((labels, value))
        return families


def _labels(raw: bytes) -> dict[str, str] | None:
    """Return the labels between the braces, or ``None`` where they are not well-formed."""
    labels: dict[str, str] = {}
    position, end = 0, len(raw)
    while position < end:
        match = _LABEL.match(raw, position)
        if match is None:
            return labels if raw[position:].strip() == b"" else None
        name, value = match.groups()
        if b"\\" in value:
            value = _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[0]), value)
        labels[name.decode()] = value.decode(errors="replace")
        position = match.end()
    return labels
