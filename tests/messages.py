"""The pages' texts in other languages: taken out of the templates, held against their translations, compiled.

``python -m tests.messages`` brings the catalogs to the templates; ``--check`` only says what is wrong with them.
"""

import argparse
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
API = ROOT / "services" / "api"
TRANSLATIONS = API / "translations"

_METHODS = [("tests/**", "ignore"), ("**.py", "python"), ("templates/**.html", "jinja2")]
# As api.language sets it; not silent, so that a broken template is no template without texts.
_OPTIONS = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}
_HEADER = "# The texts of the pages. `make messages` adds those that are new."
#: What a translation takes over as it is: values, doubled percent signs, markup.
_KEPT = re.compile(r"%\(\w+\)[a-z]|%%|<[^>]*>|&\w+;")
_BREAKABLE = re.compile(r" (?:[:;?!»]|%(?!\())|« ")


class Stable(Catalog):
    """A catalog whose header changes only with the language: without dates, names and versions."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """Only what reading it takes."""
        return [
            ("Language", self.locale_identifier or ""),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def texts() -> Catalog:
    """Return the texts of the templates and of the api's code, with the comments for translators."""
    found = Catalog()
    for _, _, text, comments, context in extract_from_dir(API, _METHODS, _OPTIONS, comment_tags=["Translators:"]):
        found.add(text, auto_comments=comments, context=context)
    return found


def updated(found: Catalog, po: bytes, language: str) -> Catalog:
    """Return ``found`` with the translations of ``po``; what is in no template now is set aside, not lost."""
    former = read_po(io.BytesIO(po), locale=language)
    new = Stable(locale=language, header_comment=_HEADER, fuzzy=False)
    known = {_key(message): message for message in [*former.obsolete.values(), *former] if message.id}
    for message in found:
        if message.id:
            old = known.pop(_key(message), None)
            new.add(
                message.id,
                old.string if old else None,
                flags=old.flags & {"fuzzy"} if old else (),
                auto_comments=message.auto_comments,
                user_comments=old.user_comments if old else (),
                context=message.context,
            )
    new.obsolete = {str(key): known[key] for key in sorted(known, key=str) if any(_strings(known[key]))}
    return new


def wrongs(catalog: Catalog) -> Iterator[str]:
    """Yield what is wrong with the translations of a catalog, a line each."""
    for message in catalog:
        if not message.id:
            continue
        forms, strings = _ids(message), _strings(message)
        if not all(strings):
            yield f"{forms[0]!r}: not translated"
        elif message.fuzzy:
            yield f"{forms[0]!r}: its translation is marked fuzzy; read it and remove the mark"
        else:
            for number, string in enumerate(strings):
                form = forms[min(number, len(forms) - 1)]
                kept, wanted = sorted(_KEPT.findall(string)), sorted(_KEPT.findall(form))
                if kept != wanted:
                    yield f"{form!r}: has {' '.join(wanted) or 'no value'}, its translation {' '.join(kept) or 'none'}"
                if catalog.locale_identifier == "fr" and _BREAKABLE.search(string.replace("%%", "%")):
                    yield f"{form!r}: a line may break before a sign in its translation; write a no-break space there"


def po_of(catalog: Catalog) -> bytes:
    """Return a catalog as people edit it."""
    file = io.BytesIO()
    # Wrapping would break lines at no-break spaces, and make every edit a change of several lines.
    write_po(file, catalog, width=0, no_location=True, sort_output=True)
    return file.getvalue()


def mo_of(catalog: Catalog) -> bytes:
    """Return a catalog as the api reads it."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def main() -> int:
    """Return 1 if something is wrong that a person has to put right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    found = texts()
    complaints = []
    for po in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")):
        language = po.parent.parent.name
        catalog = updated(found, po.read_bytes(), language)
        for path, content in ((po, po_of(catalog)), (po.with_suffix(".mo"), mo_of(catalog))):
            if options.check and (not path.exists() or path.read_bytes() != content):
                complaints.append(f"{path.relative_to(ROOT)}: not that of the templates: make messages")
            elif not options.check:
                path.write_bytes(content)
        complaints += [f"{po.relative_to(ROOT)}: {wrong}" for wrong in wrongs(catalog)]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


def _key(message: Message) -> tuple[str, ...]:
    return (message.context or "", *_ids(message))


def _ids(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def _strings(message: Message) -> tuple[str, ...]:
    return (message.string or "",) if isinstance(message.string, str | None) else tuple(message.string)


if __name__ == "__main__":
    sys.exit(main())
