"""The cluster's health as one word."""

from contract.messages import OverallStatus


def overall_status(*, online: int, offline: int, total: int) -> OverallStatus:
    """Judge by node counts; nodes that were not scraped yet are neither online nor offline.

    ``healthy``: none offline; ``warning``: at most half offline; ``critical``: more; ``unknown``: no targets, or none
    scraped yet.
    """
    if online + offline == 0:
        return "unknown"
    if offline == 0:
        return "healthy"
    return "warning" if 2 * offline <= total else "critical"
