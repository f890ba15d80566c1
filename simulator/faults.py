"""The faults of simulated nodes."""

from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """A fault of one node."""

    NONE = "none"
    #: The temperature is 85 °C.
    HOT = "hot"
    #: The root file system is 98 % full.
    FULL = "full"
    #: The root file system is mounted read-only, as after the failure of an SD card.
    READONLY = "readonly"
    #: The node's clock is a minute ahead.
    SKEWED = "skewed"
    #: All CPUs work at 100 %, which is no problem for an operator.
    BUSY = "busy"
    #: Answers after ``SLOW_SECONDS``.
    SLOW = "slow"
    #: Answers with bytes that are not text.
    BROKEN = "broken"
    #: Answers with one byte a second.
    DRIP = "drip"
    #: Answers with ``HUGE_BYTES``.
    HUGE = "huge"
    #: Does not answer, unless the collector ``filesystem`` is left out, as if a mount's server were away.
    HUNG = "hung"
    #: Answers compressed without request. The collector must read the exposition nevertheless.
    GZIP = "gzip"
    #: Redirects to another path. The collector must read the exposition nevertheless.
    REDIRECT = "redirect"
    #: Leaves out the last line feed. The collector must read the exposition nevertheless.
    UNENDED = "unended"
    #: Has another name for the collector ``thermal_zone``, and answers requests for ``thermal_zone`` without it.
    MISNAMED = "misnamed"
    #: Answers for ``FLAP_SECONDS``, then answers with an error for the same time, in turn.
    FLAPPING = "flapping"
    #: Refuses connections.
    DEAD = "dead"


HOT_CELSIUS: Final = 85.0
FULL_SHARE: Final = 0.98
SKEW_SECONDS: Final = 60.0
SLOW_SECONDS: Final = 10.0
#: Longer than any client waits.
HUNG_SECONDS: Final = 3600.0
#: Longer than the default time until the alert of an offline node fires.
FLAP_SECONDS: Final = 15.0
#: Target path of redirects.
MOVED_PATH: Final = "/moved/metrics"
DRIP_SECONDS_PER_BYTE: Final = 1.0
HUGE_BYTES: Final = 100_000_000


def fault_named(text: str) -> Fault:
    """Return the fault of that name.

    Raises:
        ValueError: the fault does not exist; the text lists all faults.
    """
    try:
        return Fault(text.strip())
    except ValueError:
        raise ValueError(f"there is no fault {text.strip()[:40]!r}; there are " + ", ".join(Fault)) from None
