"""Locks: every requirement pinned to one version, with hashes, and nothing that says from where it comes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_COMMENT = re.compile(r"(?:^|\s)#.*")


class BadInputError(Exception):
    """A file is not there or not of its kind; the text is one line that names it."""


@dataclass(frozen=True, order=True)
class Pin:
    """A version that a lock has; ``name`` as PEP 503 normalises it."""

    name: str
    version: Version
    lock: str
    #: One of its hashes, as pip takes it: ``--hash=sha256:…``.
    hash: str


@dataclass(frozen=True)
class Fault:
    """A line that does not belong in a lock."""

    lock: str
    #: Counted from 1.
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.lock}:{self.line}: {self.text}"


def locks(folder: Path) -> list[Path]:
    """All locks in a folder.

    Raises:
        BadInputError: there is none.
    """
    found = sorted(folder.glob("*.txt"))
    if not found:
        raise BadInputError(f"{folder}: there are no locks (*.txt)")
    return found


def read(path: Path) -> Iterator[Pin | Fault]:
    """What a lock pins and what is wrong with it, in its order.

    Environment markers count for nothing: what is locked for one platform is checked on all.

    Raises:
        BadInputError: it cannot be read.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: {error}") from None
    for number, line in _lines(text):
        read = _pin(line, path.name)
        yield Fault(path.name, number, read) if isinstance(read, str) else read


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those that continue put together, with the number of the first."""
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
    """What a line pins, or what is wrong with it. Addresses are not repeated: they may hold a password."""
    if line.startswith("-"):
        return f"{re.split('[ =]', line)[0]}: a lock has requirements only, no options"
    text, *options = re.split(r"\s+(?=--)", line)
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return "this is no requirement by name and version"
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
