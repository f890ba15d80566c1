"""An action that repeats in the background, with its failures."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Number of calls so far, and the errors of the failed ones."""

    done: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def repeatedly(action: Callable[[], object], *, pause_seconds: float = 0.05) -> Iterator[Tally]:
    """Call ``action`` repeatedly in a thread until the end of the context; an exception is a failure."""
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
