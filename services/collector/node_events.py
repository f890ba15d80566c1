"""Find the times at which nodes go offline, come online or boot, and record them after each round."""

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.measures import BOOT_STEP_SECONDS
from collector.redis_client import RedisClient
from contract.codec import encode
from contract.messages import Epoch, Node, NodeStatus, Snapshot, Timestamp
from contract.node_events import NodeEvent
from contract.scripts import NodeEventBatch
from runtime.clock import timestamp, unix_seconds
from runtime.logs import RateLimitedLog
from runtime.redis_failures import FunctionsMissing, RedisAway, RedisRefused

_log = logging.getLogger(__name__)
#: Most events that wait for Redis, about 2 MB.
QUEUE_LENGTH: Final = 10_000
#: Events in one call, which occupies Redis for about a millisecond.
BATCH_LENGTH: Final = 250
#: Seconds without a call after Redis refused one.
REFUSED_SECONDS: Final = 60.0
#: Seconds by which the uptime must have gone back at a boot. The clocks of node and collector are less exact.
LEAST_UPTIME_STEP_SECONDS: Final = 30.0


class _Boot(NamedTuple):
    """A node's boot: the published text, Unix time by the node's clock, and time on this process's monotonic clock."""

    published: Timestamp
    unix_seconds: float
    #: ``None`` if the offset of the node's clock is unknown.
    monotonic_seconds: float | None


class _KnownNode(NamedTuple):
    """The last known state of a node; its status is never ``unknown``."""

    status: NodeStatus | None
    boot: _Boot | None


class NodeEventDetector:
    """Compares each round with the one before. The first known status or boot of a node is no event."""

    def __init__(self) -> None:
        self._nodes: dict[str, _KnownNode] = {}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from the previous collector's last snapshot."""
        self._nodes = {
            node.node: _KnownNode(None if node.status == "unknown" else node.status, _restored_boot(node))
            for node in snapshot.nodes
        }

    def forget(self) -> None:
        """Forget all nodes, because another collector leads."""
        self._nodes = {}

    def add(self, nodes: Sequence[Node], observations: Sequence[ObservedNode], now: CurrentTime) -> list[NodeEvent]:
        """Return the events of a round. Nodes that are not in the round are forgotten."""
        offsets: Mapping[str, float] | None = None
        events: list[NodeEvent] = []
        known_nodes: dict[str, _KnownNode] = {}
        for node in nodes:
            known = self._nodes.get(node.node, _KnownNode(None, None))
            if node.status not in ("unknown", known.status):
                if known.status is not None and node.status != "unknown":
                    events.append(NodeEvent(node=node.node, at=node.status_since, kind=node.status))
                known = known._replace(status=node.status)
            if node.boot_time is not None and not _is_measured(known.boot, node.boot_time):
                if offsets is None:
                    offsets = _clock_offsets(observations)
                boot = _boot(node, offsets.get(node.node), now)
                if known.boot is not None and _is_reboot(known.boot, boot):
                    events.append(NodeEvent(node=node.node, at=_booted_at(boot, now), kind="reboot"))
                known = known._replace(boot=boot)
            known_nodes[node.node] = known
        self._nodes = known_nodes
        return events


def _restored_boot(node: Node) -> _Boot | None:
    try:
        return None if node.boot_time is None else _boot(node)
    except ValueError:
        return None


def _is_measured(boot: _Boot | None, published: Timestamp) -> bool:
    return boot is not None and boot.published == published and boot.monotonic_seconds is not None


def _clock_offsets(observations: Sequence[ObservedNode]) -> dict[str, float]:
    """Return the seconds by which each node's clock is ahead, where known."""
    return {
        each.node: each.measures.clock_offset_seconds
        for each in observations
        if each.measures is not None and each.measures.clock_offset_seconds is not None
    }


def _boot(node: Node, offset_seconds: float | None = None, now: CurrentTime | None = None) -> _Boot:
    assert node.boot_time is not None
    unix = unix_seconds(node.boot_time)
    if offset_seconds is None or now is None:
        return _Boot(node.boot_time, unix, None)
    uptime = now.unix_seconds + offset_seconds - unix
    return _Boot(node.boot_time, unix, now.monotonic_seconds - uptime)


