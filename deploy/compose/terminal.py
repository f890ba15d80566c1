"""Output, questions and errors of the commands, on the terminal."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

#: The project's folder, or a bundle's.
ROOT = Path(__file__).resolve().parents[2]


class CommandFailed(Exception):
    """The command failed. The text names the cause and the remedy."""


def print_line(text: str = "") -> None:
    """Print a line; ignore a closed terminal."""
    with suppress(OSError):
        print(text, flush=True)


def user_command(command: str, *words: str, root: Path = ROOT) -> str:
    """Return the command line for one of our commands: with make, or without it in a bundle, which has no Makefile."""
    if (root / "Makefile").exists():
        return " ".join(["make", command, *words])
    return " ".join(["python3 -m deploy.compose", command, *(word.partition("=")[2] or word for word in words)])


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person to confirm; ``yes`` confirms without the question.

    Raises:
        CommandFailed: the person did not confirm, or standard input is no terminal.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandFailed(
            "Nothing was changed: the confirmation needs a terminal. In a script add --yes (with make: YES=1)."
        )
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandFailed("Nothing was changed.")
