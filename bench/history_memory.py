"""Measure the memory of the metric history in Redis, and the time of one call.

``python -m bench.history_memory [--nodes 1000]`` writes the whole history of each node into an empty Valkey, like the
collector, and prints a Markdown table.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import Final

from redis import Redis

from collector.history import BATCH_LENGTH
from contract.history import MEASURES, RESOLUTIONS, HistoryEntry, Resolution, Summary, encode_entry
from contract.names import EPOCH_KEY, HISTORY_KEYS
from contract.scripts import RECORD_HISTORY, HistoryRecord, record_history_call, record_history_reply
from runtime.functions import call
from tests.drivers.valkey import Valkey

EPOCH: Final = 1_795_426_867
SCRAPE_SECONDS: Final = 2
#: Entries of each resolution that are already too old at the end, so that trimming is measured.
TOO_OLD_ENTRIES: Final = 30
#: For each measure: mean, deviation between nodes, deviation between samples of a node, and largest value.
NOISE: Final = {
    "cpu_usage": (35.0, 20.0, 8.0, 100.0),
    "memory_usage": (48.0, 15.0, 0.4, 100.0),
    "disk_usage": (40.0, 15.0, 0.01, 100.0),
    "temperature": (52.0, 6.0, 0.8, 110.0),
    "load1": (1.4, 0.8, 0.25, 64.0),
    "network_receive_bytes_per_second": (400_000.0, 300_000.0, 150_000.0, 125e6),
    "network_transmit_bytes_per_second": (250_000.0, 200_000.0, 90_000.0, 125e6),
    "disk_read_bytes_per_second": (20_000.0, 20_000.0, 30_000.0, 1e9),
    "disk_written_bytes_per_second": (150_000.0, 100_000.0, 80_000.0, 1e9),
    "iowait": (0.8, 0.8, 0.6, 100.0),
    "swap_usage": (10.0, 10.0, 0.02, 100.0),
    "pressure_io": (1.0, 1.0, 1.0, 100.0),
    "pressure_memory": (0.0, 0.1, 0.3, 100.0),
}


class Node:
    """A node with random samples around its own levels."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self._chance = chance
        self._levels = {measure: chance.gauss(middle, apart) for measure, (middle, apart, _, _) in NOISE.items()}

    def entry(self, resolution: Resolution) -> HistoryEntry:
        """Return an entry of one sample every ``SCRAPE_SECONDS``."""
        samples = resolution.seconds // SCRAPE_SECONDS
        return HistoryEntry(samples, tuple(self._summary(measure, samples) for measure in MEASURES))

    def _summary(self, measure: str, samples: int) -> Summary:
        noise, largest = NOISE[measure][2:]
        # Eight draws are enough for a realistic minimum and maximum.
        drawn = [self._chance.gauss(self._levels[measure], noise) for _ in range(min(samples, 8))]
        values = [round(min(largest, max(0.0, value)), MEASURES[measure]) for value in drawn]
        low, high = min(values), max(values)
        return low if low == high else (low, round(sum(values) / len(values), MEASURES[measure]), high)


def records(nodes: list[Node], resolutions: tuple[Resolution, ...], until_seconds: int) -> Iterator[HistoryRecord]:
    """Yield the whole history of the nodes at that time, and some older entries, in chronological order."""
    for resolution in resolutions:
        last = until_seconds // resolution.seconds
        for number in range(last - resolution.retention_seconds // resolution.seconds - TOO_OLD_ENTRIES, last):
            for node in nodes:
                yield HistoryRecord(
                    resolution, node.name, number * resolution.seconds, encode_entry(node.entry(resolution))
                )


def record(redis: Redis, coming: Iterator[HistoryRecord]) -> Iterator[float]:
    """Write the records like the collector; yield the seconds of each call, including transfer."""
    redis.hset(EPOCH_KEY, "epoch", str(EPOCH))
    while batch := list(islice(coming, BATCH_LENGTH)):
        arguments = record_history_call(EPOCH, batch)
        started = time.perf_counter()
        answer = record_history_reply(call(redis, RECORD_HISTORY, arguments))
        yield time.perf_counter() - started
        assert (answer.outcome, answer.processed, answer.refused) == ("recorded", len(batch), 0)


def main() -> int:
    """Fill a Valkey and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000, help="nodes")
    count: int = parser.parse_args().nodes
    chance = random.Random(1)  # noqa: S311 (noise, no secret)
    nodes = [Node(f"node{number:04d}.lan", chance) for number in range(count)]
    with Valkey() as valkey, valkey.client() as redis:
        redis.config_set("maxmemory", 0)
        before = redis.info("memory")
        redis.config_resetstat()
        durations = list(record(redis, records(nodes, RESOLUTIONS, int(time.time()))))
        after = redis.info("memory")
        stats = redis.info("commandstats")["cmdstat_fcall"]
        keys = list(redis.scan_iter(f"{HISTORY_KEYS}:*", count=1000))
        entries = sum(redis.xlen(key) for key in keys)
    used = after["used_memory"] - before["used_memory"]
    print(f"| {count} nodes × 7 days, {len(keys)} streams | |\n|---|---|")
    print(f"| `used_memory` before | {before['used_memory'] / 1e6:.1f} MB |")
    print(f"| `used_memory` after | {after['used_memory'] / 1e6:.1f} MB |")
    print(f"| resident after | {after['used_memory_rss'] / 1e6:.1f} MB |")
    print(f"| entries | {entries} |")
    print(f"| bytes per entry | {used / entries:.0f} |")
    print(f"| Redis busy with one call of {BATCH_LENGTH} entries, mean | {stats['usec_per_call'] / 1000:.2f} ms |")
    print(f"| duration of a call at the client, median | {1000 * median(durations):.2f} ms |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
