"""Check Redis, its disk, the last backup, the replicas and the certificate, for ``/metrics`` and health."""

import asyncio
import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from collector.certificate import certificate_expiry
from collector.metrics import CERTIFICATE_END, LAST_BACKUP, REDIS_MEMORY_LIMIT, REDIS_MEMORY_USED, REDIS_PERSISTENCE
from collector.redis_disk import RedisDisk, disk_issue
from collector.sentences.issues import data_cut, persistence_failing, persistence_off, replica_vanished
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.logs import RateLimitedLog
from runtime.quoting import error_text, path_text
from runtime.redis_failures import RedisFailure

#: Seconds between two checks.
CHECK_SECONDS: Final = 10.0
#: Seconds until a check that the ACL of Redis denied is repeated: each denial is an entry of ``ACL LOG``.
FORBIDDEN_SECONDS: Final = 600.0
#: Folder of the data in the container of Redis.
CONTAINER_FOLDER: Final = "/store"
#: Longest time between two saves of a Redis without an append-only file, in seconds. Our configuration saves every
#: 15 minutes.
SNAPSHOT_SECONDS: Final = 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RedisStatus:
    """Redis's own figures and marks; unknown fields are ``None``."""

    #: Fields of the sections memory and persistence of INFO.
    info: Mapping[str, Any] | None = None
    #: Unix seconds of the last backup.
    backup: float | None = None
    #: Number of bytes that were cut from the end of the append-only file within a day.
    cut: tuple[int, ...] | None = None
    #: Free and needed bytes of a disk that is nearly full.
    disk: tuple[int, ...] | None = None
    #: Whether the ACL denied a part of the status.
    is_forbidden: bool = False


@dataclass(frozen=True)
class VanishedReplicas:
    """Replicas that disappeared without shutting down."""

    names: frozenset[str] = frozenset()
    #: Whether the ACL denied reading them.
    is_forbidden: bool = False


class RedisStatusReader(Protocol):
    """Reads the status of Redis."""

    async def read_status(self) -> RedisStatus:
        """Read Redis's own figures, and the time of the last backup.

        Raises:
            RedisFailure: Redis did not answer.
        """
        ...

    async def read_vanished_replicas(self) -> VanishedReplicas:
        """Read the replicas that disappeared without shutting down.

        Raises:
            RedisFailure: Redis did not answer.
        """
        ...


class InstallationCheck:
    """Checks the installation every ``CHECK_SECONDS``.

    ``certificate``: file of the gateway's certificate, if there is one. ``disk``: the disk of Redis, if it is known.
    """

    def __init__(self, redis: RedisStatusReader, certificate: Path | None, disk: RedisDisk | None = None) -> None:
        self._redis = redis
        self._certificate = certificate
        self._disk = disk
        self._saving_issue: Coded | None = None
        self._vanished: frozenset[str] = frozenset()
        self._vanished_before: frozenset[str] = frozenset()
        self._next_replica_check = float("-inf")
        self._notes: list[Coded] = []
        self._disk_issues: list[Coded] = []
        self._had_aof = False
        self._next_redis_check = float("-inf")
        self._limited_log = RateLimitedLog(_log)

    @property
    def degradations(self) -> list[Coded]:
        """Degradations found by the last check. Unknown figures are no degradation."""
        found = [None if self._disk is None else self._disk.issue, self._saving_issue]
        # A replica that lost its connection for a moment is present again at the next check.
        count = len(self._vanished & self._vanished_before)
        return [*filter(None, found), *self._disk_issues, *([replica_vanished(count)] if count else [])]

    @property
    def notes(self) -> list[Coded]:
        """Issues of the last day that are no degradation now."""
        return self._notes

    async def run(self) -> None:
        """Check repeatedly, without end."""
        while True:
            try:
                await self.check()
            except Exception:
                self._limited_log.warning("check", "a check of the installation failed: %s", traceback.format_exc())
            await asyncio.sleep(CHECK_SECONDS)

    async def check(self) -> None:
        """Check once."""
        if time.monotonic() >= self._next_redis_check:
            await self._check_redis()
        if time.monotonic() >= self._next_replica_check:
            await self._check_replicas()
        if self._disk is not None:
            await self._disk.check()
        if self._certificate is not None:
            CERTIFICATE_END.value = await run_in_daemon_thread(self._certificate_end, "read a certificate")

    async def _check_redis(self) -> None:
        try:
            status = await self._redis.read_status()
        except RedisFailure:
            status = RedisStatus()
        if status.is_forbidden:
            self._next_redis_check = time.monotonic() + FORBIDDEN_SECONDS
            _log.info("the ACL of Redis denies the collector some figures; /metrics omits them")
        info = status.info or {}
        self._had_aof |= info.get("aof_enabled") == 1
        REDIS_MEMORY_USED.value = info.get("used_memory")
        REDIS_MEMORY_LIMIT.value = info.get("maxmemory") or None
        is_safe = is_saving(info, time.time(), had_aof=self._had_aof)
        REDIS_PERSISTENCE.value = is_safe
        self._saving_issue = why_not_saving(info) if is_safe is False else None
        LAST_BACKUP.value = status.backup
        self._notes = [data_cut(*status.cut)] if status.cut else []
        self._disk_issues = [disk_issue(CONTAINER_FOLDER, *status.disk)] if status.disk else []

    async def _check_replicas(self) -> None:
        try:
            vanished = await self._redis.read_vanished_replicas()
        except RedisFailure:
            vanished = VanishedReplicas()
        if vanished.is_forbidden:
            self._next_replica_check = time.monotonic() + FORBIDDEN_SECONDS
        self._vanished_before, self._vanished = self._vanished, vanished.names

    def _certificate_end(self) -> float | None:
        assert self._certificate is not None
        try:
            return certificate_expiry(self._certificate)
        except (OSError, ValueError) as error:
            text = "COLLECTOR_CERTIFICATE_FILE=%s cannot be used: %s"
            self._limited_log.warning("certificate", text, path_text(self._certificate), error_text(error))
            return None


def is_saving(info: Mapping[str, Any], now: float, *, had_aof: bool) -> bool | None:
    """Whether Redis saves its data, by the fields of INFO; ``None`` if that is unknown.

    ``now`` is in Unix seconds; ``had_aof``: an earlier check found an append-only file.
    """
    if "aof_enabled" not in info or info.get("loading"):
        return None
    if info["aof_enabled"]:
        return bool(info.get("aof_last_write_status") == "ok")
    if had_aof or info.get("rdb_last_bgsave_status") != "ok":
        return False
    is_recent = now - float(info.get("rdb_last_save_time", 0)) < SNAPSHOT_SECONDS
    return is_recent or info.get("rdb_changes_since_last_save") == 0


def why_not_saving(info: Mapping[str, Any]) -> Coded:
    """Return why Redis does not save its data, by the fields of INFO."""
    fails = info["aof_enabled"] or info.get("rdb_last_bgsave_status") != "ok"
    return persistence_failing() if fails else persistence_off()


def vanished_replicas(
    marks: Sequence[tuple[bytes, float]], started: float, now: float, presence_seconds: float, retention_seconds: float
) -> frozenset[str]:
    """Return the replicas of ``marks`` that disappeared while Redis ran.

    ``marks`` have names and Unix milliseconds; ``started`` and ``now`` are in Unix seconds. A mark of a time when Redis
    was away, or soon after, does not count, since that replica may have shut down meanwhile.
    """
    since = max(now - retention_seconds, started + presence_seconds)
    return frozenset(name.decode(errors="replace") for name, ms in marks if since < ms / 1000 <= now)
