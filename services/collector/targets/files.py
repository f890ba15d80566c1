"""Targets files: their paths and patterns, the entries of each file, and the targets of all files."""

import asyncio
import logging
import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from collector.metrics import FILE_ERRORS
from collector.sentences.issues import (
    labels_left_out,
    targets_file_clashes,
    targets_file_invalid,
    targets_files_unlisted,
)
from collector.sentences.sentence import english, plural
from collector.sentences.targets import no_nodes_any_more
from collector.targets.entry import TargetEntry, TargetsError
from collector.targets.parse import is_explicitly_empty, parse_targets
from collector.targets.target import Target, name_targets
from collector.targets.target_groups import TargetGroups
from collector.yaml_file import FileContent, WatchedFile
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import path_text

_log = logging.getLogger(__name__)
#: Files that are read at the same time.
CONCURRENT_FILES: Final = 8


class TargetsPattern:
    """A path with ``*``, which matches any text except a leading dot, as in a shell."""

    def __init__(self, path: Path) -> None:
        #: Absolute, for messages.
        self.path = path.absolute()
        #: Why the last attempt to read the folder failed; ``None`` if it succeeded.
        self.problem: Coded | None = None
        self._expression = re.compile(".*".join(map(re.escape, self.path.name.split("*"))), re.DOTALL)
        self._found: list[Path] = []

    @property
    def is_one_file(self) -> bool:
        """Whether the pattern is the path of a single file, which may be missing."""
        return "*" not in self.path.name

    def find(self) -> list[Path]:
        """Return the sorted paths of the matching files; the previous paths while the folder cannot be read."""
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
    except OSError:  # for instance a link to itself: only this file is broken
        return False


class TargetsFile:
    """Reads a targets file. A missing file has no entries; an invalid file leaves the previous entries in force."""

    def __init__(self, path: Path, local_name: str) -> None:
        self.entries: Sequence[TargetEntry] = ()
        #: Valid entries that are not in force yet.
        self.waiting: Sequence[TargetEntry] | None = None
        #: The error in the file.
        self.problem: Coded | None = None
        #: The labels of a Prometheus file that no node has.
        self.remark: Coded | None = None
        self.is_missing = False
        self._file = WatchedFile(path)
        self._local_name = local_name

    @property
    def path(self) -> Path:
        """The absolute path of the file."""
        return self._file.path

    def read(self) -> None:
        """Read the current content of the file."""
        self._set_result(self._parsed(self._file.read()))

    async def refresh(self) -> bool:
        """Read the file if it is new or has changed, after it has settled; return whether it was read."""
        content = await self._file.changed()
        if content is not None:
            # In a thread: a file of the maximum length takes a second.
            self._set_result(await run_in_daemon_thread(lambda: self._parsed(content), "parse a file"))
        return content is not None

    def accept(self) -> None:
        """Put the waiting entries in force."""
        if self.waiting is not None:
            self.entries, self.waiting, self.problem = self.waiting, None, None

    def reject(self, error: TargetsError, *, is_conflict: bool = False) -> None:
        """Record why the entries cannot be put in force; ``is_conflict``: they conflict with other files."""
        path, previous_targets = path_text(self.path), len(self.entries)
        if is_conflict:
            self.problem = targets_file_clashes(path, previous_targets, error.why)
        else:
            self.problem = targets_file_invalid(path, previous_targets, error.line, error.why)

    def _parsed(self, content: FileContent) -> "_ParsedFile":
        is_missing = content.text is None and content.error is None
        try:
            if content.error is not None:
                raise TargetsError(content.error)
            text = content.text or ""
            parsed = parse_targets(text)
            if self.entries and not parsed.entries and not is_missing and not is_explicitly_empty(text):
                raise TargetsError(no_nodes_any_more())
            name_targets([parsed.entries], self._local_name)
        except TargetsError as error:
            return _ParsedFile(error, is_missing)
        return _ParsedFile(parsed, is_missing)

    def _set_result(self, parsed: "_ParsedFile") -> None:
        self.waiting, self.is_missing = None, parsed.is_missing
        if isinstance(parsed.result, TargetsError):
            self.reject(parsed.result)
        else:
            self.waiting, left_out = parsed.result
            self.remark = None if left_out is None else labels_left_out(path_text(self.path), *left_out)


class _ParsedFile(NamedTuple):
    """The result of parsing a file: its entries or its error."""

    result: TargetGroups | TargetsError
    is_missing: bool


