"""A look that failed."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal["name", "connect", "timeout", "tls", "credentials", "http", "page", "limit", "internal"]


@dataclass(frozen=True, slots=True)
class ScrapeFailed:
    """Why a look failed: a kind to count by, and a short sentence for people."""

    reason: Reason
    sentence: str
