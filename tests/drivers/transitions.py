"""What the alert log tells, taken as a whole."""

import itertools
from collections.abc import Sequence
from typing import Any

from contract.messages import log_order


def require_numbered_without_a_gap(entries: Sequence[dict[str, Any]]) -> None:
    """Check that no entry is doubled or out of order, and that in every epoch none is missing.

    Raises:
        AssertionError: it is not so.
    """
    ids = [log_order(entry["id"]) for entry in entries]
    assert ids == sorted(set(ids))
    for _, group in itertools.groupby(ids, key=lambda pair: pair[0]):
        numbers = [number for _, number in group]
        assert numbers == list(range(1, len(numbers) + 1))


def transitions(entries: Sequence[dict[str, Any]]) -> dict[str | None, list[str]]:
    """The transitions of each alert, in their order; under ``None`` those of the log itself."""
    found: dict[str | None, list[str]] = {}
    for entry in entries:
        found.setdefault(entry["alert_id"], []).append(entry["transition"])
    return found
