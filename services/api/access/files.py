"""Writes the files of users and tokens, so that who reads them finds all of one or nothing of it."""

import os
import tempfile
from pathlib import Path

from access.folder import NAME
from runtime.quoted import quoted


class FileProblem(Exception):
    """It cannot be done; the text is for people."""


def require_name(name: str) -> None:
    """Check that a name may be that of a user or a token.

    Raises:
        FileProblem: it may not.
    """
    if not NAME.fullmatch(name):
        raise FileProblem(
            f"{quoted(name)} is no name: it takes 1 to 64 of A-Z a-z 0-9 . _ - and begins with none of . _ -"
        )


def write_file(folder: Path, name: str, content: bytes) -> None:
    """Put a file in its place, which only its owner may read; a missing folder is made.

    Raises:
        FileProblem: it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A leading dot: nobody reads it before it is whole.
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            Path(temporary).replace(folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync(folder)
    except OSError as error:
        raise FileProblem(f"{folder / name} cannot be written: {error.strerror}") from None


def remove_file(folder: Path, name: str) -> None:
    """Remove a file.

    Raises:
        FileProblem: there is none, or it cannot be removed.
    """
    try:
        (folder / name).unlink()
        _sync(folder)
    except OSError as error:
        raise FileProblem(f"{folder / name} cannot be removed: {error.strerror}") from None


def _sync(folder: Path) -> None:
    """Have the folder's own change survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
