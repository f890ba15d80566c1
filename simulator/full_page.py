"""What a real page has besides: with it, a node's page has about 31 KB."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from simulator.page import Section, family

_DEFAULT: Final = (
    "arp bcache bonding btrfs conntrack cpu cpufreq diskstats dmi edac entropy fibrechannel filefd filesystem hwmon "
    "infiniband ipvs loadavg mdadm meminfo netclass netdev netstat nfs nfsd nvme os powersupplyclass pressure rapl "
    "schedstat selinux sockstat softnet stat tapestats textfile thermal_zone time timex udp_queues uname vmstat xfs zfs"
)
#: The collectors that node_exporter 1.5 has switched on by default. Asked for others, it answers 400.
KNOWN_COLLECTORS: Final = frozenset(_DEFAULT.split())
#: The exporter's own part of the page, whichever collectors are asked for.
EXPORTER: Final = ""
_TEXT: Final = Path(__file__).with_name("full_page.txt")
_SECONDS_OF_A_COLLECTOR: Final = 0.0002


def full_sections(started: float) -> list[Section]:
    """Return the parts that a short page lacks, as ``page.sections`` does; nothing in them moves."""
    return [(collector, text.replace("@STARTED@", f"{started:.12e}")) for collector, text in _read()]


def scrape_families(collectors: Iterable[str]) -> str:
    """Return what the exporter says of the work of those collectors."""
    labels = [f'{{collector="{name}"}}' for name in sorted(collectors)]
    duration, success = "node_scrape_collector_duration_seconds", "node_scrape_collector_success"
    seconds = [(label, f"{_SECONDS_OF_A_COLLECTOR}") for label in labels]
    return family(duration, "gauge", "node_exporter: Duration of a collector scrape.", seconds) + family(
        success, "gauge", "node_exporter: Whether a collector succeeded.", [(label, "1") for label in labels]
    )


@cache
def _read() -> tuple[Section, ...]:
    return tuple(_parts(_TEXT.read_text()))


def _parts(text: str) -> Iterator[Section]:
    # What stands before the first part explains the file.
    for part in text.split("\n@")[1:]:
        collector, _, families = part.partition("\n")
        yield collector, families.rstrip("\n").replace("%", "%%") + "\n"
