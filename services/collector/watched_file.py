"""A small file that people edit while it is in use."""

import asyncio
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Bytes that such a file may have.
SIZE_LIMIT_BYTES: Final = 1024 * 1024
#: Seconds for which a changed file must stay as it is: an editor that writes in place passes through half a file.
SETTLE_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Content:
    """The file's text, ``None`` if there is no file; or why it cannot be read."""

    text: str | None
    error: str | None = None


class WatchedFile:
    """Compares contents: whether an editor writes in place, renames, or a link is moved makes no difference."""

    def __init__(self, path: Path) -> None:
        #: Absolute, for people to find it.
        self.path = path.absolute()
        self._known: Content | None = None

    def read(self) -> Content:
        """Return the content as it is now."""
        self._known = _content(self.path)
        return self._known

    async def changed(self) -> Content | None:
        """Return the new content once it has settled, or ``None`` while there is none."""
        content = _content(self.path)
        if content == self._known:
            return None
        await asyncio.sleep(SETTLE_SECONDS)
        if _content(self.path) != content:
            return None
        self._known = content
        return content


def _content(path: Path) -> Content:
    try:
        # Not everything that has a path may be opened: a FIFO would hold up whoever reads it.
        if not stat.S_ISREG(path.stat().st_mode):
            return Content(None, "it is not a file")
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT_BYTES + 1)
        if len(raw) > SIZE_LIMIT_BYTES:
            return Content(None, f"it is longer than {SIZE_LIMIT_BYTES // 1024} KiB")
        return Content(raw.decode("utf-8-sig"))
    except FileNotFoundError:
        return Content(None)
    except UnicodeDecodeError:
        return Content(None, "it is not UTF-8 text")
    except OSError as error:
        return Content(None, f"it cannot be read ({error.strerror})")
