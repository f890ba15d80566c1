"""Targets files: paths and patterns of such files, what each file says by now, and what all of them say together."""

import asyncio
import logging
import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from collector.metrics import FILE_ERRORS
from collector.sentences.issues import targets_file_clashes, targets_file_invalid, targets_files_unlisted
from collector.sentences.sentence import english, plural
from collector.sentences.targets import no_nodes_any_more
from collector.targets.entry import TargetEntry, TargetsError
from collector.targets.parse import is_explicitly_empty, parse_entries
from collector.targets.target import Target, name_targets
from collector.yaml_file import FileContent, WatchedFile
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import path_text

_log = logging.getLogger(__name__)
#: Files that are read at a time.
CONCURRENT_FILES: Final = 8


class TargetsPattern:
    """As in a shell, ``*`` stands for any text, but not for a dot at the beginning."""

    def __init__(self, path: Path) -> None:
        #: Absolute, for people to find it.
        self.path = path.absolute()
        #: Why the folder could not be read when it was last to be, or ``None``.
        self.problem: Coded | None = None
        self._expression = re.compile(".*".join(map(re.escape, self.path.name.split("*"))), re.DOTALL)
        self._found: list[Path] = []

    @property
    def is_one_file(self) -> bool:
        """Whether it stands for one file, be it there or not."""
        return "*" not in self.path.name

    def find(self) -> list[Path]:
        """Return the paths of the files, in order; while their folder cannot be read, those found before."""
        if self.is_one_file:
            return [self.path]
        try:
            self._found = sorted(self._matching())
        except OSError as error:
            self.problem = targets_files_unlisted(path_text(self.path), error.strerror or type(error).__name__)
        else:
            self.problem = None
        return self._found

    def _matching(self) -> list[Path]:
        try:
            with os.scandir(self.path.parent) as found:
                return [
                    self.path.parent / each.name
                    for each in found
                    if self._expression.fullmatch(each.name) and not each.name.startswith(".") and not _is_folder(each)
                ]
        except (FileNotFoundError, NotADirectoryError):
            return []


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, for instance: one broken file, and no reason to leave out the others
        return False


class TargetsFile:
    """Reads a targets file. A missing file has no entries; of a broken one, those in force stay."""

    def __init__(self, path: Path, local_name: str) -> None:
        self.entries: Sequence[TargetEntry] = ()
        #: Valid entries that are not in force yet.
        self.waiting: Sequence[TargetEntry] | None = None
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
        path, former = path_text(self.path), len(self.entries)
        if is_clash:
            self.problem = targets_file_clashes(path, former, error.why)
        else:
            self.problem = targets_file_invalid(path, former, error.line, error.why)

    def _parsed(self, content: FileContent) -> "_Parsed":
        is_missing = content.text is None and content.error is None
        try:
            if content.error is not None:
                raise TargetsError(content.error)
            text = content.text or ""
            entries = parse_entries(text)
            if self.entries and not entries and not is_missing and not is_explicitly_empty(text):
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

    result: Sequence[TargetEntry] | TargetsError
    is_missing: bool


