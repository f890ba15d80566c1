"""What was revoked, as Redis has it: a sorted set, and a channel that tells of each new member.

Members are ``session:<id>``, ``token:<id>`` and ``user:<name>@<Unix time>``, which means all grants of the user from
before that time. A store that lost them has lost its generation too, and no session of a former one is valid.
"""

import threading
from collections.abc import Iterable
from typing import Final

from contract.access.grant import Grant

#: Seconds that a revocation of what never expires is kept: as long as anything else could bring it back.
KEPT_SECONDS: Final = 400 * 24 * 3600


def revocation_of(grant: Grant) -> str:
    """The member that revokes one session or token."""
    return f"{grant.by}:{grant.id}"


def revocation_of_user(name: str, before: float) -> str:
    """The member that revokes all that a user was granted before a Unix time."""
    return f"user:{name}@{before:.3f}"


class Revocations:
    """What this process knows of them. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: set[str] = set()
        #: By user, the Unix time before which nothing is valid.
        self._users: dict[str, float] = {}
        #: ``None`` before the store was read, or where it has none.
        self.generation: str | None = None
        #: Whether the store was read at all.
        self.known = False
        #: Another number whenever anything above changed.
        self.version = 0

    def load(self, generation: str | None, members: Iterable[str]) -> None:
        """Take what the store holds. What is known besides stays: it may be newer, or lost with a former store."""
        with self._lock:
            self.known = True
            if generation != self.generation:
                self.generation = generation
                self.version += 1
            for member in members:
                self._add(member)

    def add(self, member: str) -> None:
        """Take one more."""
        with self._lock:
            self._add(member)

    def includes(self, grant: Grant) -> bool:
        """Whether a grant was revoked, or belongs to another generation of the store."""
        if grant.by == "session" and (self.generation is None or grant.generation != self.generation):
            return True
        if f"{grant.by}:{grant.id}" in self._members:
            return True
        return grant.by != "token" and grant.issued < self._users.get(grant.name, float("-inf"))

    def _add(self, member: str) -> None:
        kind, _, rest = member.partition(":")
        if kind != "user":
            self.version += member not in self._members
            self._members.add(member)
            return
        name, _, text = rest.rpartition("@")
        try:
            before = float(text)
        except ValueError:
            return
        if before > self._users.get(name, float("-inf")):
            self._users[name] = before
            self.version += 1
