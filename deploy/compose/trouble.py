"""What a command could not do, as a sentence."""

from __future__ import annotations


class Trouble(Exception):
    """The command ends here; the text says why, and what helps."""
