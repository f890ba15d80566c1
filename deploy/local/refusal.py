"""Why a command stops without a change: a failed condition, or a question that the user did not confirm."""

import errno
import sys
from typing import Final

#: Errors of a full disk and of a used-up quota.
DISK_FULL_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT)


class CannotStart(Exception):
    """The machine or its settings prevent the command; the text names the cause and the remedy."""


def disk_full(path: object) -> CannotStart:
    """Return the error for a full disk; ``path`` lies on that disk."""
    return CannotStart(f"The disk of {path} is full: free some space, then start again.")


def confirm(question: str) -> bool:
    """Ask before data are replaced or deleted; return whether the answer was yes.

    Raises:
        CannotStart: standard input is closed, so no answer can come.
    """
    print(f"{question} Type yes: ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise CannotStart(f"{question}\nThere was no answer, so nothing was changed.")
    return answer.strip().lower() == "yes"
