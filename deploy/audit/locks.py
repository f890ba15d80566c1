"""Reads locks. Each requirement must have one exact version and hashes, and no address that it comes from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_COMMENT = re.compile(r"(?:^|\s)#.*")


class UnreadableLocks(Exception):
    """A lock is missing or cannot be read; the text is one line with the path."""


@dataclass(frozen=True, order=True)
class Pin:
    """A version in a lock; ``name`` is normalised by PEP 503."""

    name: str
    version: Version
    lock: str
    #: One of the hashes, as an option of pip: ``--hash=sha256:…``.
    hash: str


@dataclass(frozen=True)
class InvalidLine:
    """A line that is not allowed in a lock."""

    lock: str
    #: Line number, from 1.
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.lock}:{self.line}: {self.text}"


def locks(folder: Path) -> list[Path]:
    """Return the paths of all locks in a folder.

    Raises:
        UnreadableLocks: the folder has no locks.
    """
    found = sorted(folder.glob("*.txt"))
    if not found:
        raise UnreadableLocks(f"{folder}: there are no locks (*.txt)")
    return found


def read(path: Path) -> Iterator[Pin | InvalidLine]:
    """Yield the pins and the invalid lines of a lock, in order.

    Environment markers are ignored: a package that is locked for one platform is checked on all.

    Raises:
        UnreadableLocks: the lock cannot be read.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise UnreadableLocks(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UnreadableLocks(f"{path}: {error}") from None
    for number, line in _lines(text):
        parsed = _pin(line, path.name)
        yield InvalidLine(path.name, number, parsed) if isinstance(parsed, str) else parsed


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines without comments, continued lines joined, each with the number of its first line."""
    first, parts = 0, list[str]()
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _COMMENT.sub("", raw).strip()
        first = first or number
        parts.append(line.removesuffix("\\").strip())
        if not line.endswith("\\"):
            if any(parts):
                yield first, " ".join(parts)
            first, parts = 0, []
    if any(parts):
        yield first, " ".join(parts)


def _pin(line: str, lock: str) -> Pin | str:
    """Return the pin of a line, or why the line is invalid. The text repeats no address, which may hold a password."""
    if line.startswith("-"):
        return f"{re.split('[ =]', line)[0]}: a lock must not have options"
    text, *options = re.split(r"\s+(?=--)", line)
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return "the line is not a requirement with a name and a version"
    if requirement.url:
        return f"{requirement.name} comes from an address instead of an index"
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith("*"):
        return f"{requirement.name} is not pinned to one version with =="
    hashes = [option for option in options if _HASH.fullmatch(option)]
    if not hashes:
        return f"{requirement.name} has no sha256 hash"
    foreign = [option for option in options if not option.startswith("--hash=")]
    if foreign:
        return f"{requirement.name} has an option besides hashes: {foreign[0].partition('=')[0]}"
    return Pin(canonicalize_name(requirement.name), Version(specifiers[0].version), lock, hashes[0])
