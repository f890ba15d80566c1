"""How much memory there is, and how much of it can be had, on each system in its own words."""

from collections.abc import Mapping
from typing import Final

#: The series that are looked at, without ``node_memory_`` and ``_bytes``.
SERIES: Final = (
    *("MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached", "Slab", "SReclaimable"),
    *("size", "free", "inactive", "cache"),
    *("total", "internal", "purgeable", "wired", "compressed", "active"),
)


def memory(told: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and available bytes; ``told`` has only values of which each is plausible by itself."""
    if "MemTotal" in told:
        return told["MemTotal"], _linux(told)
    if "size" in told:
        return told["size"], _bsd(told)
    if "total" in told:
        return told["total"], _darwin(told)
    return None, None


def _linux(told: Mapping[str, float]) -> float | None:
    """What the kernel says; before 3.14, and in containers that hide it, what ``free`` made of the rest."""
    if "MemAvailable" in told:
        return told["MemAvailable"]
    if "MemFree" not in told:
        return None
    slab = told["Slab"] if "Slab" in told else told.get("SReclaimable", 0.0)
    return min(told["MemTotal"], told["MemFree"] + told.get("Buffers", 0.0) + told.get("Cached", 0.0) + slab)


def _bsd(told: Mapping[str, float]) -> float | None:
    """Free, inactive and cached memory: all that ``top`` calls neither active nor wired, nor laundry."""
    if "free" not in told:
        return None
    return min(told["size"], told["free"] + told.get("inactive", 0.0) + told.get("cache", 0.0))


def _darwin(told: Mapping[str, float]) -> float | None:
    """All but what Activity Monitor calls used: the memory of applications, wired and compressed memory."""
    if "wired" not in told:
        return told.get("free")
    applications = told["internal"] - told.get("purgeable", 0.0) if "internal" in told else told.get("active", 0.0)
    return max(0.0, told["total"] - applications - told["wired"] - told.get("compressed", 0.0))
