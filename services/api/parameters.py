"""Parameters of requests that several routes take."""

import re
from typing import Final

from werkzeug.datastructures import MultiDict

from api.problems import Refusal

_POSITION: Final = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


def whole_number(args: MultiDict[str, str], name: str, limits: tuple[int, int], digits: int) -> int | None:
    """Return a number of up to ``digits`` digits between the limits, both included; ``None`` where none is given.

    Raises:
        Refusal: it is none.
    """
    text = args.get(name)
    if text is None:
        return None
    is_number = len(text) <= digits and text.isascii() and text.isdigit()
    if not is_number or not limits[0] <= int(text) <= limits[1]:
        raise Refusal(400, f"The parameter {name!r} takes a whole number from {limits[0]} to {limits[1]}.")
    return int(text)


def position(args: MultiDict[str, str], name: str, meaning: str) -> str | None:
    """Return a position in a stream, ``None`` where none is given; ``meaning`` says what it is the position of.

    Raises:
        Refusal: it is none.
    """
    text = args.get(name)
    if text is not None and not _POSITION.fullmatch(text):
        raise Refusal(400, f"The parameter {name!r} takes {meaning}, such as 1795426867-7.")
    return text
