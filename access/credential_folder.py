"""A folder with one file a user or token, named like it, as it is now.

Kubernetes shows a Secret as such a folder, one file a key, and replaces all of it at once.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from runtime.logs import RateLimitedLog
from runtime.quoting import error_text
from runtime.small_file import UnreadableFile, read_small_file

#: Seconds for which a folder is not looked at again.
LOOK_SECONDS: Final = 0.5
#: Bytes that a file may have. Ours have some hundred.
FILE_LIMIT_BYTES: Final = 64 * 1024
#: Names of users and tokens: what may be a file's name, and a key of a Kubernetes Secret.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_logger = logging.getLogger(__name__)

#: What tells that a folder changed: name, time, size and inode of each file.
_State = tuple[tuple[str, int, int, int], ...]

T = TypeVar("T")


class CredentialFolder(Generic[T]):
    """Its files, read again when they change; without a folder there are none. Safe to use from several threads."""

    def __init__(
        self,
        path: Path | None,
        kind: str,
        expected: type[T],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``kind`` is what a file is called in the log; each holds the JSON of an ``expected``."""
        self._path = path
        self._kind = kind
        self._expected = expected
        self._monotonic = monotonic
        self._complaints = RateLimitedLog(_logger)
        #: Held while the folder is looked at: what was seen, and what was read then, belong together.
        self._looking = threading.Lock()
        self._look_from = float("-inf")
        self._state: _State | None = None
        self._files: Mapping[str, T] = {}

    def files(self, *, now: bool = False) -> Mapping[str, T]:
        """By name, what is valid: the same object until something changed; ``now``: looked at however lately."""
        if self._path is None or not (now or self._monotonic() >= self._look_from):
            return self._files
        # While another thread looks, what was known before is as good.
        if self._looking.acquire(blocking=now):
            try:
                self._look(self._path)
            finally:
                self._looking.release()
        return self._files

    def _look(self, folder: Path) -> None:
        self._look_from = self._monotonic() + LOOK_SECONDS
        try:
            state = _state(folder)
        except OSError as error:
            # What was valid a moment ago is not invalid because a disk does not answer.
            self._complaints.warning("folder", "the folder %s cannot be read: %s", folder, error)
            return
        if state != self._state:
            self._state = state
            read = {name: self._read(folder / name) for name, *_ in state}
            self._files = {name: content for name, content in read.items() if content is not None}

    def _read(self, path: Path) -> T | None:
        try:
            return msgspec.json.decode(read_small_file(path, FILE_LIMIT_BYTES), type=self._expected)
        except (OSError, UnreadableFile) as error:
            self._state = None
            self._complain(path, error)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._complain(path, error)
        return None

    def _complain(self, path: Path, error: Exception) -> None:
        self._complaints.warning("file", "the %s %r cannot be read: %s", self._kind, path.name, error_text(error))


def _state(path: Path) -> _State:
    """A folder's files; those that begin with a dot are Kubernetes' own, or not yet whole."""
    found = []
    try:
        for entry in os.scandir(path):
            if NAME.fullmatch(entry.name) and _is_file(entry):
                status = entry.stat()
                found.append((entry.name, status.st_mtime_ns, status.st_size, status.st_ino))
    except FileNotFoundError:
        return ()
    return tuple(sorted(found))


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself, for instance: no reason to leave out the others
        return False
