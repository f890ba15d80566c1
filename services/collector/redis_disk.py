"""The disk that this machine's Redis saves its data to, where it is known."""

import os
from pathlib import Path
from typing import Final

from collector.texts.issues import redis_disk_full
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoted import shown

#: Bytes that a save needs besides those of the last one, beside which it is written.
ROOM_BYTES: Final = 1024 * 1024
#: Bytes to which a figure is told.
_TOLD_BYTES: Final = 100_000


class RedisDisk:
    """Looks whether the next save has room in ``folder``."""

    def __init__(self, folder: Path) -> None:
        #: What is wrong, or ``None``.
        self.problem: Coded | None = None
        self._folder = folder

    async def refresh(self) -> None:
        """Look again."""
        # Beside the loop: a disk may take its time.
        self.problem = await run_in_daemon_thread(self._look_for_problem, "look at a disk")

    def _look_for_problem(self) -> Coded | None:
        try:
            disk = os.statvfs(self._folder)
            last_save = max((file.stat().st_size for file in self._folder.glob("*.rdb")), default=0)
        except OSError:
            return None
        blocks = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
        free, needed = blocks * disk.f_frsize, last_save + ROOM_BYTES
        if free >= needed:
            return None
        # As coarse as it is told: health is published at every change.
        return redis_disk_full(shown(self._folder), _rounded(free), _rounded(needed))


def _rounded(count: int) -> int:
    return round(count / _TOLD_BYTES) * _TOLD_BYTES
