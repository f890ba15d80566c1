"""The disk that this machine's Redis saves its data to, where it is known."""

import os
from pathlib import Path
from typing import Final

from collector.sentences.issues import redis_disk_full, redis_disk_nearly_full
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import path_text

#: Bytes that a save needs besides those of the last one, beside which it is written.
ROOM_BYTES: Final = 1024 * 1024
#: Bytes that are to be free besides two more saves; with less, the disk is nearly full.
SPARE_BYTES: Final = 100_000_000
#: Bytes to which a figure is told: coarsely while much changes on the disk.
_TOLD_BYTES: Final = 100_000
_TOLD_COARSELY_BYTES: Final = 10_000_000


class RedisDisk:
    """Looks whether the next saves have room in ``folder``."""

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
        return why_full(path_text(self._folder), free, needed) if free < 2 * needed + SPARE_BYTES else None


def why_full(folder: str, free: int, needed: int) -> Coded:
    """Say of a disk that it is full or nearly, as coarsely as it is told: health is published at every change."""
    if free < needed:
        return redis_disk_full(folder, _rounded(free), _rounded(needed))
    free = _rounded(free, _TOLD_COARSELY_BYTES)
    return redis_disk_nearly_full(folder, free, _rounded(needed, _TOLD_COARSELY_BYTES))


def _rounded(count: int, to: int = _TOLD_BYTES) -> int:
    return round(count / to) * to
