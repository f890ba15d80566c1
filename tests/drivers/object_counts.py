"""A ws replica that counts its live objects by type."""

import json
import os
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from tests.drivers.waiting import eventually

#: Runs instead of ``python -m ws``; on SIGUSR2 it writes the counts to the file in ``COUNTS``.
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
#: Permitted growth of the objects of a type: work in progress and pools.
GROWTH_LIMIT: Final = 20
#: Permitted timers: eventlet keeps up to a thousand cancelled ones.
TIMERS_LIMIT: Final = 1200


class ObjectCounts:
    """The file through which a test reads the counts of a process."""

    def __init__(self) -> None:
        self._path = Path(tempfile.mkdtemp(prefix="counts-")) / "counts.json"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that ``PROGRAM`` needs."""
        return {"COUNTS": str(self._path)}

    def ask(self, pid: int) -> Counter[str]:
        """Return the number of live objects by type, without the loop's timers. The first count itself creates objects.

        Raises:
            AssertionError: the process does not answer, or keeps too many timers.
        """
        self._path.unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR2)
        eventually(self._path.exists, within_seconds=60, what="the process counts")
        counts = Counter[str](json.loads(self._path.read_text()))
        timers = counts.pop("Timer", 0)  # gevent has none
        assert timers <= TIMERS_LIMIT
        counts["tuple"] -= timers  # each timer has one
        return counts


def grown(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    """Return the types whose number of objects has grown more than ``GROWTH_LIMIT``."""
    return {name: more for name in after if (more := after[name] - before[name]) > GROWTH_LIMIT}
