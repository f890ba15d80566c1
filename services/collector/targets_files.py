"""The targets, as all targets files together say them now."""

import logging
import socket
from collections.abc import Sequence
from pathlib import Path

from collector.metrics import FILE_ERRORS
from collector.target_entries import TargetsError
from collector.targets import Target, name_targets
from collector.targets_file import TargetsFile

_log = logging.getLogger(__name__)


class TargetsFiles:
    """Follows targets files, at least one.

    A missing file means no targets from it. A broken one, or one that does not go together with the others, leaves
    its former entries in force and does not disturb the others.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.targets: tuple[Target, ...] = ()
        self._files = [TargetsFile(path) for path in paths]
        self._put_in_force()

    @property
    def path(self) -> Path:
        """Where the first file is, absolute."""
        return self._files[0].path

    @property
    def is_missing(self) -> bool:
        """Whether there is no first file."""
        return self._files[0].is_missing

    @property
    def problems(self) -> list[str]:
        """What is wrong with the files, as sentences for people."""
        return [file.problem for file in self._files if file.problem is not None]

    async def refresh(self) -> bool:
        """Read the files again that changed; return whether the targets may have."""
        changed = [file for file in self._files if await file.refresh()]
        if not changed:
            return False
        self._put_in_force()
        for file in changed:
            if file.problem is not None:
                FILE_ERRORS.labels("targets").inc()
                _log.warning("%s", file.problem)
        self.log()
        return True

    def log(self) -> None:
        """Say how many targets there are, and by which files."""
        there = [str(file.path) for file in self._files if not file.is_missing]
        _log.info("%d targets in %s", len(self.targets), ", ".join(there) or f"{self.path} (there is no such file)")

    def _put_in_force(self) -> None:
        """Put in force what waits; where that does not go together, as much of it as does."""
        if self._fits(self._waiting()) is None:
            return
        while any(self._fits([file]) is None for file in self._waiting()):
            pass
        for file in self._waiting():
            error = self._fits([file])
            if error is not None:
                file.refuse(error)

    def _waiting(self) -> list[TargetsFile]:
        return [file for file in self._files if file.waiting is not None]

    def _fits(self, files: Sequence[TargetsFile]) -> TargetsError | None:
        """Put in force what waits in ``files`` if it goes together with all else; return why not."""
        together = [(file.waiting or () if file in files else file.entries) for file in self._files]
        try:
            self.targets = name_targets(together, socket.gethostname())
        except TargetsError as error:
            return TargetsError(f"together with the other targets files, {error}")
        for file in files:
            file.accept()
        return None
