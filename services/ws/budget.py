"""Limits on the bytes that the replica keeps for clients: for one client, for one address, and for all clients."""

from typing import Final


class Budget:
    """Counts bytes against a limit. Code that adds bytes also subtracts them again."""

    __slots__ = ("_limit_bytes", "used_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes: Final = limit_bytes
        self.used_bytes = 0

    @property
    def is_spent(self) -> bool:
        """Whether the limit is exceeded."""
        return self.used_bytes > self._limit_bytes


class MemoryReservation:
    """Bytes kept for one client, counted in each budget that currently applies to the client."""

    __slots__ = ("_budgets", "_bytes")

    def __init__(self) -> None:
        self._budgets: tuple[Budget, ...] = ()
        self._bytes = 0

    def set(self, kept_bytes: int, budgets: tuple[Budget, ...]) -> bool:
        """Count ``kept_bytes`` in ``budgets`` instead of the previous count; return whether no budget is spent."""
        self.release()
        self._budgets, self._bytes = budgets, kept_bytes
        has_room = True
        for budget in budgets:
            budget.used_bytes += kept_bytes
            has_room = has_room and not budget.is_spent
        return has_room

    def release(self) -> None:
        """Stop counting."""
        for budget in self._budgets:
            budget.used_bytes -= self._bytes
        self._budgets = ()
