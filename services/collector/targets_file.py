"""The targets, as the targets file says them now."""

import logging
import socket
from pathlib import Path

from collector.metrics import FILE_ERRORS
from collector.target_entries import TargetsError
from collector.targets import Target, parse_targets
from collector.watched_file import Content, WatchedFile

_log = logging.getLogger(__name__)


class TargetsFile:
    """Follows a targets file. A missing file means no targets; a broken one leaves the former targets in force."""

    def __init__(self, path: Path) -> None:
        self.targets: tuple[Target, ...] = ()
        #: What is wrong with the file, as a sentence for people.
        self.problem: str | None = None
        self._file = WatchedFile(path)
        self._take(self._file.read())

    @property
    def path(self) -> Path:
        """Where the file is, absolute."""
        return self._file.path

    async def refresh(self) -> bool:
        """Read the file again if it changed; return whether the targets may have."""
        content = await self._file.changed()
        if content is not None:
            self._take(content)
        return content is not None

    def _take(self, content: Content) -> None:
        try:
            if content.error is not None:
                raise TargetsError(content.error)
            self.targets = parse_targets(content.text or "", socket.gethostname())
        except TargetsError as error:
            former = f", the former {len(self.targets)} targets stay" if self.targets else ""
            self.problem = f"The targets file {self.path} is not valid{former}: {error}"
            FILE_ERRORS.labels("targets").inc()
            _log.warning("%s", self.problem)
        else:
            self.problem = None
            missing = " (there is no such file)" if content.text is None else ""
            _log.info("%d targets in %s%s", len(self.targets), self.path, missing)
