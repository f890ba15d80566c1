"""What is said of the nodes once the product runs."""

from __future__ import annotations

from collections.abc import Sequence

#: More problems than this are on the page.
_ISSUES_LIMIT = 8


def nodes_that(count: int, total: int, one: str, many: str) -> str:
    """Return ``1 of 1 node answers``, ``3 of 4 nodes answer``: ``one`` and ``many`` are the verb."""
    return f"{count} of {total} {'node' if total == 1 else 'nodes'} {one if count == 1 else many}"


def answering(online: int, total: int) -> str:
    """Say how many nodes answer."""
    return nodes_that(online, total, "answers", "answer")


def about_nodes(issues: Sequence[str]) -> list[str]:
    """Lines that say what is wrong with the nodes; none where nothing is."""
    if not issues:
        return []
    lines = ["\nAbout the nodes:", *(f"  - {issue}" for issue in issues[:_ISSUES_LIMIT])]
    if len(issues) > _ISSUES_LIMIT:
        lines.append(f"  - and {len(issues) - _ISSUES_LIMIT} more, all on the page")
    return lines
