"""Which versions an advisory means, by OSV's rules and in the order of PEP 440.

Source: https://ossf.github.io/osv-schema/#evaluation
"""

from collections.abc import Iterator
from typing import TypeAlias

from packaging.version import InvalidVersion, Version

from deploy.audit.advisories import Affected, Range

#: A place in the order of versions: OSV's ``introduced: "0"``; behind it what came before PEP 440, by its text; then
#: the rest.
Place: TypeAlias = tuple[int, Version, str]
_ZERO = Version("0")
#: Kinds of events, in the order that they count at one version.
_FIXED, _INTRODUCED, _LAST_AFFECTED = range(3)


def is_affected(affected: Affected, version: Version) -> bool:
    """Whether ``version`` is one of those listed, or in a range."""
    place = (2, version, "")
    return any(_place(listed) == place for listed in affected.versions or []) or any(
        _is_in(ranged, place) for ranged in _ranges(affected)
    )


def first_fixed(affected: Affected, version: Version) -> Version | None:
    """The first version above ``version`` with a fix; ``None`` where none is known."""
    fixes = [_place(event.fixed) for ranged in _ranges(affected) for event in ranged.events or [] if event.fixed]
    return min((fix for rank, fix, _ in fixes if rank == 2 and fix > version), default=None)


def _ranges(affected: Affected) -> Iterator[Range]:
    """Those in versions of the package index; others are in commits."""
    return (ranged for ranged in affected.ranges or [] if ranged.type == "ECOSYSTEM")


def _is_in(ranged: Range, place: Place) -> bool:
    events: list[tuple[Place, int]] = []
    for event in ranged.events or []:
        told = {_FIXED: event.fixed, _INTRODUCED: event.introduced, _LAST_AFFECTED: event.last_affected}
        events += [(_place(text), kind) for kind, text in told.items() if text is not None]
    inside = False
    for at, kind in sorted(events):
        if place > at or (place == at and kind != _LAST_AFFECTED):
            inside = kind == _INTRODUCED
    return inside


def _place(text: str) -> Place:
    if text == "0":
        return 0, _ZERO, ""
    try:
        return 2, Version(text), ""
    except InvalidVersion:
        return 1, _ZERO, text
