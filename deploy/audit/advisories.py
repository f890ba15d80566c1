"""Known vulnerabilities, from a public export of OSV: a zip file or a folder of JSON files, one an advisory.

Source: https://ossf.github.io/osv-schema/
"""

import zipfile
import zlib
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from deploy.audit.bad_input import BadInputError

ECOSYSTEM = "PyPI"


class Package(msgspec.Struct):
    """What is affected, and where it is published."""

    ecosystem: str = ""
    name: str = ""


class Event(msgspec.Struct):
    """A version at which something changes; one of the three is there."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None


class Range(msgspec.Struct):
    """Versions from event to event; ``type`` says what kind of versions they are."""

    type: str = ""
    events: list[Event] | None = None


class Affected(msgspec.Struct):
    """Which versions of a package: those of a list, and those in ranges."""

    package: Package | None = None
    ranges: list[Range] | None = None
    versions: list[str] | None = None

    @property
    def name(self) -> str:
        """The package's name as PEP 503 normalises it; empty for one that is not on PyPI."""
        if self.package is None or self.package.ecosystem != ECOSYSTEM:
            return ""
        return canonicalize_name(self.package.name)


class Advisory(msgspec.Struct):
    """An advisory, as far as it is looked at."""

    id: str
    modified: str = ""
    summary: str = ""
    withdrawn: str | None = None
    aliases: list[str] | None = None
    affected: list[Affected] | None = None


@dataclass(frozen=True)
class Export:
    """What was read."""

    #: Those in force that speak of the packages asked for.
    advisories: list[Advisory]
    #: Of all for PyPI: how many there are, and the day of the newest change.
    count: int
    newest: str


def read(path: Path, names: Set[str]) -> Export:
    """Read an export; keep the advisories that speak of ``names``, which are normalised.

    Raises:
        BadInputError: it cannot be read, holds no advisory for PyPI, or a JSON file that is no advisory.
    """
    decoder = msgspec.json.Decoder(Advisory)
    kept: list[Advisory] = []
    count, newest = 0, ""
    for name, content in _files(path):
        try:
            advisory = decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInputError(f"{path}: {name} is no advisory in OSV's form: {error}") from None
        about = {affected.name for affected in advisory.affected or []} - {""}
        count += bool(about)
        newest = max(newest, advisory.modified) if about else newest
        if about & names and not advisory.withdrawn:
            kept.append(advisory)
    if not count:
        raise BadInputError(f"{path}: there are no advisories for {ECOSYSTEM} in it (*.json in OSV's form)")
    return Export(kept, count, newest[:10])


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of all JSON files."""
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*.json")):
                yield str(file.relative_to(path)), file.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    yield name, archive.read(name)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror or error}") from None
    # The last two: a file in it is compressed or encrypted in a way that cannot be read.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadInputError(f"{path}: no whole zip file, and no folder: {error}") from None
