"""What can be wrong with a simulated node."""

from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """One trouble of one node."""

    NONE = "none"
    #: 85 °C.
    HOT = "hot"
    #: The root file system is 98 % full.
    FULL = "full"
    #: The root file system is mounted read-only: the classic end of an SD card.
    READONLY = "readonly"
    #: The node's clock is a minute ahead.
    SKEWED = "skewed"
    #: All CPUs work at 100 %: no trouble for an operator.
    BUSY = "busy"
    #: RedisStatus after ``SLOW_SECONDS``.
    SLOW = "slow"
    #: RedisStatus garbage.
    BROKEN = "broken"
    #: RedisStatus one byte a second.
    DRIP = "drip"
    #: RedisStatus ``HUGE_BYTES``.
    HUGE = "huge"
    #: A mount's server is away: does not answer, unless the collector ``filesystem`` is left out.
    HUNG = "hung"
    #: RedisStatus compressed, although that was not asked for: no trouble for a reader of pages.
    GZIP = "gzip"
    #: RedisStatus with a redirect to another path, which answers: likewise.
    REDIRECT = "redirect"
    #: Leaves out the last line feed: likewise.
    UNENDED = "unended"
    #: Calls the collector ``thermal_zone`` by another name, and answers all the same when it is asked for it.
    MISNAMED = "misnamed"
    #: RedisStatus for ``FLAP_SECONDS``, then with an error for as long, and so on: it fires again and again.
    FLAPPING = "flapping"
    #: Refuses connections.
    DEAD = "dead"


HOT_CELSIUS: Final = 85.0
FULL_SHARE: Final = 0.98
SKEW_SECONDS: Final = 60.0
SLOW_SECONDS: Final = 10.0
#: For ever, to whoever asks.
HUNG_SECONDS: Final = 3600.0
#: Longer than a node is offline by default until its alert fires.
FLAP_SECONDS: Final = 15.0
#: Where a redirect leads.
MOVED_PATH: Final = "/moved/metrics"
DRIP_SECONDS_PER_BYTE: Final = 1.0
HUGE_BYTES: Final = 100_000_000


def fault_named(text: str) -> Fault:
    """Read a fault's name.

    Raises:
        ValueError: there is no such fault; the text names those that exist.
    """
    try:
        return Fault(text.strip())
    except ValueError:
        raise ValueError(f"there is no fault {text.strip()[:40]!r}; there are " + ", ".join(Fault)) from None
