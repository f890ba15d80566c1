"""The slow clients, which run in a separate process."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.drivers.process import ROOT


@contextmanager
def crowd(port: int, count: int, kinds: Sequence[str]) -> Iterator[None]:
    """Keep ``count`` slow connections of these kinds in turn; all are open when the block begins."""
    command = [sys.executable, "-m", "tests.drivers.slow_crowd", str(port), str(count), *kinds]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "complete\n":
            raise RuntimeError("the slow clients did not connect")
        yield
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
