"""A sentence is a code with arguments, and its English is made of the two: text and code cannot disagree.

A function under ``@sentence`` has the code as name and the arguments as parameters, and returns the English. Called,
it gives the ``Coded``; ``english`` gives the text of one. ``contract/golden/codes.json`` has examples of every code.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, ParamSpec

from contract.messages import Coded
from runtime.quoting import cut, quoted

P = ParamSpec("P")
#: Parts of a list or mapping that are shown, and how many of them are shown inside each other.
_PARTS: Final = 5
_DEPTH: Final = 3
_PLAIN_KEY: Final = re.compile(r"\w[\w.-]{0,40}")


class Sentence(Generic[P]):
    """One sentence, to be called with its arguments."""

    def __init__(self, text: Callable[P, str]) -> None:
        self.code = text.__name__
        self.text: Callable[..., str] = text
        self.parameters: tuple[str, ...] = tuple(inspect.signature(text).parameters)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coded:
        """Return the sentence as code and arguments."""
        given: dict[str, Any] = dict(zip(self.parameters, args, strict=False))
        given.update(kwargs)
        return Coded(self.code, given)


@dataclass(frozen=True, slots=True)
class RestoredText:
    """What a collector before this one has said; the code may be of another release, or there may be none."""

    text: str
    coded: Coded | None


AlertText = Coded | RestoredText
#: All sentences by code, those of the modules that are imported.
SENTENCES: Final[dict[str, Sentence[...]]] = {}


def sentence(text: Callable[P, str]) -> Sentence[P]:
    """Make a sentence of a function that returns its English."""
    made = Sentence(text)
    assert made.code not in SENTENCES
    SENTENCES[made.code] = made
    return made


def english(text: AlertText | str) -> str:
    """Return the English text; of a text, itself."""
    match text:
        case str():
            return text
        case RestoredText():
            return text.text
    return SENTENCES[text.code].text(**text.args)


def matches_text(coded: Coded, text: str) -> bool:
    """Whether code and arguments, which may be of another release, are known here and mean ``text``."""
    known = SENTENCES.get(coded.code)
    try:
        return known is not None and known.text(**coded.args) == text
    except (TypeError, ValueError, LookupError, AttributeError):
        return False


def coded(text: AlertText) -> Coded | None:
    """Return code and arguments, ``None`` where a collector of an earlier release gave none."""
    return text.coded if isinstance(text, RestoredText) else text


def with_reason(text: str, why: Coded | str | None) -> str:
    """Return ``text`` and after a colon why, if that is known."""
    return text if why is None else f"{text}: {english(why)}"


def with_detail(text: str, detail: str | None) -> str:
    """Return ``text`` and in brackets a detail, if there is one."""
    return text if detail is None else f"{text} ({detail})"


def with_line(text: str, line: int | None) -> str:
    """Return ``text`` and the line of a file that it is about, if that is known."""
    return text if line is None else f"{text}, in line {line}"


def number(value: float) -> str:
    """Return a number as English writes it, with up to three decimals: ``12,345.5``."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return ``1 target``, ``2 targets``; ``many`` is the plural where it is more than an s."""
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def megabytes(count: int) -> str:
    """Return ``12.0 MB``."""
    return f"{count / 1_000_000:,.1f} MB"


def size(count: int) -> str:
    """Return whole MiB or KiB: ``8 MiB``."""
    return f"{number(count // 2**20)} MiB" if count % 2**20 == 0 else f"{number(count // 2**10)} KiB"


def literal(value: object) -> str:
    """Return ``value`` as YAML on one line, cut to ``QUOTED_LENGTH`` characters whatever its size; a text in quotes."""
    return cut(_literal(value, _DEPTH))


def _literal(value: object, depth: int) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list() | dict() if depth == 0:
            return "…"
        case list():
            parts = [_literal(part, depth - 1) for part in value[:_PARTS]]
            return f"[{', '.join(_cut(parts, len(value)))}]"
        case dict():
            parts = [f"{_key(key)}: {_literal(value[key], depth - 1)}" for key in list(value)[:_PARTS]]
            return f"{{{', '.join(_cut(parts, len(value)))}}}"
    return quoted(value)


def _key(key: object) -> str:
    return key if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else quoted(key)


def _cut(parts: list[str], count: int) -> list[str]:
    return [*parts, "…"] if count > len(parts) else parts
