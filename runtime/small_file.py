"""Safe reading of a small file that other people write, whatever the path leads to."""

import os
import stat
from pathlib import Path
from typing import Literal

Unread = Literal["no_file", "too_long", "unreadable"]


class UnreadableFile(Exception):
    """The path exists but is not read: ``reason`` is a code, ``error`` the system's text, if there is one."""

    def __init__(self, reason: Unread, text: str, error: str | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.error = error


def read_small_file(path: Path, limit_bytes: int) -> bytes:
    """Return the file's content.

    Raises:
        FileNotFoundError: the path does not exist.
        UnreadableFile: the path is not a file, the file is longer than ``limit_bytes``, or it cannot be read.
    """
    try:
        # The file is opened without blocking and checked afterwards: a check before would race with a change of the
        # path, and opening a FIFO would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnreadableFile("no_file", "it is not a file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(limit_bytes + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableFile("unreadable", f"it cannot be read ({error.strerror})", error.strerror) from None
    if len(content) > limit_bytes:
        raise UnreadableFile("too_long", f"it is longer than {limit_bytes // 1024} KiB")
    return content
