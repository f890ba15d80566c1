"""Find the needed lines of an exposition in Prometheus' text format, and skip all others quickly.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Final

import msgspec

#: Bytes at the start of a line that are read. No needed value stands behind them.
LINE_BYTES: Final = 8192

_LABEL = re.compile(rb'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*,?')
# The usual form of a label.
_PLAIN_LABEL = re.compile(rb'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*)"(?:,|\Z)')
# A comment, or a series with its value and an optional time. No two parts match the same bytes, so hostile lines cost
# linear time.
_WHOLE_LINE = re.compile(
    rb'[ \t]*(?:#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(?:[ \t]*\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}[ \t]*|[ \t]+)'
    rb"[-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|[nN]a[nN]|[iI]nf)(?:[ \t]+-?[0-9]+)?[ \t]*)?",
    re.DOTALL,
)
_decode_numbers = msgspec.json.Decoder(list[float]).decode
_ESCAPE = re.compile(rb"\\(.)")
_ESCAPED: Final = {b"n": b"\n", b'"': b'"', b"\\": b"\\"}


class Families:
    """Finds the series of the families with these names, which all begin with ``node_``."""

    def __init__(self, names: Iterable[str]) -> None:
        alternatives = _alternation(sorted(name.removeprefix("node_") for name in names))
        # A pattern that begins with literal bytes lets the search skip other lines at the speed of a substring search.
        # Every part is bounded, so hostile lines cost linear time.
        labels = rb"(?:[ \t]{0,8}\{[^\n]{0,4096}\})?"
        self._line = re.compile(
            rb"\nnode_((?:" + alternatives.encode() + rb")" + labels + rb")[ \t]{1,8}+(\S{1,64}+)(?!\S)"
        )

    def series(self, text: bytes) -> list[tuple[bytes, bytes]]:
        """Return each series, its name without ``node_`` and its labels as written, and its value, in order.

        ``text`` begins with the line feed before its first line. Malformed lines are skipped, but the value may be any
        text.
        """
        return self._line.findall(text)


def split_series(series: bytes) -> tuple[bytes, bytes]:
    """Return the name of a series of ``Families`` and the text between its braces."""
    name, _, labels = series.partition(b"{")
    return name.rstrip(b" \t"), labels[:-1]


def numbers(texts: Sequence[bytes]) -> list[float]:
    """Return the number that each text is, in Python's notation.

    Raises:
        ValueError: a text is not a number.
    """
    # The usual case, and four times as quick as ``float``. Texts without white space that form such a list together
    # are numbers one by one: a comma in a text makes the list longer.
    with suppress(msgspec.DecodeError):
        values = _decode_numbers(b"[%b]" % b",".join(texts))
        if len(values) == len(texts):
            return values
    return [float(text) for text in texts]


def is_complete_line(line: bytes) -> bool:
    """Whether ``line``, without a line feed, looks like a complete line."""
    return _WHOLE_LINE.fullmatch(line) is not None


def _alternation(names: Sequence[str]) -> str:
    """Return a pattern that matches any of the sorted ``names``.

    The pattern contains common prefixes once, so that a line of another family costs few comparisons.
    """
    patterns: list[str] = []
    for _, group in groupby(names, key=lambda name: name[:1]):
        same = list(group)
        length = next(n for n in range(len(same[0]), -1, -1) if same[-1].startswith(same[0][:n]))
        ends = [name[length:] for name in same]
        patterns.append(same[0][:length] + ("" if len(same) == 1 else f"(?:{_alternation(ends)})"))
    return "|".join(patterns)


def parse_labels(raw: bytes) -> dict[str, str] | None:
    """Return the labels between the braces, or ``None`` if they are malformed."""
    plain = _PLAIN_LABEL.findall(raw)
    # Besides name and value, each label has four bytes: the last one has no comma, and usually the text ends there.
    if sum(len(name) + len(value) + 4 for name, value in plain) == len(raw) + (not raw.endswith(b",")):
        return {name.decode(): value.decode(errors="replace") for name, value in plain}
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
