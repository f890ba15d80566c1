"""What a copy of Redis' data tells of itself: when it was made, and whether it is whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

#: The field of an RDB file's head that says it, and the kind of its value: four bytes, the lowest first.
_MADE = b"\xfa\x05ctime\xc2"
_HEAD_BYTES = 1000
#: What an RDB file begins with.
_MAGICS = (b"REDIS", b"VALKEY")
#: What stands before the checksum of eight bytes at its end.
_END = b"\xff"


def created_at(copy: Path) -> float | None:
    """When Redis wrote an RDB file, in Unix seconds; ``None``: it does not say.

    Raises:
        OSError: it cannot be read.
    """
    with copy.open("rb") as file:
        _, field, rest = file.read(_HEAD_BYTES).partition(_MADE)
    return float(int.from_bytes(rest[:4], "little")) if field and len(rest) >= 4 else None


def find_damage(copy: Path) -> str | None:
    """Say what is wrong with the beginning or the end of an RDB file, as the rest of a sentence; ``None``: nothing.

    Raises:
        OSError: it cannot be read.
    """
    with copy.open("rb") as file:
        head = file.read(9)
        length = file.seek(0, os.SEEK_END)
        file.seek(max(length - 9, 0))
        tail = file.read(1)
    if not head.startswith(_MAGICS):
        return f"is no copy of Redis's data: it begins with {head[:6]!r}"
    return None if tail == _END else "is not whole: its end is missing"


def describe_data_loss(made: float | None, now: float) -> str:
    """Say from when to now there will be no data once the copy is restored; both in Unix seconds."""
    if made is None:
        return "When it was made is not known: what came since will be missing."
    then = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(made))
    return f"What came from {then} to now ({_span(max(0.0, now - made))}) will be missing."


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
