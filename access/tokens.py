"""The tokens of programs: a folder with one file for each token, which holds a digest of the secret.

A secret has 256 bits of randomness, so a slow password hash would add nothing to SHA-256.
"""

import hashlib
import math
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from access.credential_folder import CredentialFolder
from access.grant import Grant, sign_in_required
from contract.rest import Scope

#: Prefix of every token, by which people and secret scanners recognise it.
PREFIX: Final = "dcl_"
#: Longest valid token in characters.
TOKEN_LIMIT: Final = 128

_SECRET_BYTES: Final = 32


class PreviousToken(msgspec.Struct, frozen=True, array_like=True):
    """A secret that a rotation has replaced. Times are Unix seconds."""

    sha256: str
    created: float
    expires: float | None
    #: End of its validity, also if ``expires`` is later.
    until: float


class StoredToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of a token's file. Times are Unix seconds."""

    sha256: str
    scopes: tuple[Scope, ...]
    created: float
    #: ``None``: the token never expires.
    expires: float | None = None
    #: Replaced secrets that are still valid, with the same scopes.
    previous: tuple[PreviousToken, ...] = msgspec.field(default=(), name="former")


def new_token() -> str:
    """Return a new secret, which is shown once."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def token_digest(token: str) -> str:
    """Return the stored form of a token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def token_id(digest: str) -> str:
    """Return the public identifier of a token: the first 16 hex digits of its SHA-256."""
    return digest[:16]


class _Index(NamedTuple):
    """The tokens of the folder, prepared for lookups."""

    files: Mapping[str, StoredToken]
    by_digest: Mapping[str, Grant]
    grants: frozenset[Grant]
    version: int
    #: Unix time at which the next replaced secret becomes invalid.
    until: float = math.inf


class Tokens:
    """The current tokens of a folder; no tokens without a folder. Thread-safe."""

    def __init__(
        self,
        folder: Path | None,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = CredentialFolder(folder, "token", StoredToken, monotonic)
        self._clock = clock
        self._index = _Index({}, {}, frozenset(), 0)

    @property
    def version(self) -> int:
        """A number that changes with the folder, and when a replaced secret becomes invalid."""
        return self._current_index().version

    def grant(self, token: str) -> Grant:
        """Return the grant of a token, expired or not.

        Raises:
            AccessDenied: the token is unknown.
        """
        digest = "" if len(token) > TOKEN_LIMIT else token_digest(token)
        # An unknown token may be a new one, so the folder is read again.
        found = self._current_index().by_digest.get(digest) or self._current_index(now=True).by_digest.get(digest)
        if found is None:
            raise sign_in_required("The token is unknown.")
        return found

    def is_current(self, grant: Grant) -> bool:
        """Whether the folder still holds the token of this grant, with the same scopes and expiry."""
        return grant in self._current_index().grants

    def _current_index(self, *, now: bool = False) -> _Index:
        files, index, moment = self._folder.files(now=now), self._index, self._clock()
        if files is not index.files or moment >= index.until:
            previous = [
                (old, token_grant(name, stored, old))
                for name, stored in files.items()
                for old in stored.previous
                if moment < old.until
            ]
            by_digest = {old.sha256: grant for old, grant in previous}
            by_digest |= {stored.sha256: token_grant(name, stored) for name, stored in files.items()}
            until = min((old.until for old, _ in previous), default=math.inf)
            # One assignment, so that other threads never read half of a change.
            self._index = index = _Index(files, by_digest, frozenset(by_digest.values()), index.version + 1, until)
        return index


def token_grant(name: str, stored: StoredToken, previous: PreviousToken | None = None) -> Grant:
    """Return the grant of a token, or of a secret that it has replaced."""
    secret = previous or stored
    expires = float("inf") if secret.expires is None else secret.expires
    return Grant("token", name, frozenset(stored.scopes), token_id(secret.sha256), secret.created, expires)
