"""The people who may sign in: a folder with one file a user, which holds a hash of the password.

PasswordVerifier are hashed with argon2id, and compared by few threads at a time, so that guessing costs others nothing.
argon2 is imported when it is needed: where access is open nobody does.
"""

import functools
import hashlib
import logging
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from access.credential_folder import CredentialFolder

if TYPE_CHECKING:
    from argon2 import PasswordHasher

#: Characters that a password may have.
LENGTHS: Final = (8, 1024)
#: Costs that OWASP names for small machines: a container with 256 MB has room for a few at a time.
MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
#: PasswordVerifier that a process looks at at the same time.
AT_ONCE: Final = 2
#: Seconds that a further one waits for its turn.
WAIT_SECONDS: Final = 5.0

#: Of no password, for names that nobody has: they must take as long.
_DUMMY_HASH: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${'A' * 22}${'A' * 43}"
_logger = logging.getLogger(__name__)


class StoredUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user's file."""

    #: As argon2 writes it: algorithm, costs, salt and hash.
    hash: str
    #: Unix time.
    created: float


class UserFolder:
    """The users of a folder, as it is now; without a folder there are none."""

    def __init__(self, folder: Path | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = CredentialFolder(folder, "user", StoredUser, monotonic)

    def hash_of(self, name: str, *, now: bool = True) -> str | None:
        """The hash of a user's password; ``None`` where there is no such user.

        It is the one that is stored at this moment, or without ``now`` that of a moment ago.
        """
        stored = self._folder.files(now=now).get(name)
        return None if stored is None else stored.hash

    def is_current(self, name: str, stamp: str) -> bool:
        """Whether there is such a user, whose password still has this stamp."""
        for now in (False, True):  # what is not there may have been set a moment ago
            stored = self.hash_of(name, now=now)
            if stored is not None and stamp_of(stored) == stamp:
                return True
        return False


def stamp_of(stored_hash: str) -> str:
    """What sessions carry of a stored hash."""
    return hashlib.sha256(stored_hash.encode()).hexdigest()[:16]


class UnusablePassword(ValueError):
    """It cannot be taken as a password; the text is for people."""


class TooManyPasswordChecks(Exception):
    """Too many passwords are being looked at."""


def hash_password(password: str) -> str:
    """Return what is stored of a new password.

    Raises:
        UnusablePassword: it is too short or too long.
    """
    text = _normal(password)
    if not LENGTHS[0] <= len(text) <= LENGTHS[1]:
        raise UnusablePassword(f"a password has {LENGTHS[0]} to {LENGTHS[1]} characters, this one {len(text)}")
    try:
        return _hasher().hash(text)
    except UnicodeEncodeError:
        raise UnusablePassword("the password is no valid text") from None


class PasswordVerifier:
    """Compares passwords with what is stored of them."""

    def __init__(self, waiting: int, wait_seconds: float = WAIT_SECONDS) -> None:
        """``waiting``: threads that may wait for their turn; the others are needed for everything else."""
        self._wait_seconds = wait_seconds
        self._admitted = threading.BoundedSemaphore(AT_ONCE + waiting)
        self._running = threading.BoundedSemaphore(AT_ONCE)
        # The allocator keeps for each thread what that thread has used before: 19 MiB for each that compares.
        self._threads = ThreadPoolExecutor(AT_ONCE, "password")

    def matches(self, stored_hash: str | None, password: str) -> bool:
        """Whether it is the password; it takes as long where nothing is stored.

        Raises:
            TooManyPasswordChecks: its turn did not come.
        """
        text = _normal(password[: LENGTHS[1] + 1])
        with self._slot():
            is_equal = self._threads.submit(_verify, _DUMMY_HASH if stored_hash is None else stored_hash, text).result()
        return is_equal and stored_hash is not None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise TooManyPasswordChecks
        try:
            if not self._running.acquire(timeout=self._wait_seconds):
                raise TooManyPasswordChecks
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._admitted.release()


def _verify(stored_hash: str, password: str) -> bool:
    """Whether a hash is of this password."""
    from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

    try:
        return _hasher().verify(stored_hash, password.encode(errors="replace"))
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError):
        _logger.warning("the stored hash of a password cannot be used; set the password anew")
        return False


def _normal(password: str) -> str:
    """One spelling of what keyboards write in several."""
    return unicodedata.normalize("NFC", password)


@functools.cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
