"""Ranges in the hosts of ``nodes.yaml``: ``node[01-16,20].lan``, as clush and Slurm write them.

Several ranges multiply: ``rack[1-2]-node[1-4]`` are eight hosts. Numbers are as long as they are written, so
``[01-16]`` has leading zeros.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Final

from collector.sentences import targets as sentences
from collector.targets.entry import NAME_LIMIT, TargetsError
from collector.targets.target import TARGETS_LIMIT
from runtime.quoting import quoted

#: Ranges in one host.
RANGES_LIMIT: Final = 8
_RANGE: Final = re.compile(r"\[([^\[\]]*)\]")
#: A host may begin with a range. Other brackets at the beginning are those of an IPv6 address.
_RANGE_AT_START: Final = re.compile(r"\[[\d\s,-]*\]", re.ASCII)
#: With more digits, a number is no part of a host's name, and converting it takes long.
_NUMBERS: Final = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)
#: In a URL or a user's name, the error must hide a password, as ``host_and_port`` does.
_NO_HOST: Final = re.compile("[@?]|://")


def has_range(text: str) -> bool:
    """Whether a host or ``host:port`` has a range; ``[fd00::6]:9100`` is an address."""
    if "[" not in text or _NO_HOST.search(text):
        return False
    return not text.startswith("[") or _RANGE_AT_START.match(text) is not None


class Ranges:
    """Expands the ranges of one file, to as many hosts as a collector accepts: a short file could list billions."""

    def __init__(self) -> None:
        self._left = TARGETS_LIMIT

    def expand(self, text: str, where: str) -> list[str]:
        """Return the hosts of ``text``, in the order of its numbers.

        Raises:
            TargetsError: a range is not valid, or the ranges of the file list too many hosts.
        """
        parts = _RANGE.split(text)
        literals, ranges = parts[::2], parts[1::2]
        if text.count("[") == text.count("]") + 1 and "]" not in text.rpartition("[")[2]:
            raise TargetsError(sentences.range_not_closed(where, quoted(text)))
        if any("[" in part or "]" in part for part in literals) or sum(map(len, literals)) > NAME_LIMIT + len(":65535"):
            raise TargetsError(sentences.range_invalid(where, quoted(text)))
        if len(ranges) > RANGES_LIMIT:
            raise TargetsError(sentences.ranges_too_many(where, RANGES_LIMIT))
        # The numbers are counted before any host is made.
        count = 1
        spans = []
        for each in ranges:
            spans.append(_spans(each, text, where))
            count *= sum(last - first + 1 for first, last, _ in spans[-1])
            if count > self._left:
                raise TargetsError(sentences.range_too_long(where, TARGETS_LIMIT))
        self._left -= count
        return [
            "".join(each)
            for each in product(*_interleaved(literals, [list(_written(span)) for span in spans]))
        ]  # fmt: skip


def _spans(numbers: str, text: str, where: str) -> list[tuple[int, int, int]]:
    """Return first and last number and the number of digits of each part of a range."""
    parts = numbers.split(",")
    if len(parts) > TARGETS_LIMIT:
        raise TargetsError(sentences.range_too_long(where, TARGETS_LIMIT))
    spans: list[tuple[int, int, int]] = []
    for part in parts:
        match = _NUMBERS.fullmatch(part.strip())
        if match is None:
            raise TargetsError(sentences.range_invalid(where, quoted(text)))
        first, last = match[1], match[2] or match[1]
        is_padded = any(len(number) > 1 and number.startswith("0") for number in (first, last))
        if is_padded and len(first) != len(last):
            raise TargetsError(sentences.range_of_two_lengths(where, match[0]))
        if int(last) < int(first):
            raise TargetsError(sentences.range_reversed(where, match[0]))
        spans.append((int(first), int(last), len(first) if is_padded else 0))
    return spans


def _written(spans: list[tuple[int, int, int]]) -> Iterator[str]:
    for first, last, digits in spans:
        for number in range(first, last + 1):
            yield f"{number:0{digits}}" if digits else str(number)


def _interleaved(literals: list[str], ranges: list[list[str]]) -> Iterator[list[str]]:
    for literal, numbers in zip(literals, ranges, strict=False):
        yield [literal]
        yield numbers
    yield [literals[-1]]
