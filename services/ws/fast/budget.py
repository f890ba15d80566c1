"""What all clients together may make the replica keep, beyond what each of them may."""

from typing import Final


class Budget:
    """Counts bytes; who adds some gives as many back."""

    __slots__ = ("_limit_bytes", "used_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes: Final = limit_bytes
        self.used_bytes = 0

    @property
    def is_spent(self) -> bool:
        """Whether nothing more should be kept."""
        return self.used_bytes > self._limit_bytes
