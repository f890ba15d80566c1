"""A path of targets files: one file, or with a ``*`` in its last part all files that match now."""

import os
import re
from pathlib import Path

from collector.said.issues import targets_files_unlisted
from contract.messages import Coded
from runtime.quoted import shown


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
            self.problem = targets_files_unlisted(shown(self.path), error.strerror or type(error).__name__)
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
