"""Tokens of programs: a folder with one file a token, which holds a digest of the secret.

A secret has 256 bits of randomness, so that a plain digest is as good as a slow one.
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

#: What every token begins with, so that people and scanners know one when they see it.
PREFIX: Final = "dcl_"
#: Characters of a token; a longer one is none of ours.
TOKEN_LIMIT: Final = 128

_SECRET_BYTES: Final = 32


class PreviousToken(msgspec.Struct, frozen=True, array_like=True):
    """One that another took the place of. Times are Unix seconds."""

    sha256: str
    created: float
    expires: float | None
    #: From when it is not good, whatever ``expires`` says.
    until: float


class StoredToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token's file. Times are Unix seconds."""

    sha256: str
    scopes: tuple[Scope, ...]
    created: float
    #: ``None``: never.
    expires: float | None = None
    #: With the same scopes.
    former: tuple[PreviousToken, ...] = ()


def new_token() -> str:
    """A secret to be shown once."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def token_digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def token_id(digest: str) -> str:
    """By what a token is known where its digest need not be."""
    return digest[:16]


class _Index(NamedTuple):
    """What is known of a folder's tokens."""

    files: Mapping[str, StoredToken]
    by_digest: Mapping[str, Grant]
    grants: frozenset[Grant]
    version: int
    #: Unix time from which one of them is not good any more, because another took its place.
    until: float = math.inf


class Tokens:
    """The tokens of a folder, as it is now; without a folder there are none. Safe to use from several threads."""

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
        """Another number whenever the folder changed, or a former token is not good any more."""
        return self._known().version

    def grant(self, token: str) -> Grant:
        """What a token allows, whether it is expired or not.

        Raises:
            Refused: there is no such token.
        """
        digest = "" if len(token) > TOKEN_LIMIT else token_digest(token)
        # One that is not there may have been made a moment ago.
        found = self._known().by_digest.get(digest) or self._known(now=True).by_digest.get(digest)
        if found is None:
            raise sign_in_required("There is no such token.")
        return found

    def is_current(self, grant: Grant) -> bool:
        """Whether a token's grant is still as the folder has it."""
        return grant in self._known().grants

    def _known(self, *, now: bool = False) -> _Index:
        files, index, moment = self._folder.files(now=now), self._index, self._clock()
        if files is not index.files or moment >= index.until:
            former = [
                (old, token_grant(name, stored, old))
                for name, stored in files.items()
                for old in stored.former
                if moment < old.until
            ]
            by_digest = {old.sha256: grant for old, grant in former}
            by_digest |= {stored.sha256: token_grant(name, stored) for name, stored in files.items()}
            until = min((old.until for old, _ in former), default=math.inf)
            # At once: what belongs together is replaced together.
            self._index = index = _Index(files, by_digest, frozenset(by_digest.values()), index.version + 1, until)
        return index


def token_grant(name: str, stored: StoredToken, former: PreviousToken | None = None) -> Grant:
    """What a token allows, or one that it took the place of."""
    one = former or stored
    expires = float("inf") if one.expires is None else one.expires
    return Grant("token", name, frozenset(stored.scopes), token_id(one.sha256), one.created, expires)
