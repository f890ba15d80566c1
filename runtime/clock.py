"""The timestamps of the contract: RFC 3339, UTC, milliseconds."""

from datetime import UTC, datetime


def timestamp(unix_seconds: float) -> str:
    """Format Unix seconds as ``2026-11-23T09:41:07.120Z``."""
    moment = datetime.fromtimestamp(unix_seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def unix_seconds(text: str) -> float:
    """Parse a ``Timestamp`` of the contract into Unix seconds.

    Raises:
        ValueError: ``text`` is not an RFC 3339 timestamp.
    """
    return datetime.fromisoformat(text).timestamp()
