"""Checks of a whole alert log."""

import itertools
from collections.abc import Sequence
from typing import Any

from contract.messages import log_order


def require_numbered_without_a_gap(entries: Sequence[dict[str, Any]]) -> None:
    """Check that no entry is repeated or out of order, and that no entry is missing in an epoch.

    Raises:
        AssertionError: the check failed.
    """
    ids = [log_order(entry["id"]) for entry in entries]
    assert ids == sorted(set(ids))
    for _, group in itertools.groupby(ids, key=lambda pair: pair[0]):
        numbers = [number for _, number in group]
        assert numbers == list(range(1, len(numbers) + 1))


def transitions(entries: Sequence[dict[str, Any]]) -> dict[str | None, list[str]]:
    """Return the transitions of each alert, in order; the key ``None`` has those of the log itself."""
    found: dict[str | None, list[str]] = {}
    for entry in entries:
        found.setdefault(entry["alert_id"], []).append(entry["transition"])
    return found
