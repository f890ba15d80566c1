"""Responses in JSON and CSV, and the headers that say how old and how valid they are, and what browsers must not do."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from flask import Response, request

from api.message_store import LatestMessage
from contract.codec import encode

#: What the paths of programs begin with. By itself it is a page to a browser.
API: Final = "/api"
#: Seconds after which asking again may help.
RETRY_AFTER_SECONDS = 2

Cell = str | int | float | bool | None
#: Where a spreadsheet would take a text for a formula: at its beginning, and where one whose language separates cells
#: by another sign than a comma (French: a semicolon), and sees no quotation marks then, begins a cell or a line.
#: Source: OWASP, CSV Injection
_FORMULA_START: Final = re.compile(r'^(?=[\t\r\n])|(?:^|(?<=[;\t\r\n]))(?="*[=+\-@＝＋－＠])')
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: For everything that is not a page: nothing in it is ever to be run or framed.
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


def is_program_request() -> bool:
    """Whether this request is a program's: all that is asked for under ``/api``, errors included."""
    return request.path.startswith(f"{API}/") or (request.path == API and not _takes_html())


def wants_page() -> bool:
    """Whether this request is a browser's for a page, and not a program's, which most often takes anything."""
    return not is_program_request() and request.path != "/metrics" and _takes_html()


def _takes_html() -> bool:
    return "text/html" in request.headers.get("Accept", "")


def json_answer(body: bytes, age_seconds: float | None = None) -> Response:
    """Answer ``body``; caches must ask before they use it again."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    return with_age(response, age_seconds)


def with_age(response: Response, age_seconds: float | None) -> Response:
    """Say how old what is answered is, where that is known."""
    if age_seconds is not None:
        response.headers["Age"] = str(int(age_seconds))
    return response


def struct_answer(struct: object) -> Response:
    """Answer a message of the contract."""
    return json_answer(encode(struct))


def tagged_answer(body: bytes, tag: str, age_seconds: float | None = None) -> Response:
    """Answer ``body`` with an entity tag, and 304 without body to who has it already."""
    response = json_answer(body, age_seconds)
    if request.if_none_match.contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")
        for header in ("Content-Type", "Content-Length"):
            response.headers.pop(header, None)
    response.set_etag(tag, weak=True)
    return response


def latest_answer(latest: LatestMessage, body: bytes) -> Response:
    """Answer a ``body`` made of ``latest``."""
    return tagged_answer(body, latest.stored.tag, latest.age_seconds)


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """Answer a table as a file that is called ``name``, with what is not known as empty cells."""
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
    if not isinstance(cell, str):
        return repr(cell)
    return cell if _NUMBER.fullmatch(cell) else _FORMULA_START.sub("'", cell)


def add_security_headers(response: Response) -> Response:
    """Add the security headers; an ``after_request`` function."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Content-Security-Policy"] = PAGE_POLICY if response.mimetype == "text/html" else DATA_POLICY
    return response
