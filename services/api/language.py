"""The language of web pages. Answers under ``/api`` are always English."""

from collections.abc import Callable
from functools import cache
from gettext import GNUTranslations, NullTranslations, translation
from pathlib import Path
from typing import Final

from flask import Flask, Response, has_request_context, request

from api.responses import is_program_request

#: The first is the language of the texts in the code, and the default.
LANGUAGES: Final = ("en", "fr")
#: Query parameter that chooses the language. The cookie stores the choice.
PARAMETER: Final = "lang"
COOKIE: Final = "language"
#: Seconds that a browser keeps the cookie: a year.
KEPT_SECONDS: Final = 365 * 24 * 3600

_CATALOGS: Final = Path(__file__).with_name("translations")


def language() -> str:
    """Return the language of this request: from its query, its cookie, or the browser's settings."""
    if not has_request_context() or is_program_request():
        return LANGUAGES[0]
    return _from_query() or _supported(request.cookies.get(COOKIE)) or _from_browser() or LANGUAGES[0]


def gettext(text: str, **values: object) -> str:
    """Return ``text`` in the language of this request. ``values`` replace ``%(name)s``; a percent sign is ``%%``."""
    return _catalog(language()).gettext(text) % values


def install_languages(app: Flask) -> None:
    """Add ``language``, ``_()`` and ``ngettext()`` to the templates of ``app``, and language headers to its pages.

    Raises:
        FileNotFoundError: a compiled catalog is missing.
    """
    for name in LANGUAGES:
        _catalog(name)
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    # Translators see a long text of a template as one line.
    environment.policies["ext.i18n.trimmed"] = True
    install: Callable[..., None] = environment.install_gettext_callables  # type: ignore[attr-defined]  # from the i18n extension
    install(
        lambda text: _catalog(language()).gettext(text),
        lambda one, many, number: _catalog(language()).ngettext(one, many, number),
        newstyle=True,
    )
    app.context_processor(lambda: {"language": language()})
    app.after_request(_add_language_headers)


def _add_language_headers(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = language()
        response.vary.update(("Accept-Language", "Cookie"))
        chosen = _from_query()
        if chosen is not None:
            response.set_cookie(COOKIE, chosen, max_age=KEPT_SECONDS, path="/", samesite="Lax")
    return response


def _from_query() -> str | None:
    return _supported(request.args.get(PARAMETER))


def _supported(name: str | None) -> str | None:
    return name if name in LANGUAGES else None


def _from_browser() -> str | None:
    # Werkzeug's best_match chooses "en" for "fr-CA, en;q=0.5": it ranks a region below every other language.
    for tag, quality in request.accept_languages:
        name = _supported(tag.replace("_", "-").partition("-")[0].lower())
        if name is not None and quality > 0:
            return name
    return None


@cache
def _catalog(name: str) -> GNUTranslations | NullTranslations:
    return NullTranslations() if name == LANGUAGES[0] else translation("messages", _CATALOGS, [name])
