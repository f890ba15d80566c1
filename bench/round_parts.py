"""The parts of a replica's work for a round, timed in the release whose folders are in ``PYTHONPATH``.

``python -P bench/round_parts.py BEFORE AFTER``: two files with consecutive snapshots. Prints a JSON object: the median
CPU time of each part in ms, and the bytes of the frames.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from contract.codec import encode, prepare_types
from contract.delta import compute_delta
from contract.events import CLUSTER_METRICS, CLUSTER_METRICS_DELTA, MONITORING_NAMESPACE
from contract.messages import Snapshot
from contract.names import METRICS_CHANNEL
from contract.raw_json import has_unknown_fields
from ws.event import Event
from ws.state import receive

try:
    from ws.allocator import keep_freed_memory
except ImportError:  # in releases before 0.7

    def keep_freed_memory() -> None:
        """Do nothing, like these releases."""


#: Rounds before the measurement, in which the allocator takes its memory from the kernel, and measured rounds.
WARM_UP, ROUNDS = 5, 20


def snapshot_of(raw: bytes) -> Snapshot:
    """Return the snapshot that a replica keeps as state."""
    message = receive(METRICS_CHANNEL, raw).message
    assert isinstance(message, Snapshot)
    return message


def main() -> int:
    """Time the parts and print them."""
    before, after = (Path(name).read_bytes() for name in sys.argv[1:])
    keep_freed_memory()
    prepare_types()
    old, new = snapshot_of(before), snapshot_of(after)
    delta = compute_delta(old, new)
    assert delta is not None
    encoded = encode(delta)

    def frames() -> tuple[bytes, bytes]:
        whole = Event(MONITORING_NAMESPACE, CLUSTER_METRICS, after)
        changes = Event(MONITORING_NAMESPACE, CLUSTER_METRICS_DELTA, encoded)
        return whole.compressed, changes.compressed

    parts: dict[str, Callable[[], object]] = {
        "check and decode": lambda: receive(METRICS_CHANNEL, after),
        "compare": lambda: (has_unknown_fields(after), compute_delta(old, new)),
        "encode": lambda: encode(delta),
        "deflate": frames,
    }
    whole, changes = map(len, frames())
    times: dict[str, list[float]] = {name: [] for name in parts}
    #: The results of a round stay in memory until those of the next round replace them, as in a replica.
    kept: dict[str, object] = {}
    for _ in range(WARM_UP + ROUNDS):
        for name, part in parts.items():
            begin = time.thread_time()
            kept[name] = part()
            times[name].append(1000 * (time.thread_time() - begin))
    medians = {name: statistics.median(measured[WARM_UP:]) for name, measured in times.items()}
    print(json.dumps({"parts": medians, "whole_bytes": whole, "delta_bytes": changes}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
