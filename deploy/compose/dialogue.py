"""What is said to whoever called the command, what they are asked, and how it fails."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

#: The project's folder, or a bundle's.
ROOT = Path(__file__).resolve().parents[2]


class CommandFailed(Exception):
    """The command ends here; the text says why, and what helps."""


def say(text: str = "") -> None:
    """Tell whoever waits."""
    with suppress(OSError):  # the terminal is gone
        print(text, flush=True)


def call(command: str, *words: str, root: Path = ROOT) -> str:
    """How people call one of our commands: with make, or without where no Makefile is (in a bundle)."""
    if (root / "Makefile").exists():
        return " ".join(["make", command, *words])
    return " ".join(["python3 -m deploy.compose", command, *(word.partition("=")[2] or word for word in words)])


def confirm(question: str, *, yes: bool) -> None:
    """Go on only when a person says so; ``yes`` is a person who said so before.

    Raises:
        CommandFailed: nobody did.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandFailed(
            "Nobody is there to be asked, and nothing was changed. In a script say --yes (with make: YES=1)."
        )
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandFailed("Nothing was changed.")
