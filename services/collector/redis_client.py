"""The collector's few calls of Redis, each bounded in time."""

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
    RELEASE_LEASE,
    TAKE_LEASE,
    HistoryRecord,
    Lease,
    LeaseReply,
    Publication,
    PublishOutcome,
    RecordReply,
    publish_round_call,
    publish_round_reply,
    record_history_call,
    record_history_reply,
    release_lease_call,
    take_lease_call,
    take_lease_reply,
)
from runtime.functions import call_async
from runtime.logs import RateLimitedLog
from runtime.redis_failures import RedisAway, translated

#: Seconds until a connection must stand, until an answer must come, and for a call with all it takes.
CONNECT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 1.5
CALL_SECONDS: Final = 2.5
#: Seconds for which nothing is written again that Redis does not let this user write.
BARE_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreviousState:
    """What the collector before left: its last messages as bytes, and the id of the newest log entry."""

    metrics: bytes | None
    alerts: bytes | None
    position: LogId | None


class RedisClient:
    """Connects at the first call, and again at the next one after each failure."""

    def __init__(self, url: str) -> None:
        # Repeating a call is for the caller, who knows what a second one does.
        self._redis = Redis.from_url(
            url,
            protocol=2,
            driver_info=None,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._bare_until = -math.inf
        self._occasionally = RateLimitedLog(_log)

    async def take_lease(self, lease: Lease, last_epoch: int) -> LeaseReply:
        """Ask for the lease; ``last_epoch`` is the last one this process held, 0 for none.

        Raises:
            RedisFailure: Redis did not do it.
        """
        arguments = take_lease_call(lease, last_epoch)
        async with _bounded():
            return take_lease_reply(await call_async(self._redis, TAKE_LEASE, arguments))

    async def publish(self, publication: Publication) -> PublishOutcome:
        """Publish a round.

        Where the Redis user's rules are those of a release that had no such keys, the round goes without what they
        keep: live data does not wait for them.

        Raises:
            RedisFailure: Redis did not do it, or did not answer; the round may be published then.
        """
        if time.monotonic() < self._bare_until:
            publication = publication.bare()
        async with _bounded():
            try:
                return await self._publish(publication)
            except NoPermissionError as error:
                if " key" not in str(error):
                    raise
                self._occasionally.warning(
                    "permission", "a round is published without rules and incidents; update the ACL of Redis: %s", error
                )
                self._bare_until = time.monotonic() + BARE_SECONDS
                return await self._publish(publication.bare())

    async def _publish(self, publication: Publication) -> PublishOutcome:
        arguments = publish_round_call(publication)
        return publish_round_reply(await call_async(self._redis, PUBLISH_ROUND, arguments))

    async def record(self, epoch: int, records: Sequence[HistoryRecord], within_seconds: float) -> RecordReply:
        """Record entries of the metric history.

        Raises:
            RedisAway: no answer within that time; any of them may be recorded or not.
            RedisRefused: Redis does not take them.
        """
        arguments = record_history_call(epoch, records)
        async with _bounded(within_seconds):
            return record_history_reply(await call_async(self._redis, RECORD_HISTORY, arguments))

    async def release_lease(self, lease: Lease) -> None:
        """Give the lease back.

        Raises:
            RedisFailure: Redis did not do it.
        """
        arguments = release_lease_call(lease)
        async with _bounded():
            await call_async(self._redis, RELEASE_LEASE, arguments)

    async def read_previous_state(self) -> PreviousState:
        """Read what the collector before left.

        Raises:
            RedisFailure: Redis did not do it.
        """
        async with _bounded():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(latest_key(METRICS_CHANNEL))
            pipeline.get(latest_key(ALERTS_CHANNEL))
            pipeline.xrevrange(ALERT_LOG_KEY, count=1)
            answers: list[Any] = await pipeline.execute()
        metrics, alerts, newest = answers
        return PreviousState(metrics, alerts, newest[0][0].decode() if newest else None)

    async def figures(self) -> RedisStatus:
        """Ask what Redis says of itself, and when it was last backed up.

        Raises:
            RedisFailure: Redis did not answer.
        """
        async with _bounded():
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

    async def vanished(self) -> VanishedReplicas:
        """Ask for the replicas that are gone though they did not end.

        Raises:
            RedisFailure: Redis did not answer.
        """
        async with _bounded():
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
    """The counts of a JSON object by these names; ``None``: they are not known."""
    try:
        counts = msgspec.json.decode(answer, type=dict[str, Any]) if isinstance(answer, bytes) else {}
        found = tuple(counts[name] for name in names)
    except (msgspec.MsgspecError, KeyError):
        return None
    return found if all(type(count) is int and count >= 0 for count in found) else None


@asynccontextmanager
async def _bounded(seconds: float = CALL_SECONDS) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(min(seconds, CALL_SECONDS)):
            with translated():
                yield
    except TimeoutError:
        raise RedisAway("no answer in time") from None
