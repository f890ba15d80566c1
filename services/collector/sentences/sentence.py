"""A sentence is a message code with arguments. The English text is made from both, so code and text always agree.

The name of a function under ``@sentence`` is the code, its parameters are the arguments, and it returns the English
text. A call of the decorated function returns the ``Coded``; ``english`` returns the text of a ``Coded``.
``contract/golden/codes.json`` has examples of every code.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Generic, ParamSpec

from contract.messages import Coded
from runtime.quoting import cut, quoted

P = ParamSpec("P")
#: Items of a list or mapping in an excerpt, and levels of nesting.
_ITEMS: Final = 5
_DEPTH: Final = 3
_PLAIN_KEY: Final = re.compile(r"\w[\w.-]{0,40}")


class Sentence(Generic[P]):
    """One sentence; a call with its arguments returns the ``Coded``."""

    def __init__(self, text: Callable[P, str]) -> None:
        self.code = text.__name__
        self.text: Callable[..., str] = text
        self.parameters: tuple[str, ...] = tuple(inspect.signature(text).parameters)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coded:
        """Return code and arguments."""
        given: dict[str, Any] = dict(zip(self.parameters, args, strict=False))
        given.update(kwargs)
        return Coded(self.code, given)


@dataclass(frozen=True, slots=True)
class RestoredText:
    """The message of a previous collector; the code may be of another release, or missing."""

    text: str
    coded: Coded | None


AlertText = Coded | RestoredText
#: All sentences of the imported modules, by code.
SENTENCES: Final[dict[str, Sentence[...]]] = {}


def sentence(text: Callable[P, str]) -> Sentence[P]:
    """Make a sentence from a function that returns the English text."""
    made = Sentence(text)
    assert made.code not in SENTENCES
    SENTENCES[made.code] = made
    return made


def english(text: AlertText | str) -> str:
    """Return the English text; a string is returned unchanged."""
    match text:
        case str():
            return text
        case RestoredText():
            return text.text
    return SENTENCES[text.code].text(**text.args)


def matches_text(coded: Coded, text: str) -> bool:
    """Whether this release knows the code and its sentence is ``text``; the code may be of another release."""
    known = SENTENCES.get(coded.code)
    try:
        return known is not None and known.text(**coded.args) == text
    except (TypeError, ValueError, LookupError, AttributeError):
        return False


def code_and_arguments(text: AlertText) -> Coded | None:
    """Return code and arguments; ``None`` if a collector of an earlier release published no code."""
    return text.coded if isinstance(text, RestoredText) else text


def with_reason(text: str, why: Coded | str | None) -> str:
    """Return ``text``, followed by a colon and the cause if the cause is known."""
    return text if why is None else f"{text}: {english(why)}"


def with_detail(text: str, detail: str | None) -> str:
    """Return ``text``, followed by ``detail`` in brackets unless ``detail`` is ``None``."""
    return text if detail is None else f"{text} ({detail})"


def with_line(text: str, line: int | None) -> str:
    """Return ``text``, followed by the line of the file if the line is known."""
    return text if line is None else f"{text}, in line {line}"


def number(value: float) -> str:
    """Return a number in English format with up to three decimals: ``12,345.5``."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return ``1 target`` or ``2 targets``; ``many``: the plural if not ``one`` with an s."""
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def megabytes(count: int) -> str:
    """Return ``12.0 MB``."""
    return f"{count / 1_000_000:,.1f} MB"


def size(count: int) -> str:
    """Return whole MiB or KiB: ``8 MiB``."""
    return f"{number(count // 2**20)} MiB" if count % 2**20 == 0 else f"{number(count // 2**10)} KiB"


def literal(value: object) -> str:
    """Return ``value`` as one line of YAML, at most ``QUOTED_LENGTH`` characters; texts in quotes."""
    return cut(_literal(value, _DEPTH))


def _literal(value: object, depth: int) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case date():
            return value.isoformat()
        case list() | dict() if depth == 0:
            return "…"
        case list():
            items = [_literal(item, depth - 1) for item in value[:_ITEMS]]
            return f"[{', '.join(_shortened(items, len(value)))}]"
        case dict():
            items = [f"{_key(key)}: {_literal(value[key], depth - 1)}" for key in list(value)[:_ITEMS]]
            return f"{{{', '.join(_shortened(items, len(value)))}}}"
    return quoted(value)


def _key(key: object) -> str:
    return key if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else quoted(key)


def _shortened(items: list[str], count: int) -> list[str]:
    return [*items, "…"] if count > len(items) else items
