"""The documentation says what the code says."""

import re
import subprocess
from pathlib import Path

import pytest

from contract import events, names
from tests.drivers import documented

DOCS = Path(__file__).parents[1] / "docs"
CONTRACT = "".join((DOCS / name).read_text() for name in ("contract.md", "contract-clients.md"))


def test_redis_table_matches_the_code() -> None:
    rows = re.findall(r"^\| `(cluster:[^`]*)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|", CONTRACT, re.MULTILINE)
    documented = {row[0]: tuple(cell.strip() for cell in row[1:]) for row in rows}
    assert documented == {
        name.pattern: (name.kind, ", ".join(name.written_by), ", ".join(name.read_by) or "–")
        for name in names.REDIS_NAMES
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


def test_table_of_the_contract_lists_what_is_in_its_folder() -> None:
    folder = DOCS.parent / "contract"
    rows = re.findall(r"^\| (`[^|]*`) \|", (folder / "README.md").read_text(), re.MULTILINE)
    listed = [name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)]
    there = {path.name for path in folder.iterdir()} - {"README.md", "__init__.py", "__pycache__", "tests"}
    assert sorted(listed) == sorted(there)


def test_table_of_what_to_open_names_files_for_each_change() -> None:
    # That they are there, the links' own test looks.
    section = (DOCS.parent / "CONTRIBUTING.md").read_text().partition("| to change | open |\n|---|---|\n")[2]
    rows = [line.split(" | ") for line in section.partition("\n\n")[0].splitlines()]
    assert len(rows) >= 9
    assert [change for change, files in rows if "](" not in files] == []


def benchmarks_that_write() -> set[str]:
    recipes = re.findall(r"^(bench[a-z-]*): .*\n((?:\t.*\n)+)", (DOCS.parent / "Makefile").read_text(), re.MULTILINE)
    return {name for name, recipe in recipes if "--write" in recipe}


def test_benchmarks_that_write_a_page_are_those_of_the_steps_of_a_release() -> None:
    text = (DOCS / "releasing.md").read_text()
    assert set(re.findall(r"`make (bench[a-z-]*) [^`]*WRITE=docs/\S+`", text)) == benchmarks_that_write()
    named = set(re.findall(r"`make (bench[a-z-]*)", text))
    [listed] = re.findall(r"^BENCHMARKS := (.*)", (DOCS.parent / "Makefile").read_text(), re.MULTILINE)
    assert named == set(listed.split())


@pytest.mark.parametrize(
    ("words", "ignored"),
    [
        (["bench-disk", "WRITE=x"], ["WRITE"]),
        (["bench-footprint", "WRITE=x", "ONLY=y", "QUICK=1"], ["ONLY", "WRITE"]),
        (["bench-attacks", "WRITE=x", "ONLY=y", "GATEWAY=haproxy"], []),
        (["bench", "WRITE=x", "PATIENT=1"], ["PATIENT"]),
    ],
)
def test_benchmark_says_which_variables_it_ignores(words: list[str], ignored: list[str]) -> None:
    command = ["make", "--dry-run", "--no-print-directory", *words]
    done = subprocess.run(command, cwd=DOCS.parent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.findall(r'echo "(\w+) is ignored', done.stdout) == ignored


def test_blocks_of_the_documentation_say_whether_a_test_runs_their_commands() -> None:
    fences = sum(len(re.findall(r"^ *```", page.read_text(), re.MULTILINE)) for page in documented.pages())
    blocks = documented.all_blocks()
    assert fences == 2 * sum(1 + (block.printed is not None) for block in blocks)
    assert [block.where for block in blocks if not block.language] == [], "```sh, ```text and so on"
    known = re.compile(r"run: local|run: local, until Ctrl-C|run: compose|not run: \S.+")
    commands = [block for block in blocks if block.language in ("sh", "bash", "shell", "console")]
    assert [block.where for block in commands if not known.fullmatch(block.mark)] == []
    assert [block.where for block in blocks if block.mark and block not in commands] == []


def test_output_of_documented_commands_is_compared() -> None:
    page = "<!-- run: local -->\n```sh\nprintf 'one: 17 s\\n\\ntwo\\n'\n```\n\n```text\none: {} s\ntwo\n```\n"
    [right] = documented.blocks_of(page.format("…"))
    right.run(DOCS, {"PATH": "/usr/bin:/bin"})
    [wrong] = documented.blocks_of(page.format("18"))
    with pytest.raises(AssertionError, match="documents this output"):
        wrong.run(DOCS, {"PATH": "/usr/bin:/bin"})
    [failing] = documented.blocks_of("```sh\nfalse\ntrue\n```\n")
    with pytest.raises(AssertionError, match="ended with 1"):
        failing.run(DOCS, {"PATH": "/usr/bin:/bin"})
