"""The people who may sign in: a folder with one file a user, which holds a hash of the password."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from access.folder import Folder


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

    def hash_of(self, name: str, *, now: bool = True) -> str | None:
        """The hash of a user's password; ``None`` where there is no such user.

        It is the one that is stored at this moment, or without ``now`` that of a moment ago.
        """
        stored = self._folder.files(now=now).get(name)
        return None if stored is None else stored.hash

    def has(self, name: str, stamp: str) -> bool:
        """Whether there is such a user, whose password still has this stamp."""
        for now in (False, True):  # what is not there may have been set a moment ago
            stored = self.hash_of(name, now=now)
            if stored is not None and stamp_of(stored) == stamp:
                return True
        return False


def stamp_of(stored_hash: str) -> str:
    """What sessions carry of a stored hash."""
    return hashlib.sha256(stored_hash.encode()).hexdigest()[:16]
