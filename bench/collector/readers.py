"""Time to read one exposition, for each reader that can be imported: ``python bench/collector/readers.py FILE…``.

The arguments are files with successive expositions of one node. The program prints JSON: the CPU time for each
exposition in µs, by reader. This file imports no module of ``bench``, so that it runs in the last release, too.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from collector.interfaces import KnownInterfaces
from collector.node_exporter import ExpositionReader, parse_exposition

#: Batches of each reader, in turn; each batch takes about this time.
BATCHES: Final = 2
BATCH_SECONDS: Final = 0.2

FULL, TEMPLATE, PROMETHEUS_CLIENT = "full", "template", "prometheus_client"

Read = Callable[[bytes], object]


def read_full(text: bytes) -> object:
    """Read with the collector's full reader."""
    return parse_exposition(text, monotonic_seconds=time.monotonic(), unix_seconds=time.time())


def read_families(text: bytes) -> object:
    """Read all families with the parser of prometheus_client."""
    return sum(len(family.samples) for family in text_string_to_metric_families(text.decode()))


def template_reader() -> Read | None:
    """Return a reader of one node's expositions by a template; ``None`` in a release without templates."""
    try:
        from collector.exposition_template import ExporterTemplate
    except ImportError:
        return None
    known_interfaces, template = KnownInterfaces(), ExporterTemplate()

    def read(text: bytes) -> object:
        reader = ExpositionReader(known_interfaces, None, template)
        reader.feed(text)
        reader.end()
        return reader.sample(monotonic_seconds=time.monotonic(), unix_seconds=time.time())

    return read


def readers() -> dict[str, Read]:
    """Return the readers by name."""
    template = template_reader()
    return {
        FULL: read_full,
        **({} if template is None else {TEMPLATE: template}),
        PROMETHEUS_CLIENT: read_families,
    }


def batch_us(read: Read, texts: Sequence[bytes], seconds: float) -> float:
    """Read all texts again and again for this time; return the CPU time for each text in µs."""
    began, count = time.process_time(), 0
    while time.process_time() - began < seconds:
        for text in texts:
            read(text)
        count += len(texts)
    return (time.process_time() - began) / count * 1e6


def main() -> int:
    """Print the time of each reader."""
    texts = [Path(name).read_bytes() for name in sys.argv[1:]]
    measured = readers()
    found: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(BATCHES):
        for name, read in measured.items():
            found[name].append(batch_us(read, texts, BATCH_SECONDS))
    print(json.dumps({name: median(each) for name, each in found.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
