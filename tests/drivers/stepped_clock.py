"""A wall clock that a test can set, for Python processes."""

import os
from pathlib import Path
from typing import Final

#: Name of a module that every Python process imports at its start.
_MODULE: Final = "sitecustomize.py"
_CODE: Final = """
import sys, time
if {only!r} in sys.orig_argv or not {only!r}:
    _real = time.time
    def _stepped():
        try:
            with open({path!r}) as file:
                return _real() + float(file.read())
        except (OSError, ValueError):
            return _real()
    time.time = _stepped
"""


class SteppedClock:
    """Changes ``time.time()`` of the processes with ``env``; the monotonic clock and waiting stay real."""

    def __init__(self, folder: Path, only: str = "") -> None:
        """``only``: the only module that is affected, among all processes with ``env``."""
        folder.mkdir(parents=True, exist_ok=True)
        self._offset = folder / "offset"
        self._seconds = 0.0
        (folder / _MODULE).write_text(_CODE.format(only=only, path=str(self._offset)))
        self.env = {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}

    def step(self, seconds: float) -> None:
        """Move the clock forward or back."""
        self._seconds += seconds
        new = self._offset.with_suffix(".new")
        new.write_text(str(self._seconds))
        new.replace(self._offset)
