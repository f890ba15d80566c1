"""One part of the product: what to run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """A command with the variables that it gets beside the inherited ones."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    #: Its output matters only if it dies.
    is_quiet: bool = False
    #: Others stand on it: it ends after them.
    is_ground: bool = False
    #: Says why it does not end although it was asked to, by what it has written since; ``None``: that does not tell.
    why_it_stays: Callable[[Sequence[str]], str | None] = lambda _lines: None
