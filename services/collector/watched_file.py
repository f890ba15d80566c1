"""A small file that people edit while it is in use."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.texts import files
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.small_file import UnreadableFile, read_small_file

#: Bytes that such a file may have.
SIZE_LIMIT_BYTES: Final = 1024 * 1024
#: Seconds for which a changed file must stay as it is: an editor that writes in place passes through half a file.
SETTLE_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Content:
    """The file's text, ``None`` if there is no file; or why it cannot be read."""

    text: str | None
    error: Coded | None = None

    @property
    def mark(self) -> tuple[Coded | None, bytes | None]:
        """What differs where contents do, and takes no memory: there may be many files."""
        return self.error, None if self.text is None else hashlib.blake2b(self.text.encode()).digest()


class WatchedFile:
    """Compares contents: whether an editor writes in place, renames, or a link is moved makes no difference."""

    def __init__(self, path: Path) -> None:
        #: Absolute, for people to find it.
        self.path = path.absolute()
        self._known: tuple[Coded | None, bytes | None] | None = None

    def read(self) -> Content:
        """Return the content as it is now."""
        content = _content(self.path)
        self._known = content.mark
        return content

    async def changed(self) -> Content | None:
        """Return the new content once it has settled, or ``None`` while there is none."""
        content = await self._read()
        if content.mark == self._known:
            return None
        await asyncio.sleep(SETTLE_SECONDS)
        if await self._read() != content:
            return None
        self._known = content.mark
        return content

    async def _read(self) -> Content:
        # Beside the loop: a disk may take its time, and many files do.
        return await run_in_daemon_thread(lambda: _content(self.path), "read a file")


def _content(path: Path) -> Content:
    try:
        return Content(read_small_file(path, SIZE_LIMIT_BYTES).decode("utf-8-sig"))
    except FileNotFoundError:
        return Content(None)
    except UnicodeDecodeError:
        return Content(None, files.file_not_utf8())
    except UnreadableFile as error:
        return Content(None, _why_unread(error))


def _why_unread(error: UnreadableFile) -> Coded:
    match error.reason:
        case "no_file":
            return files.file_is_no_file()
        case "too_long":
            return files.file_too_long(SIZE_LIMIT_BYTES)
        case "unreadable":
            return files.file_unreadable(error.error)
