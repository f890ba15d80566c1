"""The checks of translations in ``make messages`` and ``make check``."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from api.language import LANGUAGES
from tests.messages import TRANSLATIONS, mo_of, po_of, texts, updated, wrongs

PLURAL = ("%(num)s node", "%(num)s nodes")


def catalog_of(text: str | tuple[str, str], po: str) -> Catalog:
    found = Catalog()
    found.add(text)
    return updated(found, po.encode(), "fr")


def po(string: str, text: str = "A %(x)s: <b>100%%</b>", flags: str = "") -> str:
    return f'{flags}\nmsgid "{text}"\nmsgstr "{string}"\n'


@pytest.mark.parametrize(
    ("string", "flags", "complaint"),
    [
        ("Un %(x)s\u00a0: <b>100\u00a0%%</b>", "", None), ("Un <b>100\u00a0%%</b>\u00a0: %(x)s", "", None),
        ("", "", "not translated"), ("Un %(x)s\u00a0: <b>100\u00a0%%</b>", "#, fuzzy", "fuzzy"),
        ("Un\u00a0: <b>100\u00a0%%</b>", "", "%(x)s"), ("Un %(y)s\u00a0: <b>100\u00a0%%</b>", "", "%(y)s"),
        ("Un %(x)d\u00a0: <b>100\u00a0%%</b>", "", "%(x)d"), ("Un %(x)s\u00a0: <b>100\u00a0%</b>", "", "%%"),
        ("Un %(x)s\u00a0: <b>100\u00a0%%", "", "</b>"), ("Un %(x)s : <b>100\u00a0%%</b>", "", "no-break space"),
        ("Un %(x)s\u00a0: <b>100 %%</b>", "", "no-break space"),
    ],
)  # fmt: skip
def test_check_reports_a_wrong_translation(string: str, flags: str, complaint: str | None) -> None:
    found = list(wrongs(catalog_of("A %(x)s: <b>100%%</b>", po(string, flags=flags))))
    assert len(found) == (0 if complaint is None else 1)
    assert (complaint or "") in "".join(found)


@pytest.mark.parametrize(
    ("one", "many", "complaint"),
    [
        ("%(num)s nœud", "%(num)s nœuds", None),
        ("%(num)s nœud", "", "not translated"),
        ("%(num)s nœud", "des nœuds", "%(num)s"),
        ("un nœud", "%(num)s nœuds", "%(num)s"),
    ],
)
def test_check_reads_every_plural_form(one: str, many: str, complaint: str | None) -> None:
    po = f'msgid "{PLURAL[0]}"\nmsgid_plural "{PLURAL[1]}"\nmsgstr[0] "{one}"\nmsgstr[1] "{many}"\n'
    found = list(wrongs(catalog_of(PLURAL, po)))
    assert len(found) == (0 if complaint is None else 1)
    assert (complaint or "") in "".join(found)


def test_obsolete_translation_returns_with_its_text() -> None:
    without = po_of(catalog_of("other", po("Un", "A"))).decode()
    assert '#~ msgstr "Un"' in without
    assert catalog_of("A", without)["A"].string == "Un"


def test_catalog_is_reproducible() -> None:
    first = catalog_of("A", po("Un", "A"))
    second = catalog_of("A", po_of(first).decode())
    assert (po_of(second), mo_of(second)) == (po_of(first), mo_of(first))
    assert b"Date" not in mo_of(first) + po_of(first)


def test_texts_come_from_templates_and_code() -> None:
    found = texts()
    assert "Go to the dashboard" in found
    assert "Not Found" in found
    assert any("reaches Redis. The data then" in str(message.id) for message in found)


def test_every_language_has_a_compiled_catalog() -> None:
    files = [Path(TRANSLATIONS, name, "LC_MESSAGES", "messages.mo") for name in LANGUAGES[1:]]
    assert [path for path in files if not path.exists()] == []
