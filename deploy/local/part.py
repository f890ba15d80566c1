"""One part of the product: what to run."""

from collections.abc import Mapping
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
