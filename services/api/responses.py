"""Responses in JSON and CSV, with headers for age and validity, and the security headers."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from flask import Response, request

from api.message_store import LatestMessage
from contract.codec import encode

#: Prefix of the paths for programs. The path itself is a page in a browser.
API: Final = "/api"
#: Seconds after which a retry may succeed.
RETRY_AFTER_SECONDS = 2

#: A dict is labels.
Cell = str | int | float | bool | dict[str, str] | None
#: Where a spreadsheet would parse a formula: at the beginning of a text, and where a cell or a line begins in a locale
#: that separates cells by another character than the comma (French: a semicolon) and ignores quotation marks there.
#: Source: OWASP, CSV Injection
_FORMULA_START: Final = re.compile(r'^(?=[\t\r\n])|(?:^|(?<=[;\t\r\n]))(?="*[=+\-@＝＋－＠])')
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: For responses that are not pages: a browser never runs or frames them.
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


def is_program_request() -> bool:
    """Return whether this request comes from a program: every request under ``/api``, errors included."""
    return request.path.startswith(f"{API}/") or (request.path == API and not _takes_html())


def wants_page() -> bool:
    """Return whether a browser asks for a page. Most programs accept any type, so they do not count."""
    return not is_program_request() and request.path != "/metrics" and _takes_html()


def _takes_html() -> bool:
    return "text/html" in request.headers.get("Accept", "")


def json_answer(body: bytes, age_seconds: float | None = None) -> Response:
    """Answer ``body``. Caches must revalidate it before reuse."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    return with_age(response, age_seconds)


def with_age(response: Response, age_seconds: float | None) -> Response:
    """Add the age of the data, if known."""
    if age_seconds is not None:
        response.headers["Age"] = str(int(age_seconds))
    return response


def struct_answer(struct: object) -> Response:
    """Answer a message of the contract as JSON."""
    return json_answer(encode(struct))


def tagged_answer(body: bytes, tag: str, age_seconds: float | None = None) -> Response:
    """Answer ``body`` with an entity tag, or 304 without a body to a client that already has it."""
    response = json_answer(body, age_seconds)
    if request.if_none_match.contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")
        for header in ("Content-Type", "Content-Length"):
            response.headers.pop(header, None)
    response.set_etag(tag, weak=True)
    return response


def latest_answer(latest: LatestMessage, body: bytes) -> Response:
    """Answer ``body``, which was built from ``latest``."""
    return tagged_answer(body, latest.stored.tag, latest.age_seconds)


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """Answer a table as the file ``name``. Unknown values are empty cells."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_csv_text(cell) for cell in row] for row in rows)
    response = Response(text.getvalue(), content_type="text/csv; charset=utf-8; header=present")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _csv_text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, dict):
        return _csv_text("; ".join(f"{name}={value}" for name, value in cell.items()))
    if not isinstance(cell, str):
        return repr(cell)
    return cell if _NUMBER.fullmatch(cell) else _FORMULA_START.sub("'", cell)


def add_security_headers(response: Response) -> Response:
    """Add the security headers. An ``after_request`` function."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Content-Security-Policy"] = PAGE_POLICY if response.mimetype == "text/html" else DATA_POLICY
    return response
