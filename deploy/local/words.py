"""Counts of nodes in sentences, each word as its number wants it. Standard library alone, for compose too."""


def nodes_that(count: int, total: int, one: str, many: str) -> str:
    """Return ``1 of 1 node answers``, ``3 of 4 nodes answer``: ``one`` and ``many`` are the verb."""
    return f"{count} of {total} {'node' if total == 1 else 'nodes'} {one if count == 1 else many}"


def answering(online: int, total: int) -> str:
    """Say how many nodes answer."""
    return nodes_that(online, total, "answers", "answer")
