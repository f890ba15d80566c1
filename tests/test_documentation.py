"""The documentation says what the code says."""

import re
from pathlib import Path

from contract import events, names

DOCS = Path(__file__).parents[1] / "docs"
CONTRACT = (DOCS / "contract.md").read_text()


def test_redis_table_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `(cluster:[^`]*)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|", CONTRACT, re.MULTILINE)
    documented = {row[0]: tuple(cell.strip() for cell in row[1:]) for row in rows}
    assert documented == {
        name.pattern: (name.kind, ", ".join(name.written_by), ", ".join(name.read_by) or "–") for name in names.TABLE
    }


def test_every_event_is_documented() -> None:
    spoken = {value for key, value in vars(events).items() if key.isupper() and isinstance(value, str)}
    for name in {*spoken, *events.EVENT_OF_CHANNEL.values()}:
        assert f"`{name}`" in CONTRACT, name


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    for page in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert "://" in link or (page.parent / link).exists(), f"{page.name}: {link}"
