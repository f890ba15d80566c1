"""The output of a benchmark: printed, and written into a Markdown file."""

import os
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path


class Chapter(list[str]):
    """The lines of a benchmark's result; each line is printed immediately."""

    def add_line(self, text: str) -> None:
        """Add a line."""
        self.append(text)
        print(text, flush=True)


class Table:
    """A Markdown table, printed row by row."""

    def __init__(self, out: Chapter, *heads: str) -> None:
        self._out = out
        self.row(*heads)
        self.row(*("---" for _ in heads))

    def row(self, *cells: str) -> None:
        """Add a row."""
        self._out.add_line(f"| {' | '.join(cells)} |")


def machine() -> str:
    """Return a description of this machine."""
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


def write(file: Path, lines: Sequence[str]) -> None:
    """Write a chapter into a file; replace the chapter with the same heading, otherwise append."""
    chapter = "\n".join(lines).strip("\n") + "\n"
    heading = chapter.partition("\n")[0]
    chapters = re.split(r"^(?=##? )", file.read_text() if file.exists() else "", flags=re.MULTILINE)
    kept = [text.strip("\n") + "\n" for text in chapters if text.strip()]
    positions = [number for number, text in enumerate(kept) if text.partition("\n")[0] == heading]
    for number in positions or [len(kept)]:
        kept[number : number + 1] = [chapter]
    file.write_text("\n".join(kept))
