"""The same thing done again and again while something else goes on, and what failed of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Tally:
    """How often it was done so far, and what was said when it failed."""

    done: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def repeatedly(action: Callable[[], object], *, pause_seconds: float = 0.05) -> Iterator[Tally]:
    """Call ``action`` in a thread until the end; whatever it raises is a failure."""
    tally = Tally()
    ends = threading.Event()

    def run() -> None:
        while not ends.wait(pause_seconds):
            try:
                action()
            except Exception as error:
                tally.failures.append(f"{type(error).__name__}: {error}")
            tally.done += 1

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield tally
    finally:
        ends.set()
        thread.join(60)
