"""The command blocks in the documentation, which tests run as a reader does.

A comment above each block tells whether a test runs it: ``<!-- run: local -->`` (beside ``make run``),
``<!-- run: local, until Ctrl-C -->``, ``<!-- run: compose -->`` (beside the containers), or
``<!-- not run: it needs a cluster -->`` with the reason. A text block directly below is the expected output, in which
``…`` stands for any text.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.drivers.process import ROOT

WITHIN_SECONDS = 300
_BLOCK = re.compile(
    r"^(?:(?P<indent> *)<!-- (?P<mark>(?:not )?run: .+?) -->\n)?"
    r"(?P<fence> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=fence)```$"
    r"(?P<output>\n\n(?P=fence)```text\n(?P<printed>.*?)^(?P=fence)```$)?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A command block; ``printed`` is the expected output, ``None`` without one."""

    where: str
    language: str
    mark: str
    text: str
    printed: str | None

    def difference(self, output: str) -> str:
        """Return the difference between ``output`` and the expected output; empty if they match."""
        if self.printed is None or self.pattern().search(output):
            return ""
        return f"{self.where} documents this output:\n{self.printed}\nThe output was:\n{output}"

    def pattern(self) -> re.Pattern[str]:
        """Return the pattern of the expected output: whole lines, any number of spaces."""
        parts = [re.escape(part) for part in " ".join((self.printed or "").split()).split("…")]
        return re.compile(r"\s+".join(".*".join(parts).split(r"\ ")), re.DOTALL)

    def run(self, folder: Path, environment: Mapping[str, str]) -> str:
        """Run the commands; return their output.

        Raises:
            AssertionError: a command failed, or the output differs from the expected one.
        """
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self.text],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=WITHIN_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{self.where}: {self.text} ended with {done.returncode}:\n{done.stdout}"
        assert not (difference := self.difference(done.stdout)), difference
        return done.stdout


def pages() -> list[Path]:
    """Return the paths of the documentation with commands."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def all_blocks() -> list[Block]:
    """Return all command blocks, in the order of the pages."""
    return [block for page in pages() for block in blocks_of(page.read_text(), page.relative_to(ROOT))]


def blocks_of(text: str, page: Path = Path()) -> list[Block]:
    """Return the command blocks of a page; blocks of expected output are not among them."""
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("fence")) + 1
        indented = match["text"] if not match["fence"] else re.sub(f"^{match['fence']}", "", match["text"], flags=re.M)
        found.append(Block(f"{page}:{line}", match["language"], match["mark"] or "", indented, match["printed"]))
    return found


def blocks_marked(mark: str) -> list[Block]:
    """Return the command blocks with this mark."""
    return [block for block in all_blocks() if block.mark == mark]
