"""How a command ends with nothing done: the refusal, as a sentence, and the question that a person did not agree to."""

import errno
import sys
from typing import Final

#: Errors of a disk without room, and of a quota that is used up.
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class CannotStart(Exception):
    """Something about this machine or its settings is in the way; the text says what, and what helps."""


def full_disk(where: object) -> CannotStart:
    """The refusal of a disk without room; ``where``: a path on it."""
    return CannotStart(f"The disk of {where} is full: free some space, then start again.")


def confirmed(question: str) -> bool:
    """Ask before something is replaced or deleted, and return whether the answer was yes.

    Raises:
        CannotStart: there is nobody to answer.
    """
    print(f"{question} Type yes: ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise CannotStart(f"{question} Nobody said yes, so nothing of it was done.")
    return answer.strip().lower() == "yes"
