"""Check the disk to which this machine's Redis saves its data."""

import os
from pathlib import Path
from typing import Final

from collector.sentences.issues import redis_disk_full, redis_disk_nearly_full
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import path_text

#: Bytes that a save needs in addition to the size of the last save.
EXTRA_BYTES: Final = 1024 * 1024
#: Bytes that must be free in addition to two more saves; with less, the disk is nearly full.
SPARE_BYTES: Final = 100_000_000
#: Bytes to which published figures are rounded: of a full disk, and of a nearly full one, which changes more.
_ROUNDING_BYTES: Final = 100_000
_COARSE_ROUNDING_BYTES: Final = 10_000_000


class RedisDisk:
    """Checks whether the disk of ``folder`` has enough space for the next saves."""

    def __init__(self, folder: Path) -> None:
        #: The issue with the disk, or ``None``.
        self.issue: Coded | None = None
        self._folder = folder

    async def check(self) -> None:
        """Check the disk, and set ``issue``."""
        # In a thread, since a slow disk blocks the call.
        self.issue = await run_in_daemon_thread(self._find_issue, "check the disk of Redis")

    def _find_issue(self) -> Coded | None:
        try:
            disk = os.statvfs(self._folder)
            last_save = max((file.stat().st_size for file in self._folder.glob("*.rdb")), default=0)
        except OSError:
            return None
        blocks = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
        free, needed = blocks * disk.f_frsize, last_save + EXTRA_BYTES
        return disk_issue(path_text(self._folder), free, needed) if free < 2 * needed + SPARE_BYTES else None


def disk_issue(folder: str, free: int, needed: int) -> Coded:
    """Return the issue of a full or nearly full disk, with rounded figures: health is published at every change."""
    if free < needed:
        return redis_disk_full(folder, _rounded(free), _rounded(needed))
    free = _rounded(free, _COARSE_ROUNDING_BYTES)
    return redis_disk_nearly_full(folder, free, _rounded(needed, _COARSE_ROUNDING_BYTES))


def _rounded(count: int, to: int = _ROUNDING_BYTES) -> int:
    return round(count / to) * to
