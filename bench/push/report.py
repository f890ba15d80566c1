"""What a benchmark prints, and where it is kept."""

import os
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path


class Chapter(list[str]):
    """The lines of what a benchmark has found, each printed as soon as it is known."""

    def say(self, text: str) -> None:
        """Add a line."""
        self.append(text)
        print(text, flush=True)


class Table:
    """A Markdown table, row by row, as the rows are known."""

    def __init__(self, out: Chapter, *heads: str) -> None:
        self._out = out
        self.row(*heads)
        self.row(*("---" for _ in heads))

    def row(self, *cells: str) -> None:
        """Add a row."""
        self._out.say(f"| {' | '.join(cells)} |")


def machine() -> str:
    """Where this ran."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({model}), {system}"


def write(page: Path, lines: Sequence[str]) -> None:
    """Put a chapter into a page: in place of the one that begins with the same line, else at the end."""
    chapter = "\n".join(lines).strip("\n") + "\n"
    heading = chapter.partition("\n")[0]
    chapters = re.split(r"^(?=##? )", page.read_text() if page.exists() else "", flags=re.MULTILINE)
    kept = [one.strip("\n") + "\n" for one in chapters if one.strip()]
    places = [number for number, one in enumerate(kept) if one.partition("\n")[0] == heading]
    for number in places or [len(kept)]:
        kept[number : number + 1] = [chapter]
    page.write_text("\n".join(kept))
