"""The revocations that a process knows.

Redis holds a log of revocations, and a channel announces each new one. The text form of a revocation is
``session:<id>``, ``token:<id>``, ``user:<name>@<Unix time>`` for all grants issued to the user before that time, or
``device:<id>@<Unix time>`` for all sessions of a browser that began before that time. A store that lost its revocations
has also lost its generation, which invalidates every session of that generation.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from access.grant import Grant

#: Seconds for which the revocation of a grant without expiry is kept.
RETENTION_SECONDS: Final = 400 * 24 * 3600
#: Seconds between two removals of expired revocations, and from the expiry of a grant to the removal of its revocation.
EXPIRY_CHECK_SECONDS: Final = 3600.0

_WHOLE: Final = frozenset(("session", "token"))
_TIMED: Final = frozenset(("user", "device"))


def revocation_of(grant: Grant) -> str:
    """Return the revocation of one session or token."""
    return f"{grant.by}:{grant.id}"


def revocation_of_user(name: str, before: float) -> str:
    """Return the revocation of all grants issued to a user before a Unix time, rounded up to milliseconds."""
    return f"user:{name}@{math.ceil(before * 1000) / 1000:.3f}"


def revocation_of_device(device: str, before: float) -> str:
    """Return the revocation of all sessions that began in a browser before a Unix time, at full precision."""
    return f"device:{device}@{before!r}"


def parse_revocation(member: str) -> tuple[str, float]:
    """Parse a revocation.

    Returns:
        Its subject, and the Unix time before which a grant must have been issued; infinite for a session or token.

    Raises:
        ValueError: the text is not a revocation.
    """
    kind, _, rest = member.partition(":")
    if kind in _WHOLE and rest:
        return member, math.inf
    subject, _, text = member.rpartition("@")
    before = float(text)
    if kind not in _TIMED or len(subject) <= len(kind) + 1 or not math.isfinite(before):
        raise ValueError(f"{member[:80]!r} is not a revocation")
    return subject, before


class _Revocation(NamedTuple):
    before: float
    #: Unix time at which the revoked grants expire; infinite while that is not known.
    until: float


class Revocations:
    """The revocations that this process has read. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_subject: dict[str, _Revocation] = {}
        self._next_removal = clock() + EXPIRY_CHECK_SECONDS
        #: ``None`` before the first read, and for a store without a generation.
        self.generation: str | None = None
        #: Whether the store was read.
        self.is_loaded = False
        #: Changes with every new revocation or generation.
        self.version = 0

    def __len__(self) -> int:
        return len(self._by_subject)

    def finish_loading(self, generation: str | None) -> None:
        """Note that all revocations of the store were added, and remove expired ones.

        Other known revocations stay until they expire: they may be newer, or the store may have lost them.
        """
        with self._lock:
            self.is_loaded = True
            if generation != self.generation:
                self.generation = generation
                self.version += 1
            now = self._clock()
            if now >= self._next_removal:
                self._next_removal = now + EXPIRY_CHECK_SECONDS
                oldest = now - EXPIRY_CHECK_SECONDS
                self._by_subject = {subject: each for subject, each in self._by_subject.items() if each.until > oldest}

    def add(self, member: str, until: float = math.inf) -> None:
        """Add a revocation.

        Args:
            member: the revocation in its text form.
            until: Unix time at which the revoked grants expire; infinite while that is not known.

        Raises:
            ValueError: ``member`` is not a revocation, or ``until`` is NaN.
        """
        subject, before = parse_revocation(member)
        if math.isnan(until):
            raise ValueError(f"{member[:80]!r} has no end")
        with self._lock:
            known = self._by_subject.get(subject)
            if known is None or before > known.before:
                self.version += 1
                self._by_subject[subject] = _Revocation(before, until)
            elif before == known.before and (math.isinf(known.until) or known.until < until < math.inf):
                self._by_subject[subject] = _Revocation(before, until)

    def includes(self, grant: Grant) -> bool:
        """Whether a grant was revoked, or belongs to another generation of the store."""
        if grant.by == "session" and (self.generation is None or grant.generation != self.generation):
            return True
        if revocation_of(grant) in self._by_subject:
            return True
        if grant.by == "token":
            return False
        device = device_of(grant.id)
        return self._is_before(f"user:{grant.name}", grant) or (
            device != "" and self._is_before(f"device:{device}", grant)
        )

    def _is_before(self, subject: str, grant: Grant) -> bool:
        known = self._by_subject.get(subject)
        return known is not None and grant.issued < known.before


def device_of(session_id: str) -> str:
    """Return the id of the browser in which a session began; empty for a session of release 0.1.1."""
    device, dot, _ = session_id.partition(".")
    return device if dot else ""
