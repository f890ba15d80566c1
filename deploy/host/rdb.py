"""Reads from an RDB file when Redis wrote it, and whether it is complete."""

from __future__ import annotations

import os
import time
from pathlib import Path

#: Field of an RDB file's header with the time, and the type of its value: a little-endian integer of four bytes.
_CREATION_TIME = b"\xfa\x05ctime\xc2"
_HEADER_BYTES = 1000
#: Beginnings of an RDB file.
_MAGICS = (b"REDIS", b"VALKEY")
#: Byte before the checksum of eight bytes at the end of an RDB file.
_END = b"\xff"


def created_at(copy: Path) -> float | None:
    """Return when Redis wrote an RDB file, in Unix seconds; ``None`` if the file does not hold the time.

    Raises:
        OSError: the file cannot be read.
    """
    with copy.open("rb") as file:
        _, field, rest = file.read(_HEADER_BYTES).partition(_CREATION_TIME)
    return float(int.from_bytes(rest[:4], "little")) if field and len(rest) >= 4 else None


def find_damage(copy: Path) -> str | None:
    """Return the damage of an RDB file's beginning or end, as the rest of a sentence; ``None`` if there is none.

    Raises:
        OSError: the file cannot be read.
    """
    with copy.open("rb") as file:
        head = file.read(9)
        length = file.seek(0, os.SEEK_END)
        file.seek(max(length - 9, 0))
        tail = file.read(1)
    if not head.startswith(_MAGICS):
        return f"is not a copy of Redis data: it begins with {head[:6]!r}"
    return None if tail == _END else "is incomplete: its end is missing"


def describe_data_loss(made: float | None, now: float) -> str:
    """Return a sentence with the period for which data are missing after a restore; both times in Unix seconds."""
    if made is None:
        return "The time of the copy is not known. Data that came after it will be missing."
    then = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(made))
    return f"Data from {then} to now ({_duration(max(0.0, now - made))}) will be missing."


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
