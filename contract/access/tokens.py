"""Tokens of programs: a folder with one file a token, named like it, which holds a digest of the secret.

A secret has 256 bits of randomness, so that a plain digest is as good as a slow one. Kubernetes shows a Secret as
such a folder, one file a key.
"""

import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from contract.access.grant import Grant, Scope, sign_in_required
from contract.runtime.logs import Occasionally

#: What every token begins with, so that people and scanners know one when they see it.
PREFIX: Final = "dcl_"
#: Characters of a token; a longer one is none of ours.
TOKEN_LIMIT: Final = 128
#: Seconds for which the folder is not looked at again.
LOOK_SECONDS: Final = 0.5
#: Names of users and tokens: what may be a file's name, and a key of a Kubernetes Secret.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_SECRET_BYTES: Final = 32
_logger = logging.getLogger(__name__)

#: What tells that a folder changed: name, time, size and inode of each file.
_State = tuple[tuple[str, int, int, int], ...]


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
    return hashlib.sha256(token.encode()).hexdigest()


def id_of(digest: str) -> str:
    """By what a token is known where its digest need not be."""
    return digest[:16]


class Tokens:
    """The tokens of a folder, as it is now; without a folder there are none."""

    def __init__(self, folder: Path | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._complaints = Occasionally(_logger)
        self._look_from = float("-inf")
        self._state: _State | None = None
        self._grants: Mapping[str, Grant] = {}

    def grant(self, token: str) -> Grant:
        """What a token allows, whether it is expired or not.

        Raises:
            Refused: there is no such token.
        """
        self.look()
        found = None if len(token) > TOKEN_LIMIT else self._grants.get(digest_of(token))
        if found is None:
            raise sign_in_required("There is no such token.")
        return found

    def holds(self, grant: Grant) -> bool:
        """Whether a token's grant is still as the folder has it."""
        self.look()
        return any(grant == other for other in self._grants.values())

    def look(self) -> None:
        """Read the folder again where it changed."""
        now = self._monotonic()
        if self._folder is None or now < self._look_from:
            return
        self._look_from = now + LOOK_SECONDS
        state = _state(self._folder)
        if state != self._state:
            self._grants = dict(self._read(self._folder, name) for name, *_ in state)
            self._grants.pop("", None)
            self._state = state

    def _read(self, folder: Path, name: str) -> tuple[str, Grant]:
        try:
            stored = msgspec.json.decode((folder / name).read_bytes(), type=StoredToken)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._complaints.warning("token", "the token %r cannot be read: %s", name, error)
            return "", Grant("token", name, frozenset(), "", 0.0, 0.0)
        expires = float("inf") if stored.expires is None else stored.expires
        return stored.sha256, Grant(
            "token", name, frozenset(stored.scopes), id_of(stored.sha256), stored.created, expires
        )


def _state(folder: Path) -> _State:
    """A folder's files; those that begin with a dot are Kubernetes' own, or not yet whole."""
    found = []
    try:
        for entry in os.scandir(folder):
            if NAME.fullmatch(entry.name) and entry.is_file():
                status = entry.stat()
                found.append((entry.name, status.st_mtime_ns, status.st_size, status.st_ino))
    except OSError:
        return ()
    return tuple(sorted(found))
