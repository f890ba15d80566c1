"""The current and the previous session key. A rotation needs no restart: changed files are read again.

The previous key is in a file beside the key's, with the suffix ``.former``. Its single line holds the previous key, the
Unix time at which that key's sessions expire, and the Unix time from which the new key signs. Until then the previous
key signs, so that every replica has read the new key before the first cookie of it arrives.
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

#: Seconds between two checks of the files.
CHECK_SECONDS: Final = 0.5
#: Suffix of the previous key's file.
PREVIOUS_SUFFIX: Final = ".former"

_logger = logging.getLogger(__name__)


class _Keys(NamedTuple):
    new: SessionSeal
    previous: SessionSeal | None = None
    #: Unix time from which ``new`` signs.
    signs_from: float = 0.0


class SessionKeys:
    """The seals of the current and the previous key. Thread-safe."""

    def __init__(
        self,
        key: bytes,
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``key`` is in force until its file ``path`` is read; without a file it stays in force."""
        self._path = path
        self._clock = clock
        self._monotonic = monotonic
        self._complaints = RateLimitedLog(_logger)
        self._checking = threading.Lock()
        self._next_check = float("-inf")
        self._fingerprint: object = None
        self._keys = _Keys(SessionSeal(key))

    def seals(self) -> Sequence[SessionSeal]:
        """Return the seals of valid sessions; the first one signs."""
        if self._path and self._monotonic() >= self._next_check and self._checking.acquire(blocking=False):
            try:
                self._check(self._path)
            finally:
                self._checking.release()
        new, previous, signs_from = self._keys
        now = self._clock()
        if previous is None or now >= previous.until:
            return (new,)
        return (new, previous) if now >= signs_from else (previous, new)

    @property
    def seal(self) -> SessionSeal:
        """The seal that signs."""
        return self.seals()[0]

    def _check(self, path: Path) -> None:
        self._next_check = self._monotonic() + CHECK_SECONDS
        try:
            fingerprint = [_fingerprint(path), _fingerprint(previous_key_path(path))]
            if fingerprint == self._fingerprint:
                return
            # A rotation writes the key last, so a new key is never read without the previous one.
            key, line = _read(path), _read(previous_key_path(path))
            if len(key) < KEY_BYTES:
                raise ValueError(f"the file has less than {KEY_BYTES} bytes")
            self._keys = self._parse(key, line)
            self._fingerprint = fingerprint
        except (OSError, UnreadableFile, ValueError) as error:
            # Valid sessions stay valid when a disk does not answer.
            self._complaints.warning(
                "key", "cannot read the session key in %s, the last one stays in force: %s", path, error
            )

    def _parse(self, key: bytes, line: bytes) -> _Keys:
        new = self._keys.new if self._keys.new.key == key else SessionSeal(key)
        words = line.rsplit(maxsplit=2)
        if not words or words[0] == key:
            return _Keys(new)
        previous, until, signs_from = words[0], *map(float, words[1:])
        if not (math.isfinite(until) and math.isfinite(signs_from)):
            raise ValueError("the times of the previous key are not finite numbers")
        return _Keys(new, SessionSeal(previous, until), signs_from)


def previous_key_path(path: Path) -> Path:
    """Return the path of the previous key's file."""
    return path.with_name(path.name + PREVIOUS_SUFFIX)


def previous_key_line(key: bytes, until: float, signs_from: float) -> bytes:
    """Return the content of the previous key's file. Times are Unix seconds."""
    return b"%s %d %d\n" % (key.strip(), until, signs_from)


def new_key() -> bytes:
    """Return the content of a new key's file."""
    return secrets.token_hex(KEY_BYTES).encode() + b"\n"


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
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
