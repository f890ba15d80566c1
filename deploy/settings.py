"""``make settings``: write ``.env.example`` and the tables of docs/settings.md from ``runtime/catalogue.py``."""

import re
import textwrap
from pathlib import Path
from typing import Any, Final

from contract import VERSION
from runtime.catalogue import CONTAINERS, OF_COMPOSE, RUN, SECTIONS, SYSTEMD, Section
from runtime.catalogue import VERSION as THE_VERSION
from runtime.setting import Setting

ROOT: Final = Path(__file__).parent.parent
EXAMPLE: Final = ROOT / "deploy/compose/.env.example"
PAGE: Final = ROOT / "docs/settings.md"
#: The tables are between these lines of the page.
BEGIN: Final = "<!-- The tables are written by make settings. -->"
END: Final = "<!-- End of the tables. -->"
_WIDTH: Final = 125
_HEAD: Final = """\
# All settings of the containers; every setting is optional. Written by make settings from runtime/catalogue.py.
#
# To change a setting, copy this file to .env beside the compose.yaml at the root of the project, and remove the # of
# its line. Each line shows the default; the lines of COMPOSE_PROFILES and COMPOSE_FILE show an example.
# Then run make up (or docker compose up -d --wait). make up checks all settings before it changes anything.
"""
#: The name of a docs page after a title, and the end of the title's first sentence.
_PAGE_NAME: Final = re.compile(r" \(docs/[a-z-]+\.md\)")
_SENTENCE_END: Final = re.compile(r"[.;] ")
_WAYS: Final = {RUN: "`make run`", SYSTEMD: "systemd", CONTAINERS: "containers"}


def example() -> str:
    """Return the text of ``.env.example``."""
    parts = [_HEAD]
    for section in SECTIONS:
        settings = [setting for setting in section.settings if setting.belongs_to(CONTAINERS)]
        if settings:
            parts.append("\n" + _comment(f"--- {section.title}") + "\n")
            parts += [f"{_comment(one.description)}#{one.name}={_default(one, CONTAINERS)}\n" for one in settings]
    return "".join(parts)


def tables() -> str:
    """Return the tables of the page, one for each section."""
    return "\n".join(map(_table, SECTIONS))


def page(text: str) -> str:
    """Return the page with its tables replaced."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{rest.partition(END)[2]}"


def _heading(title: str) -> str:
    """Return the section's title as a heading, followed by the rest of its text."""
    name, _, more = _SENTENCE_END.sub("\n", _PAGE_NAME.sub("", title), count=1).partition("\n")
    return f"## {name}\n\n" + (f"{more[0].upper()}{more[1:].removesuffix('.')}.\n\n" if more else "")


def _table(section: Section) -> str:
    head = "| variable | meaning | accepts | default | set for | read by |\n|---|---|---|---|---|---|\n"
    head = _heading(section.title) + head
    return head + "".join(map(_row, section.settings))


def _row(setting: Setting[Any]) -> str:
    ways = ", ".join(words for way, words in _WAYS.items() if setting.belongs_to(way)) or "set by the deployment"
    accepts = setting.kind.takes.replace("|", "\\|")
    cells = (
        f"`{setting.name}`",
        setting.description,
        accepts,
        _defaults(setting),
        ways,
        setting.read_by.replace(" ", ", "),
    )
    return "| " + " | ".join(cells) + " |\n"


def _defaults(setting: Setting[Any]) -> str:
    """Return the default, with the differing defaults of single deployments."""
    if setting in OF_COMPOSE:
        return ""
    general = _code(_default(setting, ""))
    others = {way: _code(_default(setting, way)) for way in _WAYS if setting.belongs_to(way)}
    if others and len(set(others.values())) == 1:
        return next(iter(others.values()))
    differing = [f"{default or 'none'} ({_WAYS[way]})" for way, default in others.items() if default != general]
    return "; ".join([general or "none", *differing]) if differing else general


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _default(setting: Setting[Any], way: str) -> str:
    return setting.default_for(way).replace(THE_VERSION, VERSION)


def _comment(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False) + "\n"


def main() -> None:
    """Write both."""
    EXAMPLE.write_text(example())
    PAGE.write_text(page(PAGE.read_text()))


if __name__ == "__main__":
    main()
