"""The people who may sign in: a folder with one file a user, which holds a hash of the password."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from contract.access.folder import Folder


class StoredUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user's file."""

    #: As argon2 writes it: algorithm, costs, salt and hash.
    hash: str
    #: Unix time.
    created: float


class Users:
    """The users of a folder, as it is now; without a folder there are none."""

    def __init__(self, folder: Path | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = Folder(folder, "user", StoredUser, monotonic)

    def hash_of(self, name: str) -> str | None:
        """The hash of a user's password, as it is stored at this moment; ``None`` where there is no such user."""
        return self._hash_of(name, now=True)

    def has(self, name: str, stamp: str) -> bool:
        """Whether there is such a user, whose password still has this stamp."""
        # One that is not there may have been set a moment ago.
        return any(self._stamp_of(name, now=now) == stamp for now in (False, True))

    def _hash_of(self, name: str, *, now: bool) -> str | None:
        stored = self._folder.files(now=now).get(name)
        return None if stored is None else stored.hash

    def _stamp_of(self, name: str, *, now: bool) -> str | None:
        stored = self._hash_of(name, now=now)
        return None if stored is None else stamp_of(stored)


def stamp_of(stored_hash: str) -> str:
    """What sessions carry of a stored hash."""
    return hashlib.sha256(stored_hash.encode()).hexdigest()[:16]
