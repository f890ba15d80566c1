"""Quoting of external values in error texts."""

import reprlib
from pathlib import Path
from typing import Final

#: Longest quoted value in characters, with its quotation marks.
QUOTED_LENGTH: Final = 80
#: Longest error text of a library in characters.
ERROR_LENGTH: Final = 200
#: Longest path in characters. The middle of a longer path is left out.
PATH_LENGTH: Final = 200

# Reads only the part of a large value that it returns.
_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = 2 * QUOTED_LENGTH
_shortener.maxlist = _shortener.maxdict = _shortener.maxtuple = _shortener.maxset = 20
_shortener.maxlevel = 4


def quoted(value: object) -> str:
    """Return the ``repr`` of ``value``, cut to ``QUOTED_LENGTH`` characters, in bounded time."""
    if isinstance(value, (str, bytes)):
        text = repr(value[: QUOTED_LENGTH + 1])
    else:
        try:
            text = _shortener.repr(value)
        except ValueError:  # an integer of more digits than Python writes
            text = f"a very long {type(value).__name__}"
    return cut(text)


def cut(text: str, length: int = QUOTED_LENGTH) -> str:
    """Return ``text``, cut to ``length`` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def error_text(error: Exception) -> str:
    """Return the text of an error, cut to ``ERROR_LENGTH`` characters: some libraries quote whole values."""
    return cut(str(error), ERROR_LENGTH)


def path_text(path: Path) -> str:
    """Return ``path`` as one line of at most ``PATH_LENGTH`` characters, valid UTF-8 for any bytes."""
    text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(path))
    half = PATH_LENGTH // 2
    return text if len(text) <= PATH_LENGTH else f"{text[: half - 1]}…{text[-half:]}"
