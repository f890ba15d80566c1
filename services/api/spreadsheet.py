"""Answers as CSV (RFC 4180), of which no cell does anything in a spreadsheet but show itself."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from flask import Response, request

from api.problems import Refusal

Cell = str | int | float | bool | None

#: Where a spreadsheet would take a text for a formula: at its beginning, and where one whose language separates cells
#: by another sign than a comma (French: a semicolon), and sees no quotation marks then, begins a cell or a line.
#: Source: OWASP, CSV Injection
_ACTIVE: Final = re.compile(r'^(?=[\t\r\n])|(?:^|(?<=[;\t\r\n]))(?="*[=+\-@＝＋－＠])')
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def wants_csv() -> bool:
    """Whether the request asks for a table, and not for JSON.

    Raises:
        Refusal: it asks for something else.
    """
    wanted = request.args.get("format", "json")
    if wanted not in ("json", "csv"):
        raise Refusal(400, "The parameter 'format' takes json or csv.")
    return wanted == "csv"


def csv_answer(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """Answer a table as a file that is called ``name``, with what is not known as empty cells."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_text(cell) for cell in row] for row in rows)
    response = Response(text.getvalue(), content_type="text/csv; charset=utf-8; header=present")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if not isinstance(cell, str):
        return repr(cell)
    return cell if _NUMBER.fullmatch(cell) else _ACTIVE.sub("'", cell)
