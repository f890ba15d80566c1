"""Wait for something to become true: poll to a deadline, never sleep for a guess."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, within_seconds: float = 20.0, what: str = "") -> T:
    """Return the first truthy answer of ``probe``; an ``AssertionError`` of its own counts as not yet.

    Raises:
        AssertionError: the deadline passed; carries the last answer.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        last: object
        try:
            answer = probe()
            if answer:
                return answer
            last = answer
        except (AssertionError, OSError) as error:
            last = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within_seconds} s: {what or probe} (last: {last!r})")
        time.sleep(0.05)
