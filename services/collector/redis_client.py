"""The collector's calls of Redis, each with a timeout."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError

from collector.installation_check import RedisStatus, VanishedReplicas, vanished_replicas
from contract.messages import LogId
from contract.names import (
    ALERT_LOG_KEY,
    ALERTS_CHANNEL,
    BACKUP_KEY,
    CUT_KEY,
    DISK_KEY,
    METRICS_CHANNEL,
    PRESENCE_TTL_SECONDS,
    VANISHED_KEY,
    VANISHED_LIMIT,
    VANISHED_SECONDS,
    latest_key,
)
from contract.scripts import (
    PUBLISH_ROUND,
    RECORD_HISTORY,
    RECORD_NODE_EVENTS,
    RELEASE_LEASE,
    TAKE_LEASE,
    HistoryRecord,
    Lease,
    LeaseReply,
    NodeEventBatch,
    Publication,
    PublishOutcome,
    RecordOutcome,
    RecordReply,
    publish_round_call,
    publish_round_reply,
    record_history_call,
    record_history_reply,
    record_node_events_call,
    record_node_events_reply,
    release_lease_call,
    take_lease_call,
    take_lease_reply,
)
from runtime.functions import call_async
from runtime.logs import RateLimitedLog
from runtime.redis_failures import RedisAway, translated

#: Timeouts in seconds: of connecting, of a reply, and of a whole call.
CONNECT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 1.5
CALL_SECONDS: Final = 2.5
#: Seconds without rules and incidents after Redis denied writing them.
REDUCED_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreviousState:
    """What the previous collector left in Redis: its encoded last messages, and the id of the newest log entry."""

    metrics: bytes | None
    alerts: bytes | None
    position: LogId | None


class RedisClient:
    """Connects at the first call, and at the next call after each failure."""

    def __init__(self, url: str) -> None:
        # No retries here: the caller knows whether it may repeat a call.
        self._redis = Redis.from_url(
            url,
            protocol=2,
            driver_info=None,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._reduced_until = -math.inf
        self._limited_log = RateLimitedLog(_log)

    async def take_lease(self, lease: Lease, last_epoch: int) -> LeaseReply:
        """Request the lease; ``last_epoch`` is this process's last epoch, 0 before its first one.

        Raises:
            RedisFailure: the call failed.
        """
        arguments = take_lease_call(lease, last_epoch)
        async with _time_limited():
            return take_lease_reply(await call_async(self._redis, TAKE_LEASE, arguments))

    async def publish(self, publication: Publication) -> PublishOutcome:
        """Publish a round.

        If the ACL of an earlier release denies the keys of rules and incidents, the round is published without them.

        Raises:
            RedisFailure: the call failed or Redis did not answer. In the latter case, the round may be published.
        """
        if time.monotonic() < self._reduced_until:
            publication = publication.without_optional_parts()
        async with _time_limited():
            try:
                return await self._publish(publication)
            except NoPermissionError as error:
                if " key" not in str(error):
                    raise
                self._limited_log.warning(
                    "permission", "published a round without rules and incidents; update the ACL of Redis: %s", error
                )
                self._reduced_until = time.monotonic() + REDUCED_SECONDS
                return await self._publish(publication.without_optional_parts())

    async def _publish(self, publication: Publication) -> PublishOutcome:
        arguments = publish_round_call(publication)
        return publish_round_reply(await call_async(self._redis, PUBLISH_ROUND, arguments))

    async def record(self, epoch: int, records: Sequence[HistoryRecord], within_seconds: float) -> RecordReply:
        """Record entries of the metric history.

        Raises:
            RedisAway: Redis did not answer in time. Any of the entries may be recorded.
            RedisRefused: Redis refused the call.
        """
        arguments = record_history_call(epoch, records)
        async with _time_limited(within_seconds):
            return record_history_reply(await call_async(self._redis, RECORD_HISTORY, arguments))

    async def record_node_events(self, epoch: int, batch: NodeEventBatch, within_seconds: float) -> RecordOutcome:
        """Record node events.

        Raises:
            RedisAway: Redis did not answer in time. The events may be recorded.
            RedisRefused: Redis refused the call.
        """
        arguments = record_node_events_call(epoch, batch)
        async with _time_limited(within_seconds):
            return record_node_events_reply(await call_async(self._redis, RECORD_NODE_EVENTS, arguments))

    async def release_lease(self, lease: Lease, within_seconds: float = CALL_SECONDS) -> None:
        """Release the lease.

        Raises:
            RedisFailure: the call failed.
        """
        arguments = release_lease_call(lease)
        async with _time_limited(within_seconds):
            await call_async(self._redis, RELEASE_LEASE, arguments)

    async def read_previous_state(self) -> PreviousState:
        """Read the previous collector's state.

        Raises:
            RedisFailure: the call failed.
        """
        async with _time_limited():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(latest_key(METRICS_CHANNEL))
            pipeline.get(latest_key(ALERTS_CHANNEL))
            pipeline.xrevrange(ALERT_LOG_KEY, count=1)
            answers: list[Any] = await pipeline.execute()
        metrics, alerts, newest = answers
        return PreviousState(metrics, alerts, newest[0][0].decode() if newest else None)

    async def read_status(self) -> RedisStatus:
        """Read Redis's own figures, and the time of the last backup.

        Raises:
            RedisFailure: Redis did not answer.
        """
        async with _time_limited():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.info("memory")
            pipeline.info("persistence")
            pipeline.get(BACKUP_KEY)
            pipeline.get(CUT_KEY)
            pipeline.get(DISK_KEY)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        is_forbidden = any(isinstance(answer, NoPermissionError) for answer in answers)
        memory, persistence, backup, cut, disk = answers
        info = {**memory, **persistence} if isinstance(memory, dict) and isinstance(persistence, dict) else None
        return RedisStatus(
            info,
            _unix_seconds(backup),
            _counts(cut, "bytes"),
            _counts(disk, "free_bytes", "needed_bytes"),
            is_forbidden,
        )

    async def read_vanished_replicas(self) -> VanishedReplicas:
        """Read the replicas that disappeared without shutting down.

        Raises:
            RedisFailure: Redis did not answer.
        """
        async with _time_limited():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.info("server")
            pipeline.zrange(VANISHED_KEY, 0, VANISHED_LIMIT - 1, withscores=True)
            server, marks = await pipeline.execute(raise_on_error=False)
        if not isinstance(server, dict) or not isinstance(marks, list):
            return VanishedReplicas(
                is_forbidden=any(isinstance(answer, NoPermissionError) for answer in (server, marks))
            )
        now = server["server_time_usec"] / 1_000_000
        started = now - server["uptime_in_seconds"]
        return VanishedReplicas(vanished_replicas(marks, started, now, PRESENCE_TTL_SECONDS, VANISHED_SECONDS))

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()


def _unix_seconds(answer: Any) -> float | None:
    try:
        return float(answer) if isinstance(answer, bytes) else None
    except ValueError:
        return None


def _counts(answer: Any, *names: str) -> tuple[int, ...] | None:
    """Return the named counts of a JSON object; ``None`` if any of them is missing or invalid."""
    try:
        counts = msgspec.json.decode(answer, type=dict[str, Any]) if isinstance(answer, bytes) else {}
        found = tuple(counts[name] for name in names)
    except (msgspec.MsgspecError, KeyError):
        return None
    return found if all(type(count) is int and count >= 0 for count in found) else None


@asynccontextmanager
async def _time_limited(seconds: float = CALL_SECONDS) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(min(seconds, CALL_SECONDS)):
            with translated():
                yield
    except TimeoutError:
        raise RedisAway("no answer in time") from None
