"""A folder with one file for each user or token; the file's name is the name of the user or token.

Kubernetes mounts a Secret as such a folder, with one file for each key, and replaces all files together.
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

#: Seconds between two checks of the folder.
CHECK_SECONDS: Final = 0.5
#: Largest size of a file. The product writes a few hundred bytes.
FILE_LIMIT_BYTES: Final = 64 * 1024
#: Names of users and tokens: valid as a file name and as a key of a Kubernetes Secret.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_logger = logging.getLogger(__name__)

#: Name, modification time in ns, size in bytes and inode of each file.
_Fingerprint = tuple[tuple[str, int, int, int], ...]

T = TypeVar("T")


class CredentialFolder(Generic[T]):
    """The decoded files of a folder, read again when they change; no files without a folder. Thread-safe."""

    def __init__(
        self,
        path: Path | None,
        kind: str,
        expected: type[T],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``kind`` is the word for a file in the log; each file holds the JSON of an ``expected``."""
        self._path = path
        self._kind = kind
        self._expected = expected
        self._monotonic = monotonic
        self._complaints = RateLimitedLog(_logger)
        #: Held during a check, so that ``_fingerprint`` and ``_files`` match.
        self._checking = threading.Lock()
        self._next_check = float("-inf")
        self._fingerprint: _Fingerprint | None = None
        self._files: Mapping[str, T] = {}

    def files(self, *, now: bool = False) -> Mapping[str, T]:
        """Return the valid files by name, as the same object until a file changes; ``now`` forces a check."""
        if self._path is None or not (now or self._monotonic() >= self._next_check):
            return self._files
        # While another thread checks the folder, the last result is good enough.
        if self._checking.acquire(blocking=now):
            try:
                self._check(self._path)
            finally:
                self._checking.release()
        return self._files

    def _check(self, folder: Path) -> None:
        self._next_check = self._monotonic() + CHECK_SECONDS
        try:
            fingerprint = _fingerprint(folder)
        except OSError as error:
            # Valid credentials stay valid when a disk does not answer.
            self._complaints.warning("folder", "the folder %s cannot be read: %s", folder, error)
            return
        if fingerprint != self._fingerprint:
            self._fingerprint = fingerprint
            read = {name: self._read(folder / name) for name, *_ in fingerprint}
            self._files = {name: content for name, content in read.items() if content is not None}

    def _read(self, path: Path) -> T | None:
        try:
            return msgspec.json.decode(read_small_file(path, FILE_LIMIT_BYTES), type=self._expected)
        except (OSError, UnreadableFile) as error:
            self._fingerprint = None
            self._complain(path, error)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._complain(path, error)
        return None

    def _complain(self, path: Path, error: Exception) -> None:
        self._complaints.warning("file", "the %s %r cannot be read: %s", self._kind, path.name, error_text(error))


def _fingerprint(path: Path) -> _Fingerprint:
    """List the folder's files. Names with a leading dot belong to Kubernetes or to unfinished writes."""
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
    except OSError:  # for instance a symbolic link to itself; the other files still count
        return False