class TargetsFiles:
    """Follows one or more targets files; a path may be a pattern.

    A missing file has no targets. A file that is invalid, or that conflicts with other files, leaves its previous
    entries in force and does not affect the other files.
    """

    def __init__(self, paths: Sequence[Path], local_name: str | None = None) -> None:
        """Read the files; ``local_name``: the name of the entry ``local``, ``None`` for the host name."""
        #: The listed targets with their names.
        self.targets: tuple[Target, ...] = ()
        self._local_name = local_name or socket.gethostname()
        self._patterns = [TargetsPattern(path) for path in paths]
        self._files: dict[Path, TargetsFile] = {}
        self._logged_problems: set[str] = set()
        #: Nodes with unchecked certificates in the last warning of the log.
        self._logged_insecure_nodes: list[str] = []
        self._find()
        for file in self._files.values():
            file.read()
        self._apply_waiting()

    @property
    def path(self) -> Path:
        """The absolute path or pattern of the first file."""
        return self._patterns[0].path

    @property
    def is_missing(self) -> bool:
        """Whether the first file is missing."""
        return all(path not in self._files or self._files[path].is_missing for path in self._patterns[0].find())

    @property
    def entries(self) -> list[TargetEntry]:
        """All entries in force, including discovered entries."""
        return [entry for file in self._files.values() for entry in file.entries]

    @property
    def problems(self) -> list[Coded]:
        """The errors in the files."""
        problems = [pattern.problem for pattern in self._patterns] + [file.problem for file in self._files.values()]
        return [problem for problem in problems if problem is not None]

    @property
    def remarks(self) -> list[Coded]:
        """The labels that are left out; unlike problems, they do not keep a collector from starting."""
        return [file.remark for file in self._files.values() if file.remark is not None]

    @property
    def unmatched(self) -> list[Path]:
        """Patterns without a matching file."""
        return [pattern.path for pattern in self._patterns if not pattern.find()]

    async def refresh(self) -> bool:
        """Find the files and read the changed ones; return whether the targets may have changed."""
        self._find()
        files = list(self._files.values())
        is_changed = False
        # Several files at once, because each waits for its file to settle; a limited number, because each is in memory.
        for begin in range(0, len(files), CONCURRENT_FILES):
            batch = files[begin : begin + CONCURRENT_FILES]
            is_changed |= any(await asyncio.gather(*(file.refresh() for file in batch)))
        if is_changed and self._apply_waiting():
            self.log()
        problems = {english(problem) for problem in self.problems}
        for problem in sorted(problems - self._logged_problems):
            FILE_ERRORS.labels("targets").inc()
            _log.warning("%s", problem)
        self._logged_problems = problems
        return is_changed

    def log(self) -> None:
        """Log the number of targets and the files."""
        existing = [path_text(file.path) for file in self._files.values() if not file.is_missing]
        count = len(self.targets) + sum(entry.is_discovered for entry in self.entries)
        where = ", ".join(existing) or f"{path_text(self.path)} (the file does not exist)"
        _log.info("%s in %s", plural(count, "target"), where)
        insecure_nodes = [target.node for target in self.targets if target.http.insecure]
        if insecure_nodes and insecure_nodes != self._logged_insecure_nodes:
            _log.warning("insecure: true: certificates are not checked for %s", _first_and_count(insecure_nodes))
            if idle := [target.node for target in self.targets if target.http.insecure and target.http.ca_file]:
                _log.warning("insecure: true: ca_file has no effect for %s", _first_and_count(idle))
        self._logged_insecure_nodes = insecure_nodes

    def _find(self) -> None:
        found: dict[Path, TargetsFile] = {}
        for pattern in self._patterns:
            for path in pattern.find():
                found.setdefault(path, self._files.get(path) or TargetsFile(path, self._local_name))
        for path, file in self._files.items():
            # A file that disappeared is read once more: an editor may be replacing it.
            if path not in found and not file.is_missing:
                found[path] = file
        self._files = found

    def _apply_waiting(self) -> bool:
        """Put the waiting entries in force; if they conflict, the entries of as many files as possible.

        Returns whether the entries of a file were put in force.
        """
        waiting = self._waiting()
        if self._try_to_accept(waiting) is None:
            return bool(waiting)
        while any(self._try_to_accept([file]) is None for file in self._waiting()):
            pass
        for file in self._waiting():
            error = self._try_to_accept([file])
            if error is not None:
                file.reject(error, is_conflict=True)
        return len(self._waiting()) < len(waiting)

    def _waiting(self) -> list[TargetsFile]:
        return [file for file in self._files.values() if file.waiting is not None]

    def _try_to_accept(self, files: Sequence[TargetsFile]) -> TargetsError | None:
        """Put the waiting entries of ``files`` in force if they do not conflict; return the conflict."""
        entries = [(file.waiting or () if file in files else file.entries) for file in self._files.values()]
        try:
            self.targets = name_targets(entries, self._local_name)
        except TargetsError as error:
            return error
        for file in files:
            file.accept()
        return None


def _first_and_count(nodes: Sequence[str]) -> str:
    return nodes[0] if len(nodes) == 1 else f"{nodes[0]} and {len(nodes) - 1} more"
