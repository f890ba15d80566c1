"""The key that signs sessions and the one before it, as their files are now: a new key takes no restart.

Beside the key's file, another one of the same name and ``.former`` may hold, in one line: the former key, the Unix time
until which its sessions are valid, and the one from which the new key signs. Until then the former one does, so that
every replica knows the new key before it meets a cookie of it.
"""

import logging
import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from access.session import SessionSeal
from access.settings import KEY_BYTES, KEY_LIMIT_BYTES
from runtime.logs import RateLimitedLog
from runtime.small_file import UnreadableFile, read_small_file

#: Seconds for which the files are not looked at again.
LOOK_SECONDS: Final = 0.5
#: What the name of the former key's file ends in.
FORMER: Final = ".former"

_logger = logging.getLogger(__name__)


class _Keys(NamedTuple):
    new: SessionSeal
    former: SessionSeal | None = None
    #: Unix time.
    signs_from: float = 0.0


class SessionKeys:
    """Safe to use from several threads."""

    def __init__(
        self,
        key: bytes,
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``key`` counts until ``path``, its file, was read; without a file it stays."""
        self._path = path
        self._clock = clock
        self._monotonic = monotonic
        self._complaints = RateLimitedLog(_logger)
        self._looking = threading.Lock()
        self._look_from = float("-inf")
        self._state: object = None
        self._keys = _Keys(SessionSeal(key))

    def seals(self) -> Sequence[SessionSeal]:
        """Those whose sessions are valid; the first one signs."""
        if self._path and self._monotonic() >= self._look_from and self._looking.acquire(blocking=False):
            try:
                self._look(self._path)
            finally:
                self._looking.release()
        new, former, signs_from = self._keys
        now = self._clock()
        if former is None or now >= former.until:
            return (new,)
        return (new, former) if now >= signs_from else (former, new)

    @property
    def seal(self) -> SessionSeal:
        """The one that signs."""
        return self.seals()[0]

    def _look(self, path: Path) -> None:
        self._look_from = self._monotonic() + LOOK_SECONDS
        try:
            state = [_state(path), _state(previous_key_path(path))]
            if state == self._state:
                return
            # The key first, as it is written last: a new one is never seen without the former.
            key, line = _read(path), _read(previous_key_path(path))
            if len(key) < KEY_BYTES:
                raise ValueError(f"it has less than {KEY_BYTES} bytes")
            self._keys = self._known(key, line)
            self._state = state
        except (OSError, UnreadableFile, ValueError) as error:
            # What was valid a moment ago is not invalid because a disk does not answer.
            self._complaints.warning("key", "the key of sessions in %s stays as it was: %s", path, error)

    def _known(self, key: bytes, line: bytes) -> _Keys:
        new = self._keys.new if self._keys.new.key == key else SessionSeal(key)
        words = line.rsplit(maxsplit=2)
        if not words or words[0] == key:
            return _Keys(new)
        former, until, signs_from = words[0], *map(float, words[1:])
        if not (math.isfinite(until) and math.isfinite(signs_from)):
            raise ValueError("the moments of the former key are none")
        return _Keys(new, SessionSeal(former, until), signs_from)


def previous_key_path(path: Path) -> Path:
    """The file of the former key."""
    return path.with_name(path.name + FORMER)


def previous_key_line(key: bytes, until: float, signs_from: float) -> bytes:
    """What that file holds; Unix times."""
    return b"%s %d %d\n" % (key.strip(), until, signs_from)


def new_key() -> bytes:
    """The content of a key's file."""
    return secrets.token_hex(KEY_BYTES).encode() + b"\n"


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> bytes:
    try:
        return read_small_file(path, KEY_LIMIT_BYTES + 64).strip()
    except FileNotFoundError:
        return b""
