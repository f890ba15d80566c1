"""Tokens of programs: a folder with one file a token, which holds a digest of the secret.

A secret has 256 bits of randomness, so that a plain digest is as good as a slow one.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from contract.access.folder import Folder
from contract.access.grant import Grant, Scope, sign_in_required

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


class Tokens:
    """The tokens of a folder, as it is now; without a folder there are none."""

    def __init__(self, folder: Path | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = Folder(folder, "token", StoredToken, monotonic)
        self._files: Mapping[str, StoredToken] = {}
        self._grants: Mapping[str, Grant] = {}
        self._held: frozenset[Grant] = frozenset()
        self._version = 0

    @property
    def version(self) -> int:
        """Another number whenever the folder changed."""
        self._by_digest()
        return self._version

    def grant(self, token: str) -> Grant:
        """What a token allows, whether it is expired or not.

        Raises:
            Refused: there is no such token.
        """
        digest = "" if len(token) > TOKEN_LIMIT else digest_of(token)
        # One that is not there may have been made a moment ago.
        found = self._by_digest().get(digest) or self._by_digest(now=True).get(digest)
        if found is None:
            raise sign_in_required("There is no such token.")
        return found

    def holds(self, grant: Grant) -> bool:
        """Whether a token's grant is still as the folder has it."""
        self._by_digest()
        return grant in self._held

    def _by_digest(self, *, now: bool = False) -> Mapping[str, Grant]:
        files = self._folder.files(now=now)
        if files is not self._files:
            self._grants = {stored.sha256: _grant(name, stored) for name, stored in files.items()}
            self._held = frozenset(self._grants.values())
            self._files = files
            self._version += 1
        return self._grants


def _grant(name: str, stored: StoredToken) -> Grant:
    expires = float("inf") if stored.expires is None else stored.expires
    return Grant("token", name, frozenset(stored.scopes), id_of(stored.sha256), stored.created, expires)
