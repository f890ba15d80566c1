"""What is known of one node, from one scrape to the next."""

import math
import time
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from collector.measures import NO_MEASURES, Measures, derive
from collector.sample import FILESYSTEMS_LIMIT, Filesystem, Sample, ScrapeFailed, missing_figures
from collector.targets.entry import usable_name
from collector.targets.target import Target
from collector.texts.sentence import english
from contract.messages import Coded, Node, NodeStatus, Timestamp
from runtime.clock import timestamp

#: Intervals for which a scrape counts: one is due every interval, and takes one at most. Whoever was paused for longer
#: may be after another collector that has meanwhile seen more.
SEEN_INTERVALS: Final = 3
#: Seconds for which a node that has called itself otherwise keeps that name. The time doubles with each change, since
#: every name has a history of its own, for a week.
RENAME_PAUSE_SECONDS: Final = 60.0
LONGEST_RENAME_PAUSE_SECONDS: Final = 3600.0
#: Scrapes in a row without a collector of the exporter, from which on it counts as hanging: a busy machine's answer may
#: be late once, and what was left out is tried again beside the scrapes.
HANGING_SCRAPES: Final = 3
#: Intervals that two scrapes may be apart for rates to be derived from them.
LONGEST_GAP_INTERVALS: Final = 5


class WritableFilesystems:
    """The file systems of one node that could once be written, the last ones if there are very many."""

    def __init__(self) -> None:
        #: Mount point by type and device.
        self._mountpoints: dict[str, str] = {}
        #: Type and device of those of the last scrape that told of some.
        self._before: frozenset[str] = frozenset()

    def marked(self, filesystems: Sequence[Filesystem]) -> tuple[Filesystem, ...]:
        """Return the same file systems, each with whether it could be written now or at any scrape before.

        What comes back elsewhere after it was gone is another one, or is mounted to be read: a stick, a pod's volume.
        """
        for each in filesystems:
            former = self._mountpoints.get(each.identity)
            is_other = former not in (None, each.mountpoint) and each.identity not in self._before
            if each.readonly is False or is_other:
                self._mountpoints.pop(each.identity, None)
            if each.readonly is False or (former is not None and not is_other):
                self._mountpoints[each.identity] = each.mountpoint
        while len(self._mountpoints) > 2 * FILESYSTEMS_LIMIT:
            del self._mountpoints[next(iter(self._mountpoints))]
        if filesystems:
            self._before = frozenset(each.identity for each in filesystems)
        return tuple(
            replace(each, was_writable=False) if each.readonly and each.identity not in self._mountpoints else each
            for each in filesystems
        )


class NodeState:
    """One node. Until its first scrape it is ``unknown``, or what a former collector last published of it."""

    def __init__(self, target: Target, *, unix_seconds: float, interval_seconds: float) -> None:
        self.target = target
        self.status: NodeStatus = "unknown"
        self.status_since: Timestamp = timestamp(unix_seconds)
        #: Why the node is offline, as far as this process has seen it.
        self.error: Coded | None = None
        #: ``None`` unless this process found the node online at its last scrape.
        self.measures: Measures | None = None
        #: What the node last called itself, where that can be a name.
        self.host_name: str | None = None
        #: What an online node does not tell of its main figures, as ``missing_figures`` says it; and why, if known.
        self.missing_figures = ""
        self.missing_reason: Coded | None = None
        #: The collector of its exporter that hangs.
        self.hanging_collector: str | None = None
        self._scrapes_without = 0
        self._seen_writable = WritableFilesystems()
        self._interval_seconds = interval_seconds
        self._seen_at = -math.inf
        self._rename_from = -math.inf
        self._rename_pause_seconds = RENAME_PAUSE_SECONDS
        self._sample: Sample | None = None
        self._former: Measures | None = None
        self._restored: Node | None = None

    @property
    def is_seen(self) -> bool:
        """Whether this process has scraped the node, and so lately that what it told still counts."""
        return time.monotonic() - self._seen_at <= SEEN_INTERVALS * self._interval_seconds

    def take(self, result: Sample | ScrapeFailed, *, unix_seconds: float) -> bool:
        """Take the result of a scrape; return whether the status changed."""
        self._seen_at, self._restored = time.monotonic(), None
        status: NodeStatus
        if isinstance(result, ScrapeFailed):
            status, self.error, self.measures, self.missing_figures = "offline", result.why, None, ""
            self._scrapes_without, self.hanging_collector = 0, None
        else:
            longest_gap = LONGEST_GAP_INTERVALS * self._interval_seconds
            measures = derive(result, self._sample, self._former, longest_gap_seconds=longest_gap)
            filesystems = self._seen_writable.marked(measures.filesystems)
            if filesystems != measures.filesystems:
                measures = replace(measures, filesystems=filesystems)
            status, self.error, self.measures = "online", None, measures
            self._take_host_name(result.host_name)
            self._scrapes_without = 0 if result.hung_collector is None else self._scrapes_without + 1
            self.hanging_collector = result.hung_collector if self._scrapes_without >= HANGING_SCRAPES else None
            self._sample, self._former = result, measures
            self.missing_figures, self.missing_reason = missing_figures(result), result.missing_reason
        changed = status != self.status
        if changed:
            self.status, self.status_since = status, timestamp(unix_seconds)
        return changed

    def _take_host_name(self, told: str | None) -> None:
        name = usable_name(told)
        if name is None or name == self.host_name or self._seen_at < self._rename_from:
            return
        if self.host_name is not None:
            self._rename_from = self._seen_at + self._rename_pause_seconds
            self._rename_pause_seconds = min(2 * self._rename_pause_seconds, LONGEST_RENAME_PAUSE_SECONDS)
        self.host_name = name

    def restore(self, node: Node) -> None:
        """Go on from what the collector before published: its status and since when, and its values until a scrape."""
        if not self.is_seen:
            self.status, self.status_since, self.error, self._restored = node.status, node.status_since, None, node
        elif node.status == self.status:
            self.status_since = node.status_since

    def as_node(self) -> Node:
        """The node as the contract writes it."""
        target, measures = self.target, self.measures or NO_MEASURES
        if self._restored is not None:
            return replace(self._restored, node=target.node, address=target.address, role=target.role)
        boot = measures.boot_unix_seconds
        return Node(
            node=target.node,
            address=target.address,
            role=target.role,
            status=self.status,
            is_healthy=self.status == "online",
            status_since=self.status_since,
            error=None if self.error is None else english(self.error),
            boot_time=None if boot is None else timestamp(boot),
            cpu_usage=measures.cpu_usage,
            cpu_count=measures.cpu_count,
            load1=measures.load1,
            memory_usage=measures.memory_usage,
            memory_total_bytes=measures.memory_total_bytes,
            disk_usage=measures.disk_usage,
            disk_total_bytes=measures.disk_total_bytes,
            temperature=measures.temperature,
            network_receive_bytes_per_second=measures.network_receive_bytes_per_second,
            network_transmit_bytes_per_second=measures.network_transmit_bytes_per_second,
            disk_read_bytes_per_second=measures.disk_read_bytes_per_second,
            disk_written_bytes_per_second=measures.disk_written_bytes_per_second,
            iowait=measures.iowait,
            swap_usage=measures.swap_usage,
            pressure_io=measures.pressure_io,
            pressure_memory=measures.pressure_memory,
            error_coded=self.error,
        )
