"""What is wrong with a targets file."""

from collections.abc import Iterator
from contextlib import contextmanager

#: Keys of mappings and numbers of list items, from 0, that lead to a part of a file.
Place = tuple[str | int, ...]


class TargetsError(ValueError):
    """A targets file that cannot be followed; the text names the entry and says why."""

    #: Of what is wrong; empty where it is no part alone.
    place: Place = ()


@contextmanager
def within(*place: str | int) -> Iterator[None]:
    """Note in a ``TargetsError`` that it comes from there."""
    try:
        yield
    except TargetsError as error:
        error.place = (*place, *error.place)
        raise
