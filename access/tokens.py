"""Tokens of programs: a folder with one file a token, which holds a digest of the secret.

A secret has 256 bits of randomness, so that a plain digest is as good as a slow one.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from access.folder import Folder
from access.grant import Grant, sign_in_required
from contract.rest import Scope

#: What every token begins with, so that people and scanners know one when they see it.
PREFIX: Final = "dcl_"
#: Characters of a token; a longer one is none of ours.
TOKEN_LIMIT: Final = 128

_SECRET_BYTES: Final = 32


class StoredToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token's file. Times are Unix seconds."""

    sha256: str
    scopes: tuple[Scope, ...]
    created: float
    #: ``None``: never.
    expires: float | None = None


def new_token() -> str:
    """A secret to be shown once."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def id_of(digest: str) -> str:
    """By what a token is known where its digest need not be."""
    return digest[:16]


class _Index(NamedTuple):
    """What is known of a folder's tokens."""

    files: Mapping[str, StoredToken]
    by_digest: Mapping[str, Grant]
    grants: frozenset[Grant]
    version: int


class Tokens:
    """The tokens of a folder, as it is now; without a folder there are none. Safe to use from several threads."""

    def __init__(self, folder: Path | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = Folder(folder, "token", StoredToken, monotonic)
        self._index = _Index({}, {}, frozenset(), 0)

    @property
    def version(self) -> int:
        """Another number whenever the folder changed."""
        return self._known().version

    def grant(self, token: str) -> Grant:
        """What a token allows, whether it is expired or not.

        Raises:
            Refused: there is no such token.
        """
        digest = "" if len(token) > TOKEN_LIMIT else digest_of(token)
        # One that is not there may have been made a moment ago.
        found = self._known().by_digest.get(digest) or self._known(now=True).by_digest.get(digest)
        if found is None:
            raise sign_in_required("There is no such token.")
        return found

    def holds(self, grant: Grant) -> bool:
        """Whether a token's grant is still as the folder has it."""
        return grant in self._known().grants

    def _known(self, *, now: bool = False) -> _Index:
        files, index = self._folder.files(now=now), self._index
        if files is not index.files:
            by_digest = {stored.sha256: grant_of(name, stored) for name, stored in files.items()}
            # At once: what belongs together is replaced together.
            self._index = index = _Index(files, by_digest, frozenset(by_digest.values()), index.version + 1)
        return index


def grant_of(name: str, stored: StoredToken) -> Grant:
    """What a token allows."""
    expires = float("inf") if stored.expires is None else stored.expires
    return Grant("token", name, frozenset(stored.scopes), id_of(stored.sha256), stored.created, expires)
