"""The documentation says what the code says."""

import re
from pathlib import Path

from contract import events, names

DOCS = Path(__file__).parents[1] / "docs"
CONTRACT = "".join((DOCS / name).read_text() for name in ("contract.md", "contract-clients.md"))


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


def pages() -> list[Path]:
    return [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md"), DOCS.parent / "contract" / "README.md"]


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,6} (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    for page in pages():
        for link, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
            if "://" in link:
                continue
            target = page.parent / link if link else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors(target), f"{page.name}: {link}#{anchor}"


def test_no_page_is_long() -> None:
    assert [page.name for page in DOCS.rglob("*.md") if len(page.read_text().splitlines()) > 300] == []


def test_ways_through_the_modules_are_short_and_lead_through_files_that_exist() -> None:
    text = (DOCS / "architecture.md").read_text()
    for heading, longest in (("The way of a snapshot", 24), ("The way of an alert", 20)):
        section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        modules = re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)
        assert 0 < len(modules) <= longest, heading
        assert [name for name in modules if not (DOCS.parent / name).is_file()] == [], heading