def _is_reboot(before: _Boot, after: _Boot) -> bool:
    """Return whether the node booted in between.

    A clock that was set changes the boot time, too, but not the uptime: the clock of a machine without a battery, for
    instance, which NTP sets some time after the boot.
    """
    if abs(after.unix_seconds - before.unix_seconds) <= BOOT_STEP_SECONDS:
        return False
    if before.monotonic_seconds is None or after.monotonic_seconds is None:
        return True
    return after.monotonic_seconds - before.monotonic_seconds > LEAST_UPTIME_STEP_SECONDS


def _booted_at(boot: _Boot, now: CurrentTime) -> Timestamp:
    """Return the time of the boot by this machine's clock."""
    unix = boot.unix_seconds
    if boot.monotonic_seconds is not None:
        unix = now.unix_seconds - (now.monotonic_seconds - boot.monotonic_seconds)
    return timestamp(min(unix, now.unix_seconds))


class _QueuedEvent(NamedTuple):
    raw: bytes
    #: Time of the round that found the event.
    found: Timestamp


class NodeEventRecorder:
    """Queues the events of the rounds, and writes them to Redis once."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._detector = NodeEventDetector()
        self._queue: deque[_QueuedEvent] = deque(maxlen=QUEUE_LENGTH)
        #: Events lost from the full queue since the start.
        self.lost = 0
        #: Number of the last event before the queue.
        self._before = 0
        #: Epoch whose collector saw the events before the queue; 0 if unknown, or if some of those events are lost.
        self._continues: Epoch = 0
        #: Epoch in which a call succeeded.
        self._epoch: Epoch | None = None
        self._last_round: Timestamp = ""
        self._resume_at = -float("inf")
        self._limited_log = RateLimitedLog(_log)

    def __len__(self) -> int:
        """Return the number of queued events."""
        return len(self._queue)

    def take_over(self, snapshot: Snapshot | None) -> None:
        """Continue from the previous collector's last snapshot."""
        self.forget()
        if snapshot is not None:
            self._detector.restore(snapshot)
            self._continues = snapshot.epoch

    def forget(self) -> None:
        """Drop all events, because another collector has taken over."""
        self._detector.forget()
        self._queue.clear()
        self._before, self._continues, self._epoch = 0, 0, None

    def add(self, snapshot: Snapshot, observations: Sequence[ObservedNode], now: CurrentTime) -> None:
        """Add a round, published or not."""
        self._last_round = timestamp(now.unix_seconds)
        for event in self._detector.add(snapshot.nodes, observations, now):
            if len(self._queue) == QUEUE_LENGTH:
                self.lost += 1
                self._before += 1
                self._continues = 0
            self._queue.append(_QueuedEvent(encode(event), self._last_round))

    async def write(self, epoch: Epoch, deadline: float, within_seconds: float) -> int:
        """Write queued events until the monotonic time ``deadline``; return the number of written ones.

        The first call of an epoch is made without events, too: readers learn since when events are recorded.
        """
        written = 0
        while self._queue or self._epoch != epoch:
            if not self._resume_at <= time.monotonic() < deadline:
                break
            batch = list(islice(self._queue, BATCH_LENGTH))
            since = batch[0].found if batch else self._last_round
            events = [each.raw for each in batch]
            try:
                outcome = await self._redis.record_node_events(
                    epoch, NodeEventBatch(self._before, self._continues, since, events), within_seconds
                )
            except (RedisAway, FunctionsMissing) as error:
                self._limited_log.warning("away", "node events are queued until Redis answers: %s", error)
                break
            except RedisRefused as error:
                self._limited_log.warning("refused", "Redis refuses node events: %s%s", error, _remedy(error))
                self._resume_at = time.monotonic() + REFUSED_SECONDS
                break
            if outcome == "fenced":
                self.forget()
            if outcome != "recorded":
                break
            for _ in batch:
                self._queue.popleft()
            self._before += len(batch)
            self._continues = self._epoch = epoch
            written += len(batch)
        return written


def _remedy(error: RedisRefused) -> str:
    return ". Update the ACL of Redis" if "permission" in str(error) else ""
