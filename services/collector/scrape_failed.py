"""A look that failed."""

from dataclasses import dataclass
from typing import Literal

from collector.said.sentence import english
from contract.messages import Coded

Reason = Literal["name", "connect", "timeout", "tls", "credentials", "http", "page", "limit", "internal"]


@dataclass(frozen=True, slots=True)
class ScrapeFailed:
    """Why a look failed: a kind to count by, and what people are told."""

    reason: Reason
    why: Coded

    @property
    def sentence(self) -> str:
        """What people are told, in English."""
        return english(self.why)
