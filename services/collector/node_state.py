"""The state of one node, updated by each scrape."""

import math
import time
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from collector.measures import NO_MEASURES, Measures, derive
from collector.sample import FILESYSTEMS_LIMIT, Filesystem, Sample, ScrapeFailed, missing_figures
from collector.sentences.sentence import english
from collector.targets.entry import usable_name
from collector.targets.target import Target
from contract.messages import Coded, Node, NodeStatus, Timestamp
from runtime.clock import timestamp

#: Intervals for which a scrape counts as recent. A scrape is due every interval and takes one at most. After a longer
#: pause of this process, another collector may have newer data.
RECENT_INTERVALS: Final = 3
#: Seconds between two changes of a node's name. The pause doubles with each change, since each name has a history of
#: its own for a week.
RENAME_PAUSE_SECONDS: Final = 60.0
LONGEST_RENAME_PAUSE_SECONDS: Final = 3600.0
#: Scrapes in a row without the same collector of the exporter, after which the collector counts as hanging. A busy
#: machine may answer late once, and trials beside the scrapes request the collector again.
HANGING_SCRAPES: Final = 3
#: Longest gap between two scrapes from which rates are derived, in intervals.
LONGEST_GAP_INTERVALS: Final = 5


class WritableFilesystems:
    """The file systems of one node that a scrape found writable; above the limit, the last ones."""

    __slots__ = ("_mountpoints", "_previous")

    def __init__(self) -> None:
        #: Mount point by type and device.
        self._mountpoints: dict[str, str] = {}
        #: Type and device of the file systems of the last scrape that had any.
        self._previous: tuple[str, ...] = ()

    def mark(self, filesystems: Sequence[Filesystem]) -> tuple[Filesystem, ...]:
        """Return the file systems with ``was_writable`` set: writable now or at an earlier scrape.

        A file system that returns at another mount point after it was gone counts as new: a USB stick, a pod's volume.
        """
        for each in filesystems:
            previous = self._mountpoints.get(each.identity)
            is_new = previous not in (None, each.mountpoint) and each.identity not in self._previous
            if each.readonly is False or is_new:
                self._mountpoints.pop(each.identity, None)
            if each.readonly is False or (previous is not None and not is_new):
                self._mountpoints[each.identity] = each.mountpoint
        while len(self._mountpoints) > 2 * FILESYSTEMS_LIMIT:
            del self._mountpoints[next(iter(self._mountpoints))]
        if filesystems:
            self._previous = tuple(each.identity for each in filesystems)
        return tuple(
            replace(each, was_writable=False) if each.readonly and each.identity not in self._mountpoints else each
            for each in filesystems
        )


class NodeState:
    """One node. Until the first scrape, its status is ``unknown`` or the previous collector's published status."""

    __slots__ = (
        "_boot",
        "_interval_seconds",
        "_next_rename",
        "_previous_measures",
        "_rename_pause_seconds",
        "_restored",
        "_sample",
        "_scraped_at",
        "_scrapes_without_collector",
        "_writable",
        "error",
        "hanging_collector",
        "host_name",
        "measures",
        "missing_figures",
        "missing_reason",
        "status",
        "status_since",
        "target",
    )

    def __init__(self, target: Target, *, unix_seconds: float, interval_seconds: float) -> None:
        self.target = target
        self.status: NodeStatus = "unknown"
        self.status_since: Timestamp = timestamp(unix_seconds)
        #: Why the node is offline, if this process scraped it.
        self.error: Coded | None = None
        #: Measures of the last scrape of this process; ``None`` unless that scrape found the node online.
        self.measures: Measures | None = None
        #: The node's own host name, if it is usable as a name.
        self.host_name: str | None = None
        #: The main figures that an online node lacks, as ``missing_figures`` returns them; and why, if known.
        self.missing_figures = ""
        self.missing_reason: Coded | None = None
        #: The collector of the node's exporter that hangs.
        self.hanging_collector: str | None = None
        self._scrapes_without_collector = 0
        self._writable = WritableFilesystems()
        self._interval_seconds = interval_seconds
        self._scraped_at = -math.inf
        self._next_rename = -math.inf
        self._rename_pause_seconds = RENAME_PAUSE_SECONDS
        self._sample: Sample | None = None
        self._previous_measures: Measures | None = None
        self._restored: Node | None = None
        #: The last boot time in Unix seconds, and its timestamp: both stay the same for months.
        self._boot: tuple[float, Timestamp] = (math.nan, "")

    @property
    def is_recent(self) -> bool:
        """Whether this process scraped the node recently."""
        return time.monotonic() - self._scraped_at <= RECENT_INTERVALS * self._interval_seconds

    def update(self, result: Sample | ScrapeFailed, *, unix_seconds: float) -> bool:
        """Update the state from the result of a scrape; return whether the status changed."""
        self._scraped_at, self._restored = time.monotonic(), None
        status: NodeStatus
        if isinstance(result, ScrapeFailed):
            status, self.error, self.measures, self.missing_figures = "offline", result.why, None, ""
            self._scrapes_without_collector, self.hanging_collector = 0, None
        else:
            longest_gap = LONGEST_GAP_INTERVALS * self._interval_seconds
            measures = derive(result, self._sample, self._previous_measures, longest_gap_seconds=longest_gap)
            filesystems = self._writable.mark(measures.filesystems)
            if filesystems != measures.filesystems:
                measures = replace(measures, filesystems=filesystems)
            status, self.error, self.measures = "online", None, measures
            self._update_host_name(result.host_name)
            self._scrapes_without_collector = (
                0 if result.hung_collector is None else self._scrapes_without_collector + 1
            )
            self.hanging_collector = (
                result.hung_collector if self._scrapes_without_collector >= HANGING_SCRAPES else None
            )
            self._sample, self._previous_measures = result, measures
            self.missing_figures, self.missing_reason = missing_figures(result), result.missing_reason
        changed = status != self.status
        if changed:
            self.status, self.status_since = status, timestamp(unix_seconds)
        return changed

    def _update_host_name(self, reported: str | None) -> None:
        name = usable_name(reported)
        if name is None or name == self.host_name or self._scraped_at < self._next_rename:
            return
        if self.host_name is not None:
            self._next_rename = self._scraped_at + self._rename_pause_seconds
            self._rename_pause_seconds = min(2 * self._rename_pause_seconds, LONGEST_RENAME_PAUSE_SECONDS)
        self.host_name = name

    def restore(self, node: Node) -> None:
        """Continue from the node that the previous collector published: its status, and its values until a scrape."""
        if not self.is_recent:
            self.status, self.status_since, self.error, self._restored = node.status, node.status_since, None, node
        elif node.status == self.status:
            self.status_since = node.status_since

    def as_node(self) -> Node:
        """Return the node in the contract's form."""
        target, measures = self.target, self.measures or NO_MEASURES
        if self._restored is not None:
            return replace(
                self._restored, node=target.node, address=target.address, role=target.role, labels=target.labels
            )
        return Node(
            node=target.node,
            address=target.address,
            role=target.role,
            status=self.status,
            is_healthy=self.status == "online",
            status_since=self.status_since,
            error=None if self.error is None else english(self.error),
            boot_time=self._boot_time(measures.boot_unix_seconds),
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
            labels=target.labels,
        )

    def _boot_time(self, unix_seconds: float | None) -> Timestamp | None:
        if unix_seconds is None:
            return None
        if unix_seconds != self._boot[0]:
            self._boot = unix_seconds, timestamp(unix_seconds)
        return self._boot[1]
