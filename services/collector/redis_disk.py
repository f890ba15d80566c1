"""The disk that this machine's Redis saves its data to, where it is known."""

import os
from pathlib import Path
from typing import Final

from collector.daemon_thread import run_in_daemon_thread
from contract.runtime.quoted import shown

#: Bytes that a save needs besides those of the last one, beside which it is written.
ROOM_BYTES: Final = 1024 * 1024
_MEGABYTE: Final = 1_000_000


class RedisDisk:
    """Looks whether the next save has room in ``folder``."""

    def __init__(self, folder: Path) -> None:
        #: What is wrong, as a sentence for people.
        self.problem: str | None = None
        self._folder = folder

    async def refresh(self) -> None:
        """Look again."""
        # Beside the loop: a disk may take its time.
        self.problem = await run_in_daemon_thread(self._look, "look at a disk")

    def _look(self) -> str | None:
        try:
            disk = os.statvfs(self._folder)
            last_save = max((file.stat().st_size for file in self._folder.glob("*.rdb")), default=0)
        except OSError:
            return None
        blocks = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
        free, needed = blocks * disk.f_frsize, last_save + ROOM_BYTES
        if free >= needed:
            return None
        return (
            f"The disk of {shown(self._folder)} is full: {free / _MEGABYTE:.1f} MB are free, and Redis needs "
            f"{needed / _MEGABYTE:.1f} MB to save its data. What it holds since its last save is lost when it ends"
        )
