"""The description of a setting, and the error for a value that it does not accept.

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
    """A variable has an invalid value. The text names the variable and the accepted values."""

    def __init__(self, name: str, value: str, takes: str) -> None:
        super().__init__(f"{name}={quoted(value)} is not valid: it takes {takes}")

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> SettingError:
        """Combine lines into one error, without duplicates."""
        error = SettingError("", "", "")
        error.args = ("\n".join(dict.fromkeys(lines)),)
        return error


@dataclass(frozen=True)
class Setting(Generic[T]):
    """The description of an environment variable."""

    name: str
    kind: ValueType[T]
    #: Default as text; empty if there is none, or if the reader computes it.
    default: str
    #: Description for people: one or two sentences.
    description: str
    #: The programs that read it.
    read_by: str = ""
    #: Deployments in which people set it: ``run``, ``systemd``, ``containers``, separated by spaces. Empty: the
    #: deployment itself sets it.
    ways: str = "run systemd containers"
    #: Default in containers, if different.
    in_containers: str | None = None
    #: Default of ``make run``, if different.
    in_run: str | None = None
    #: Whether a value may hold a password, so that errors do not repeat it.
    is_secret: bool = False

    def read(self, text: str) -> T:
        """Parse a text into the value.

        Raises:
            SettingError: the text is not valid.
        """
        try:
            return self.kind.read(text)
        except InvalidValue as error:
            raise SettingError(self.name, "…" if self.is_secret else error.part, self.kind.takes) from None

    @property
    def default_value(self) -> T:
        """Return the default as a value."""
        return self.kind.read(self.default)

    def text_in(self, variables: Mapping[str, str]) -> str:
        """Return the text of the variable; empty if it is not set."""
        return variables.get(self.name, "").strip()

    def default_for(self, way: str) -> str:
        """Return the default of a deployment as text."""
        override = {"containers": self.in_containers, "run": self.in_run}.get(way)
        return self.default if override is None else override

    def belongs_to(self, way: str) -> bool:
        """Whether people set it in this deployment."""
        return way in self.ways.split()
