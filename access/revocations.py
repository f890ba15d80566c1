"""What was revoked, as a process knows it.

In Redis each is an entry of a log, and a channel tells of each new one. In words it is ``session:<id>``,
``token:<id>``, ``user:<name>@<Unix time>`` for all grants of the user from before that time, or
``device:<id>@<Unix time>`` for all sessions of a browser from before it. A store that lost them has lost its generation
too, and no session of a former one is valid.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from access.grant import Grant

#: Seconds that a revocation of what never expires is kept: as long as anything else could bring it back.
KEPT_SECONDS: Final = 400 * 24 * 3600
#: Seconds between two times that what is of no use any more is forgotten, and for which it outlives its use.
FORGET_SECONDS: Final = 3600.0

_WHOLE: Final = frozenset(("session", "token"))
_TIMED: Final = frozenset(("user", "device"))


def revocation_of(grant: Grant) -> str:
    """The words that revoke one session or token."""
    return f"{grant.by}:{grant.id}"


def revocation_of_user(name: str, before: float) -> str:
    """The words that revoke all that a user was granted before a Unix time, rounded up to whole milliseconds."""
    return f"user:{name}@{math.ceil(before * 1000) / 1000:.3f}"


def revocation_of_device(device: str, before: float) -> str:
    """The words that revoke all sessions that began in a browser before a Unix time, which is kept to the last bit."""
    return f"device:{device}@{before!r}"


def parse_revocation(member: str) -> tuple[str, float]:
    """Return what is revoked, and the Unix time before which it was issued, infinite where that does not matter.

    Raises:
        ValueError: these words revoke nothing.
    """
    kind, _, rest = member.partition(":")
    if kind in _WHOLE and rest:
        return member, math.inf
    subject, _, text = member.rpartition("@")
    before = float(text)
    if kind not in _TIMED or len(subject) <= len(kind) + 1 or not math.isfinite(before):
        raise ValueError(f"{member[:80]!r} is no revocation")
    return subject, before


class _Known(NamedTuple):
    before: float
    #: Unix time from which it would not be valid anyway; infinite where that is not known yet.
    until: float


class Revocations:
    """What this process knows of them. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: By what is revoked.
        self._known: dict[str, _Known] = {}
        self._forget_from = clock() + FORGET_SECONDS
        #: ``None`` before the store was read, or where it has none.
        self.generation: str | None = None
        #: Whether the store was read at all.
        self.is_loaded = False
        #: Another number whenever anything above changed.
        self.version = 0

    def __len__(self) -> int:
        return len(self._known)

    def finish_loading(self, generation: str | None) -> None:
        """All that the store holds was added.

        What is known besides stays until it is of no use: it may be newer, or lost with a former store.
        """
        with self._lock:
            self.is_loaded = True
            if generation != self.generation:
                self.generation = generation
                self.version += 1
            now = self._clock()
            if now >= self._forget_from:
                self._forget_from = now + FORGET_SECONDS
                kept = {what: known for what, known in self._known.items() if known.until > now - FORGET_SECONDS}
                self._known = kept

    def add(self, member: str, until: float = math.inf) -> None:
        """Take one more.

        Args:
            member: the revocation in words.
            until: Unix time from which it would not be valid anyway; infinite where that is not known yet.

        Raises:
            ValueError: it is none.
        """
        subject, before = parse_revocation(member)
        if math.isnan(until):
            raise ValueError(f"{member[:80]!r} has no end")
        with self._lock:
            former = self._known.get(subject)
            if former is None or before > former.before:
                self.version += 1
                self._known[subject] = _Known(before, until)
            elif before == former.before and (math.isinf(former.until) or former.until < until < math.inf):
                self._known[subject] = _Known(before, until)

    def includes(self, grant: Grant) -> bool:
        """Whether a grant was revoked, or belongs to another generation of the store."""
        if grant.by == "session" and (self.generation is None or grant.generation != self.generation):
            return True
        if revocation_of(grant) in self._known:
            return True
        if grant.by == "token":
            return False
        device = device_of(grant.id)
        return self._is_before(f"user:{grant.name}", grant) or (
            device != "" and self._is_before(f"device:{device}", grant)
        )

    def _is_before(self, subject: str, grant: Grant) -> bool:
        known = self._known.get(subject)
        return known is not None and grant.issued < known.before


def device_of(session_id: str) -> str:
    """The browser that a session began in, which its id tells; empty for one that was begun by 0.1.1."""
    device, dot, _ = session_id.partition(".")
    return device if dot else ""
