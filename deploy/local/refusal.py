"""Why the product does not start, as a sentence."""

import errno
from typing import Final

#: Errors of a disk without room, and of a quota that is used up.
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class CannotStart(Exception):
    """Something about this machine or its settings is in the way; the text says what, and what helps."""


def full_disk(where: object) -> CannotStart:
    """The refusal of a disk without room; ``where``: a path on it."""
    return CannotStart(f"The disk of {where} is full: free some space, then start again.")
