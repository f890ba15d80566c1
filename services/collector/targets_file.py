"""One targets file: the entries that it has in force, and what it says by now."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from collector.daemon_thread import run_in_daemon_thread
from collector.said.issues import targets_file_clashes, targets_file_invalid
from collector.said.targets import no_nodes_any_more
from collector.target_entries import Entry
from collector.targets import name_targets
from collector.targets_error import TargetsError
from collector.targets_text import parse_entries, says_that_there_are_none
from collector.watched_file import Content, WatchedFile
from contract.messages import Coded
from runtime.quoted import shown


class TargetsFile:
    """Reads a targets file. A missing file has no entries; of a broken one, those in force stay."""

    def __init__(self, path: Path, local_name: str) -> None:
        self.entries: Sequence[Entry] = ()
        #: Valid entries that are not in force yet.
        self.waiting: Sequence[Entry] | None = None
        #: What is wrong with the file.
        self.problem: Coded | None = None
        self.is_missing = False
        self._file = WatchedFile(path)
        self._local_name = local_name

    @property
    def path(self) -> Path:
        """Where the file is, absolute."""
        return self._file.path

    def read(self) -> None:
        """Read the file as it is now."""
        self._take(self._parsed(self._file.read()))

    async def refresh(self) -> bool:
        """Read the file once it has settled, if it changed or was not read yet; return whether it was."""
        content = await self._file.changed()
        if content is not None:
            # Beside the loop: a file that is as long as it may be takes a second.
            self._take(await run_in_daemon_thread(lambda: self._parsed(content), "parse a file"))
        return content is not None

    def accept(self) -> None:
        """Put in force what waits."""
        if self.waiting is not None:
            self.entries, self.waiting, self.problem = self.waiting, None, None

    def refuse(self, error: TargetsError, *, is_clash: bool = False) -> None:
        """Note why what the file says cannot be put in force, be it a clash with other files."""
        path, former = shown(self.path), len(self.entries)
        if is_clash:
            self.problem = targets_file_clashes(path, former, error.why)
        else:
            self.problem = targets_file_invalid(path, former, error.line, error.why)

    def _parsed(self, content: Content) -> "_Parsed":
        is_missing = content.text is None and content.error is None
        try:
            if content.error is not None:
                raise TargetsError(content.error)
            text = content.text or ""
            entries = parse_entries(text)
            if self.entries and not entries and not is_missing and not says_that_there_are_none(text):
                raise TargetsError(no_nodes_any_more())
            name_targets([entries], self._local_name)
        except TargetsError as error:
            return _Parsed(error, is_missing)
        return _Parsed(entries, is_missing)

    def _take(self, parsed: "_Parsed") -> None:
        self.waiting, self.is_missing = None, parsed.is_missing
        if isinstance(parsed.result, TargetsError):
            self.refuse(parsed.result)
        else:
            self.waiting = parsed.result


class _Parsed(NamedTuple):
    """What a content says: its entries, or what is wrong with it."""

    result: Sequence[Entry] | TargetsError
    is_missing: bool
