"""What is wrong with an object."""

from typing import NamedTuple


class Finding(NamedTuple):
    """A sentence about an object, such as ``Deployment/api``."""

    object: str
    text: str

    def __str__(self) -> str:
        return f"{self.object}: {self.text}"
