"""Locked versions that advisories speak of."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.version import Version

from deploy.audit.advisories import Advisory
from deploy.audit.locks import Pin
from deploy.audit.versions import first_fixed, is_affected


@dataclass(frozen=True)
class Finding:
    """An advisory that speaks of a locked version."""

    locks: tuple[str, ...]
    name: str
    version: Version
    #: The advisory's id, and behind it the other names that it has.
    ids: tuple[str, ...]
    #: ``None`` where none is known.
    fixed: Version | None
    summary: str

    def __str__(self) -> str:
        aliases = f" ({', '.join(self.ids[1:])})" if self.ids[1:] else ""
        remedy = f"fixed in {self.fixed}" if self.fixed else "no fixed version is known"
        summary = " ".join(self.summary.split()) or "no summary"
        return f"{', '.join(self.locks)}: {self.name} {self.version}: {self.ids[0]}{aliases}: {remedy}: {summary}"


def findings(pins: Iterable[Pin], advisories: Collection[Advisory]) -> Iterator[Finding]:
    """Every locked version with every advisory that means it, sorted by package, version and id."""
    locks: dict[tuple[str, Version], set[str]] = defaultdict(set)
    for pin in pins:
        locks[pin.name, pin.version].add(pin.lock)
    for (name, version), where in sorted(locks.items()):
        for advisory in sorted(advisories, key=lambda advisory: advisory.id):
            hits = [
                affected
                for affected in advisory.affected or []
                if affected.name == name and is_affected(affected, version)
            ]
            if hits:
                fixes = [fix for fix in (first_fixed(affected, version) for affected in hits) if fix is not None]
                ids = (advisory.id, *sorted(set(advisory.aliases or []) - {advisory.id}))
                yield Finding(tuple(sorted(where)), name, version, ids, min(fixes, default=None), advisory.summary)


def sift(found: Iterable[Finding], ignored: Mapping[str, str]) -> tuple[list[Finding], list[Finding], list[str]]:
    """Part ``found`` into what counts and what is ignored; last the ids of ``ignored`` that no finding has."""
    counting: list[Finding] = []
    passed: list[Finding] = []
    for finding in found:
        (passed if ignored.keys() & set(finding.ids) else counting).append(finding)
    used = {name for finding in passed for name in finding.ids}
    return counting, passed, [name for name in ignored if name not in used]
