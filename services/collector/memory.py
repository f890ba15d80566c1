"""Memory and swap of a machine, from the series that its system has."""

from collections.abc import Mapping
from typing import Final

#: Needed series of memory, without ``node_memory_`` and ``_bytes``.
MEMORY_SERIES: Final = (
    *("MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached", "Slab", "SReclaimable"),
    *("size", "free", "inactive", "cache"),
    *("total", "available", "internal", "purgeable", "wired", "compressed", "active"),
)
#: Needed series of swap, without ``node_memory_`` and ``_bytes``.
SWAP_SERIES: Final = ("SwapTotal", "SwapFree", "swap_size", "swap_total", "swap_used")
#: From this value on, a number is a negative one that was written as unsigned.
_WRAPPED_BYTES: Final = 2.0**63


def memory(values: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and available bytes; ``values`` are the known series by name, without NaN."""
    for name, available_of in (
        ("MemTotal", _available_on_linux),
        ("size", _available_on_bsd),
        ("total", _available_elsewhere),
    ):
        total = values.get(name)
        if total is not None and 0 <= total < _WRAPPED_BYTES:
            available = available_of(values)
            if available is None:
                return total, None
            # A negative value counts as 0.
            return total, min(available, total) if 0 <= available < _WRAPPED_BYTES else 0.0
    return None, None


def swap(values: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return total and free bytes of swap; ``values`` are the known series by name, without NaN."""
    total, free = values.get("SwapTotal"), values.get("SwapFree")
    if total is None:
        total, used = values.get("swap_size", values.get("swap_total")), values.get("swap_used")
        free = None if total is None or used is None else total - used
    if total is None or not 0 <= total < _WRAPPED_BYTES:
        return None, None
    # A negative value counts as 0.
    return total, free if free is None or 0 <= free < _WRAPPED_BYTES else 0.0


def _available_on_linux(values: Mapping[str, float]) -> float | None:
    """Return the kernel's value; without one, as before Linux 3.14 and in some containers, compute it like ``free``."""
    if "MemAvailable" in values:
        return values["MemAvailable"]
    if "MemFree" not in values:
        return None
    slab = values["Slab"] if "Slab" in values else values.get("SReclaimable", 0.0)
    return values["MemFree"] + values.get("Buffers", 0.0) + values.get("Cached", 0.0) + slab


def _available_on_bsd(values: Mapping[str, float]) -> float | None:
    """Return free, inactive and cached memory: all memory that ``top`` shows neither as active, wired nor laundry."""
    return values["free"] + values.get("inactive", 0.0) + values.get("cache", 0.0) if "free" in values else None


def _available_elsewhere(values: Mapping[str, float]) -> float | None:
    """Return AIX's value; for macOS, all memory except applications, wired and compressed, as in Activity Monitor."""
    if "available" in values or "wired" not in values:
        return values.get("available", values.get("free"))
    applications = (
        values["internal"] - values.get("purgeable", 0.0) if "internal" in values else values.get("active", 0.0)
    )
    return values["total"] - applications - values["wired"] - values.get("compressed", 0.0)
