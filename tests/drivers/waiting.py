"""Wait for a condition: poll until a deadline instead of sleeping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

_FIRST_PAUSE_SECONDS: Final = 0.005
#: Linux's total time in which a process waited for a CPU.
_PRESSURE: Final = Path("/proc/pressure/cpu")
#: Share with which a second counts in which a process waits for a CPU.
_BUSY_SECOND: Final = 0.2


class Deadline:
    """Passes after ``seconds``; up to five times later on a busy machine."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began, self._busy_before = time.monotonic(), _busy_seconds()

    @property
    def left(self) -> float:
        """Return the seconds until it passes on an idle machine; negative afterwards."""
        elapsed = time.monotonic() - self._began
        busy = min(elapsed, _busy_seconds() - self._busy_before)
        return self._seconds - elapsed + (1 - _BUSY_SECOND) * busy

    @property
    def has_passed(self) -> bool:
        """Whether it has passed."""
        return self.left <= 0


def _busy_seconds() -> float:
    try:
        some = _PRESSURE.read_text().partition("\n")[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1_000_000


def eventually(
    probe: Callable[[], T], *, within_seconds: float = 20.0, what: str = "", pause_seconds: float = 0.05
) -> T:
    """Return the first truthy result of ``probe``; its ``AssertionError`` counts as falsy.

    Args:
        within_seconds: the length of the ``Deadline``.
        pause_seconds: the longest pause between two calls. The first pauses are shorter and double each time.

    Raises:
        AssertionError: the deadline passed; the text has the last result.
    """
    deadline, pause = Deadline(within_seconds), _FIRST_PAUSE_SECONDS
    while True:
        last: object
        try:
            answer = probe()
            if answer:
                return answer
            last = answer
        except (AssertionError, OSError) as error:
            last = error
        if deadline.has_passed:
            raise AssertionError(f"not within {within_seconds} s: {what or probe} (last: {last!r})")
        time.sleep(pause)
        pause = min(2 * pause, pause_seconds)


async def until(probe: Callable[[], T | Awaitable[T]], *, within_seconds: float = 20.0, what: str = "") -> T:
    """Return the first truthy result of ``probe``, like ``eventually``, while the event loop runs.

    Raises:
        AssertionError: the deadline passed; the text has the last result.
    """
    deadline = Deadline(within_seconds)
    while True:
        answer = probe()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        assert not deadline.has_passed, f"not within {within_seconds} s: {what or probe} (last: {found!r})"
        await asyncio.sleep(_FIRST_PAUSE_SECONDS)
