"""Time to read one page, for each reader that can be imported: ``python bench/collector/readers.py PAGE…``.

The arguments are files with successive pages of one node. The program prints JSON: the CPU time for each page in µs by
reader. This file imports no module of ``bench``, so that it also runs in the files of the last release.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from collector.node_exporter import parse_exposition

#: Batches of each reader, in turn; each batch takes about this time.
BATCHES: Final = 3
BATCH_SECONDS: Final = 0.2

FULL, TEMPLATE, PROMETHEUS_CLIENT = "full", "template", "prometheus_client"

Read = Callable[[bytes], object]


def read_full(page: bytes) -> object:
    """Read with the collector's full reader."""
    return parse_exposition(page, monotonic_seconds=time.monotonic(), unix_seconds=time.time())


def read_families(page: bytes) -> object:
    """Read all families with the parser of prometheus_client."""
    return sum(len(family.samples) for family in text_string_to_metric_families(page.decode()))


def readers() -> dict[str, Read]:
    """Return the readers by name."""
    return {FULL: read_full, PROMETHEUS_CLIENT: read_families}


def batch_us(read: Read, pages: Sequence[bytes], seconds: float) -> float:
    """Read all pages again and again for this time; return the CPU time for each page in µs."""
    began, count = time.process_time(), 0
    while time.process_time() - began < seconds:
        for page in pages:
            read(page)
        count += len(pages)
    return (time.process_time() - began) / count * 1e6


def main() -> int:
    """Print the time of each reader."""
    pages = [Path(name).read_bytes() for name in sys.argv[1:]]
    found: dict[str, list[float]] = {name: [] for name in readers()}
    for _ in range(BATCHES):
        for name, read in readers().items():
            found[name].append(batch_us(read, pages, BATCH_SECONDS))
    print(json.dumps({name: median(each) for name, each in found.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
