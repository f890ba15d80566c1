"""A setting: its name, what it takes, its default and what it does; and the error of a value that it does not take.

Standard library only, Python 3.9 and later: compose checks settings on hosts without a venv.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from runtime.quoting import quoted
from runtime.value_types import InvalidValue, ValueType

T = TypeVar("T")


class SettingError(ValueError):
    """A variable has a value that it must not have; the text names it and says what it takes."""

    def __init__(self, name: str, value: str, takes: str) -> None:
        super().__init__(f"{name}={quoted(value)} is not valid: it takes {takes}")

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> SettingError:
        """One error of several, each line once."""
        error = SettingError("", "", "")
        error.args = ("\n".join(dict.fromkeys(lines)),)
        return error


@dataclass(frozen=True)
class Setting(Generic[T]):
    """An environment variable, described."""

    name: str
    kind: ValueType[T]
    #: As text; empty where nothing is set, or whoever reads it works a value out.
    default: str
    #: What people read of it: a sentence or two.
    says: str
    #: The programs that read it.
    read_by: str = ""
    #: Where people set it: ``run``, ``systemd``, ``containers``, separated by spaces. Nowhere: the way to run sets it.
    ways: str = "run systemd containers"
    #: The default of the containers, where it is another.
    in_containers: str | None = None
    #: The default of ``make run``, where it is another.
    in_run: str | None = None
    #: Whether a value may hold a password, and is not repeated.
    is_secret: bool = False

    def read(self, text: str) -> T:
        """The value that a text stands for.

        Raises:
            SettingError: it is not valid.
        """
        try:
            return self.kind.read(text)
        except InvalidValue as error:
            raise SettingError(self.name, "…" if self.is_secret else error.part, self.kind.takes) from None

    @property
    def default_value(self) -> T:
        """The value of the default."""
        return self.kind.read(self.default)

    def text_in(self, variables: Mapping[str, str]) -> str:
        """The text that is set; an empty one counts as absent."""
        return variables.get(self.name, "").strip()

    def default_for(self, way: str) -> str:
        """The default there, as text."""
        other = {"containers": self.in_containers, "run": self.in_run}.get(way)
        return self.default if other is None else other

    def belongs_to(self, way: str) -> bool:
        """Whether people set it there."""
        return way in self.ways.split()
