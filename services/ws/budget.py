"""Bounds on the bytes that clients make the replica keep: each of them, those of one address, and all together."""

from typing import Final


class Budget:
    """Counts bytes. Whoever adds some takes them away again."""

    __slots__ = ("_limit_bytes", "used_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes: Final = limit_bytes
        self.used_bytes = 0

    @property
    def is_spent(self) -> bool:
        """Whether nothing more should be kept."""
        return self.used_bytes > self._limit_bytes


class MemoryReservation:
    """Bytes kept for one client, counted in each budget that applies to the client at the moment."""

    __slots__ = ("_budgets", "_bytes")

    def __init__(self) -> None:
        self._budgets: tuple[Budget, ...] = ()
        self._bytes = 0

    def set(self, kept_bytes: int, budgets: tuple[Budget, ...]) -> bool:
        """Count ``held_bytes`` in ``budgets`` instead of what was counted before; return whether all have room."""
        self.release()
        self._budgets, self._bytes = budgets, kept_bytes
        has_room = True
        for budget in budgets:
            budget.used_bytes += kept_bytes
            has_room = has_room and not budget.is_spent
        return has_room

    def release(self) -> None:
        """Count nothing any more."""
        for budget in self._budgets:
            budget.used_bytes -= self._bytes
        self._budgets = ()
