"""Quote values from outside in the texts of errors."""

import reprlib
from pathlib import Path
from typing import Final

#: Characters of a quoted value, its quotation marks included.
QUOTED_LENGTH: Final = 80
#: Characters of what a library says of a value.
SENTENCE_LENGTH: Final = 200
#: Characters of a path; a longer one lacks its middle.
PATH_LENGTH: Final = 200

# Looks at no more of a large value than what is shown of it.
_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = 2 * QUOTED_LENGTH
_shortener.maxlist = _shortener.maxdict = _shortener.maxtuple = _shortener.maxset = 20
_shortener.maxlevel = 4


def quoted(value: object) -> str:
    """Return ``value`` as Python writes it, cut to ``QUOTED_LENGTH`` characters, whatever its size."""
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
    """Return the error's text, cut where it repeats a long value: some libraries quote all of it."""
    return cut(str(error), SENTENCE_LENGTH)


def path_text(path: Path) -> str:
    """Return ``path`` as one line of at most ``PATH_LENGTH`` characters, which are UTF-8 whatever its bytes are."""
    text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(path))
    half = PATH_LENGTH // 2
    return text if len(text) <= PATH_LENGTH else f"{text[: half - 1]}…{text[-half:]}"
