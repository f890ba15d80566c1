"""What is wrong with a targets file."""

from collections.abc import Iterator
from contextlib import contextmanager

from collector.texts.sentence import at_line, english
from contract.messages import Coded

#: Keys of mappings and numbers of list items, from 0, that lead to a part of a file.
Place = tuple[str | int, ...]


class TargetsError(ValueError):
    """A targets file that cannot be followed; the text names the entry, says why, and the line if that is known."""

    #: Of what is wrong; empty where it is no part alone.
    place: Place = ()

    def __init__(self, why: Coded, line: int | None = None) -> None:
        super().__init__(at_line(english(why), line))
        self.why = why
        self.line = line


@contextmanager
def within(*place: str | int) -> Iterator[None]:
    """Note in a ``TargetsError`` that it comes from there."""
    try:
        yield
    except TargetsError as error:
        error.place = (*place, *error.place)
        raise