class TargetsFiles:
    """Follows targets files, at least one; a path may be a pattern.

    A missing file means no targets from it. A broken one, or one that does not go together with the others, leaves
    its former entries in force and does not disturb the others.
    """

    def __init__(self, paths: Sequence[Path], local_name: str | None = None) -> None:
        """Read the files; ``local_name`` is the name of the entry ``local``, ``None`` for this machine's."""
        #: The listed ones, named.
        self.targets: tuple[Target, ...] = ()
        self._local_name = local_name or socket.gethostname()
        self._patterns = [TargetsPattern(path) for path in paths]
        self._files: dict[Path, TargetsFile] = {}
        self._told: set[str] = set()
        #: Nodes of which the log has said that their certificates are not checked.
        self._unsafe: list[str] = []
        self._find()
        for file in self._files.values():
            file.read()
        self._put_in_force()

    @property
    def path(self) -> Path:
        """Where the first file is, or its pattern, absolute."""
        return self._patterns[0].path

    @property
    def is_missing(self) -> bool:
        """Whether there is no first file."""
        return all(path not in self._files or self._files[path].is_missing for path in self._patterns[0].find())

    @property
    def entries(self) -> list[TargetEntry]:
        """All entries in force, the discovered ones among them."""
        return [entry for file in self._files.values() for entry in file.entries]

    @property
    def problems(self) -> list[Coded]:
        """What is wrong with the files."""
        problems = [pattern.problem for pattern in self._patterns] + [file.problem for file in self._files.values()]
        return [problem for problem in problems if problem is not None]

    @property
    def unmatched(self) -> list[Path]:
        """The patterns that no file matches."""
        return [pattern.path for pattern in self._patterns if not pattern.find()]

    async def refresh(self) -> bool:
        """Look for files, and read again those that changed; return whether the targets may have."""
        self._find()
        files = list(self._files.values())
        is_changed = False
        # A few together, since each waits a moment for its file to settle; not all, since each is in memory meanwhile.
        for begin in range(0, len(files), CONCURRENT_FILES):
            some = files[begin : begin + CONCURRENT_FILES]
            is_changed |= any(await asyncio.gather(*(file.refresh() for file in some)))
        if is_changed:
            self._put_in_force()
            self.log()
        problems = {english(problem) for problem in self.problems}
        for problem in sorted(problems - self._told):
            FILE_ERRORS.labels("targets").inc()
            _log.warning("%s", problem)
        self._told = problems
        return is_changed

    def log(self) -> None:
        """Say how many targets there are, and by which files."""
        there = [path_text(file.path) for file in self._files.values() if not file.is_missing]
        count = len(self.targets) + sum(entry.is_discovered for entry in self.entries)
        where = ", ".join(there) or f"{path_text(self.path)} (there is no such file)"
        _log.info("%s in %s", plural(count, "target"), where)
        unsafe = [target.node for target in self.targets if target.http.insecure]
        if unsafe and unsafe != self._unsafe:
            _log.warning("insecure: true: no certificate is checked of %s", _first_and_count(unsafe))
            if idle := [target.node for target in self.targets if target.http.insecure and target.http.ca_file]:
                _log.warning("insecure: true: ca_file has no effect for %s", _first_and_count(idle))
        self._unsafe = unsafe

    def _find(self) -> None:
        found: dict[Path, TargetsFile] = {}
        for pattern in self._patterns:
            for path in pattern.find():
                found.setdefault(path, self._files.get(path) or TargetsFile(path, self._local_name))
        for path, file in self._files.items():
            # One that has gone is read once more: whoever replaces a file may be between two steps.
            if path not in found and not file.is_missing:
                found[path] = file
        self._files = found

    def _put_in_force(self) -> None:
        """Put in force what waits; where that does not go together, as much of it as does."""
        if self._fits(self._waiting()) is None:
            return
        while any(self._fits([file]) is None for file in self._waiting()):
            pass
        for file in self._waiting():
            error = self._fits([file])
            if error is not None:
                file.refuse(error, is_clash=True)

    def _waiting(self) -> list[TargetsFile]:
        return [file for file in self._files.values() if file.waiting is not None]

    def _fits(self, files: Sequence[TargetsFile]) -> TargetsError | None:
        """Put in force what waits in ``files`` if it goes together with all else; return why not."""
        together = [(file.waiting or () if file in files else file.entries) for file in self._files.values()]
        try:
            self.targets = name_targets(together, self._local_name)
        except TargetsError as error:
            return error
        for file in files:
            file.accept()
        return None


def _first_and_count(nodes: Sequence[str]) -> str:
    return nodes[0] if len(nodes) == 1 else f"{nodes[0]} and {len(nodes) - 1} more"
