"""The users who may sign in: a folder with one file per user, which contains a hash of the password.

Passwords are hashed with argon2id. Few threads compare them at a time, so that guessing does not slow down other
requests. argon2 is imported on demand, because a deployment with open access does not need it.
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

#: Shortest and longest password, in characters.
PASSWORD_LENGTHS: Final = (8, 1024)
#: Costs that OWASP recommends for small machines: a container with 256 MB has room for several checks at a time.
MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
#: Passwords that a process checks at the same time.
CONCURRENT_CHECKS: Final = 2
#: Longest time, in seconds, that a further check waits.
WAIT_SECONDS: Final = 5.0

#: Hash without a password. A check for an unknown user compares with it, and takes as long.
_DUMMY_HASH: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${'A' * 22}${'A' * 43}"
_logger = logging.getLogger(__name__)


class StoredUser(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a user's file."""

    #: In argon2's format: algorithm, costs, salt and hash.
    hash: str
    #: Unix time.
    created: float


class UserFolder:
    """The users of a folder, always up to date. Without a folder there are no users."""

    def __init__(self, folder: Path | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = CredentialFolder(folder, "user", StoredUser, monotonic)

    def hash_of(self, name: str, *, now: bool = True) -> str | None:
        """Return the hash of a user's password; ``None`` for an unknown user.

        The hash is up to date, or a moment old if ``now`` is false.
        """
        stored = self._folder.files(now=now).get(name)
        return None if stored is None else stored.hash

    def is_current(self, name: str, stamp: str) -> bool:
        """Return whether the user exists and the password still has this stamp."""
        for now in (False, True):  # the password may have been set a moment ago
            stored = self.hash_of(name, now=now)
            if stored is not None and stamp_of(stored) == stamp:
                return True
        return False


def stamp_of(stored_hash: str) -> str:
    """Return the stamp of a stored hash. Sessions contain it."""
    return hashlib.sha256(stored_hash.encode()).hexdigest()[:16]


class UnusablePassword(ValueError):
    """The password is not acceptable. The text is for people."""


class TooManyPasswordChecks(Exception):
    """Too many passwords are being checked."""


def hash_password(password: str) -> str:
    """Return the hash of a new password.

    Raises:
        UnusablePassword: the password is too short or too long.
    """
    text = _normal(password)
    if not PASSWORD_LENGTHS[0] <= len(text) <= PASSWORD_LENGTHS[1]:
        raise UnusablePassword(
            f"a password must have {PASSWORD_LENGTHS[0]} to {PASSWORD_LENGTHS[1]} characters; this one has {len(text)}"
        )
    try:
        return _hasher().hash(text)
    except UnicodeEncodeError:
        raise UnusablePassword("the password is not valid text") from None


class PasswordVerifier:
    """Compares passwords with stored hashes."""

    def __init__(self, waiting: int, wait_seconds: float = WAIT_SECONDS) -> None:
        """``waiting``: threads that may wait for a check. The other threads serve other requests."""
        self._wait_seconds = wait_seconds
        self._admitted = threading.BoundedSemaphore(CONCURRENT_CHECKS + waiting)
        self._running = threading.BoundedSemaphore(CONCURRENT_CHECKS)
        # The allocator keeps the memory that each thread has used: 19 MiB for a thread that compares passwords.
        self._threads = ThreadPoolExecutor(CONCURRENT_CHECKS, "password")

    def matches(self, stored_hash: str | None, password: str) -> bool:
        """Return whether the password matches. The check takes as long without a stored hash.

        Raises:
            TooManyPasswordChecks: the check waited too long.
        """
        text = _normal(password[: PASSWORD_LENGTHS[1] + 1])
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
    """Return whether a hash belongs to this password."""
    from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

    try:
        return _hasher().verify(stored_hash, password.encode(errors="replace"))
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError):
        _logger.warning("a stored password hash is not valid; set the user's password again")
        return False


def _normal(password: str) -> str:
    """Return one spelling of characters that keyboards encode in several ways."""
    return unicodedata.normalize("NFC", password)


@functools.cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
