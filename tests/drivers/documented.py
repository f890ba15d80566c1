"""The blocks of commands in the documentation, and how to run them as a reader would.

A comment above each block of commands says whether a test runs it: ``<!-- run: local -->`` (beside ``make run``),
``<!-- run: local, until Ctrl-C -->``, ``<!-- run: compose -->`` (beside the containers), or
``<!-- not run: it needs a cluster -->`` with the reason. A block of text right below is what it prints, in which ``…``
stands for anything.
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
    """A block of a page; ``printed`` is None where the page does not say what it prints."""

    where: str
    language: str
    mark: str
    text: str
    printed: str | None

    def differs(self, output: str) -> str:
        """Say how the output differs from what the page says; nothing where it does not."""
        if self.printed is None or self.pattern().search(output):
            return ""
        return f"{self.where} says that this prints\n{self.printed}\nand it printed\n{output}"

    def pattern(self) -> re.Pattern[str]:
        """What the output matches: whole lines, spaces of any number."""
        parts = [re.escape(part) for part in " ".join((self.printed or "").split()).split("…")]
        return re.compile(r"\s+".join(".*".join(parts).split(r"\ ")), re.DOTALL)

    def run(self, folder: Path, environment: Mapping[str, str]) -> str:
        """Run its lines, and return all that they print.

        Raises:
            AssertionError: a line fails, or prints other things than the page says.
        """
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self.text],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=WITHIN_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{self.where}: {self.text} ended with {done.returncode}:\n{done.stdout}"
        assert not (differs := self.differs(done.stdout)), differs
        return done.stdout


def pages() -> list[Path]:
    """The pages whose commands people copy."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks() -> list[Block]:
    """All blocks, in the order of the pages."""
    return [block for page in pages() for block in blocks_of(page.read_text(), page.relative_to(ROOT))]


def blocks_of(text: str, page: Path = Path()) -> list[Block]:
    """The blocks of a page; a text that tells what commands print is theirs, and no block of its own."""
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("fence")) + 1
        indented = match["text"] if not match["fence"] else re.sub(f"^{match['fence']}", "", match["text"], flags=re.M)
        found.append(Block(f"{page}:{line}", match["language"], match["mark"] or "", indented, match["printed"]))
    return found


def marked(mark: str) -> list[Block]:
    """The blocks with this mark."""
    return [block for block in blocks() if block.mark == mark]
