"""A ws replica that tells how many objects of each type live in it."""

import json
import os
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from tests.drivers.waiting import eventually

#: Run instead of ``python -m ws``; on SIGUSR2 it writes the counts into the file that ``COUNTS`` names.
PROGRAM: Final = """
import ws.loop
import collections, gc, json, os, signal, sys
from ws.__main__ import main

def write(*_):
    gc.collect()
    counts = collections.Counter(type(one).__qualname__ for one in gc.get_objects())
    with open(os.environ["COUNTS"] + ".new", "w") as file:
        json.dump(counts, file)
    os.replace(os.environ["COUNTS"] + ".new", os.environ["COUNTS"])

signal.signal(signal.SIGUSR2, write)
sys.exit(main())
"""
#: Objects of a type that may be more by chance: what is under way, and spare ones.
FEW: Final = 20
#: Timers that wait to be thrown away: eventlet keeps cancelled ones until there are a thousand of them.
TIMERS_LIMIT: Final = 1200


class Counts:
    """The file between the process and who asks it."""

    def __init__(self) -> None:
        self._path = Path(tempfile.mkdtemp(prefix="counts-")) / "counts.json"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that ``PROGRAM`` needs."""
        return {"COUNTS": str(self._path)}

    def ask(self, pid: int) -> Counter[str]:
        """Return the live objects by type, but the loop's timers; to count for the first time makes something, too.

        Raises:
            AssertionError: the process does not answer, or keeps too many timers.
        """
        self._path.unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR2)
        eventually(self._path.exists, within_seconds=60, what="the process counts")
        counts = Counter[str](json.loads(self._path.read_text()))
        timers = counts.pop("Timer")
        assert timers <= TIMERS_LIMIT
        counts["tuple"] -= timers  # each has one
        return counts


def grown(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    """The types of which there are more than there may be by chance."""
    return {name: more for name in after if (more := after[name] - before[name]) > FEW}
