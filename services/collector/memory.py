"""How much memory there is, and how much of it can be had, on each system in its own words."""

from collections.abc import Mapping
from typing import Final

#: The series that are looked at, without ``node_memory_`` and ``_bytes``.
SERIES: Final = (
    *("MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached", "Slab", "SReclaimable"),
    *("size", "free", "inactive", "cache"),
    *("total", "available", "internal", "purgeable", "wired", "compressed", "active"),
)
#: The series that tell of swap, likewise.
SWAP_SERIES: Final = ("SwapTotal", "SwapFree", "swap_size", "swap_total", "swap_used")
#: From here on, a number is one below zero that was written without its sign.
_WRAPPED_BYTES: Final = 2.0**63


def memory(told: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and available bytes; ``told`` has the series that are told, by name. None is NaN."""
    for name, available_of in (("MemTotal", _linux), ("size", _bsd), ("total", _others)):
        total = told.get(name)
        if total is not None and 0 <= total < _WRAPPED_BYTES:
            available = available_of(told)
            if available is None:
                return total, None
            # Less than nothing is nothing.
            return total, min(available, total) if 0 <= available < _WRAPPED_BYTES else 0.0
    return None, None


def swap(told: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and free bytes of swap; ``told`` has the series that are told, by name. None is NaN."""
    total, free = told.get("SwapTotal"), told.get("SwapFree")
    if total is None:
        total, used = told.get("swap_size", told.get("swap_total")), told.get("swap_used")
        free = None if total is None or used is None else total - used
    if total is None or not 0 <= total < _WRAPPED_BYTES:
        return None, None
    # Less than nothing is nothing.
    return total, free if free is None or 0 <= free < _WRAPPED_BYTES else 0.0


def _linux(told: Mapping[str, float]) -> float | None:
    """What the kernel says; before 3.14, and in containers that hide it, what ``free`` made of the rest."""
    if "MemAvailable" in told:
        return told["MemAvailable"]
    if "MemFree" not in told:
        return None
    slab = told["Slab"] if "Slab" in told else told.get("SReclaimable", 0.0)
    return told["MemFree"] + told.get("Buffers", 0.0) + told.get("Cached", 0.0) + slab


def _bsd(told: Mapping[str, float]) -> float | None:
    """Free, inactive and cached memory: all that ``top`` calls neither active nor wired, nor laundry."""
    return told["free"] + told.get("inactive", 0.0) + told.get("cache", 0.0) if "free" in told else None


def _others(told: Mapping[str, float]) -> float | None:
    """What AIX says; on macOS all but what Activity Monitor calls used: applications, wired and compressed memory."""
    if "available" in told or "wired" not in told:
        return told.get("available", told.get("free"))
    applications = told["internal"] - told.get("purgeable", 0.0) if "internal" in told else told.get("active", 0.0)
    return told["total"] - applications - told["wired"] - told.get("compressed", 0.0)
