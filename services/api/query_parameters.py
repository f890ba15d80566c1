"""Query parameters of several routes. A refusal names the parameter."""

import re
from collections.abc import Collection
from typing import Final

from flask import request
from werkzeug.datastructures import MultiDict

from api.problems import RequestRefused

_POSITION: Final = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


def whole_number(args: MultiDict[str, str], name: str, limits: tuple[int, int], digits: int) -> int | None:
    """Return a number of up to ``digits`` digits within ``limits``, inclusive; ``None`` if the parameter is missing.

    Raises:
        RequestRefused: the value is not such a number.
    """
    text = args.get(name)
    if text is None:
        return None
    is_number = len(text) <= digits and text.isascii() and text.isdigit()
    if not is_number or not limits[0] <= int(text) <= limits[1]:
        raise RequestRefused(400, f"The parameter {name!r} takes a whole number from {limits[0]} to {limits[1]}.")
    return int(text)


def position(args: MultiDict[str, str], name: str, meaning: str) -> str | None:
    """Return a position in a stream; ``None`` if the parameter is missing. ``meaning`` describes the position.

    Raises:
        RequestRefused: the value is not a position.
    """
    text = args.get(name)
    if text is not None and not _POSITION.fullmatch(text):
        raise RequestRefused(400, f"The parameter {name!r} takes {meaning}, such as 1795426867-7.")
    return text


def choices(args: MultiDict[str, str], name: str, allowed: Collection[str]) -> tuple[str, ...]:
    """Return the distinct values of a parameter, in their order.

    Raises:
        RequestRefused: a value is not ``allowed``.
    """
    values = tuple(dict.fromkeys(args.getlist(name)))
    if not set(values) <= set(allowed):
        raise RequestRefused(400, f"The parameter {name!r} takes one of: {', '.join(allowed)}.")
    return values


def wants_csv() -> bool:
    """Return whether the request asks for a CSV table instead of JSON.

    Raises:
        RequestRefused: the request asks for another format.
    """
    value = request.args.get("format", "json")
    if value not in ("json", "csv"):
        raise RequestRefused(400, "The parameter 'format' takes json or csv.")
    return value == "csv"
