"""What ``/metrics`` tells of Redis' own figures, the last backup, and the certificate; absent where it is not known."""

import asyncio
import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from collector.certificate import certificate_end
from collector.metrics import CERTIFICATE_END, LAST_BACKUP, REDIS_MEMORY_LIMIT, REDIS_MEMORY_USED, REDIS_PERSISTENCE
from collector.redis_disk import RedisDisk, why_full
from collector.texts.issues import data_cut, persistence_failing, persistence_off, replica_vanished
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.logs import RateLimitedLog
from runtime.quoting import error_text, path_text
from runtime.redis_failures import RedisFailure

#: Seconds between two looks.
LOOK_SECONDS: Final = 10.0
#: Seconds without a look at Redis after one that its user has no right to: each is an entry of ``ACL LOG``.
FORBIDDEN_SECONDS: Final = 600.0
#: What the container of Redis calls its data's folder.
SHOWN_DISK: Final = "/store"
#: Seconds that a Redis with snapshots alone may take between two of them; ours takes one in a quarter of an hour.
SNAPSHOT_SECONDS: Final = 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RedisStatus:
    """What Redis says of itself."""

    #: Fields of the sections memory and persistence of INFO; ``None``: they are not known.
    info: Mapping[str, Any] | None = None
    #: Unix seconds of the last backup; ``None``: it is not known.
    backup: float | None = None
    #: Of the bytes that were cut from the end of its file within a day: how many; ``None``: none were.
    cut: tuple[int, ...] | None = None
    #: Of a disk that is nearly full: the bytes that are free, and that are needed.
    disk: tuple[int, ...] | None = None
    #: Whether the user may not ask for some of it.
    is_forbidden: bool = False


@dataclass(frozen=True)
class VanishedReplicas:
    """The replicas that are gone though they did not end, as far as it is known."""

    names: frozenset[str] = frozenset()
    is_forbidden: bool = False


class Redis(Protocol):
    """The Redis that is asked."""

    async def figures(self) -> RedisStatus:
        """Ask.

        Raises:
            RedisFailure: it does not answer.
        """
        ...

    async def vanished(self) -> VanishedReplicas:
        """Ask for replicas.

        Raises:
            RedisFailure: it does not answer.
        """
        ...


class InstallationCheck:
    """Looks every ``LOOK_SECONDS``; ``certificate``: the file of the pages' certificate, where there is one.

    ``disk``: what Redis saves to, where it is known.
    """

    def __init__(self, redis: Redis, certificate: Path | None, disk: RedisDisk | None = None) -> None:
        self._redis = redis
        self._certificate = certificate
        self._disk = disk
        self._saving: Coded | None = None
        self._vanished: frozenset[str] = frozenset()
        self._were_vanished: frozenset[str] = frozenset()
        self._no_replicas_before = float("-inf")
        self._notes: list[Coded] = []
        self._full: list[Coded] = []
        self._had_aof = False
        self._not_before = float("-inf")
        self._occasionally = RateLimitedLog(_log)

    @property
    def troubles(self) -> list[Coded]:
        """What is wrong as of the last look; what is not known is not wrong."""
        found = [None if self._disk is None else self._disk.problem, self._saving]
        # A replica that was cut off for a moment is seen again within the next.
        count = len(self._vanished & self._were_vanished)
        return [*filter(None, found), *self._full, *([replica_vanished(count)] if count else [])]

    @property
    def notes(self) -> list[Coded]:
        """What is to be known of the last day, and is not wrong any more."""
        return self._notes

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look()
            except Exception:
                self._occasionally.warning("look", "a look at the installation failed: %s", traceback.format_exc())
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once."""
        if time.monotonic() >= self._not_before:
            await self._look_at_redis()
        if time.monotonic() >= self._no_replicas_before:
            await self._look_at_replicas()
        if self._disk is not None:
            await self._disk.refresh()
        if self._certificate is not None:
            CERTIFICATE_END.value = await run_in_daemon_thread(self._certificate_end, "look at a certificate")

    async def _look_at_redis(self) -> None:
        try:
            answers = await self._redis.figures()
        except RedisFailure:
            answers = RedisStatus()
        if answers.is_forbidden:
            self._not_before = time.monotonic() + FORBIDDEN_SECONDS
            _log.info("the Redis user of the collector may not ask for all that /metrics tells: it is left out there")
        info = answers.info or {}
        self._had_aof |= info.get("aof_enabled") == 1
        REDIS_MEMORY_USED.value = info.get("used_memory")
        REDIS_MEMORY_LIMIT.value = info.get("maxmemory") or None
        is_safe = is_saving(info, time.time(), had_aof=self._had_aof)
        REDIS_PERSISTENCE.value = is_safe
        self._saving = why_not_saving(info) if is_safe is False else None
        LAST_BACKUP.value = answers.backup
        self._notes = [data_cut(*answers.cut)] if answers.cut else []
        self._full = [why_full(SHOWN_DISK, *answers.disk)] if answers.disk else []

    async def _look_at_replicas(self) -> None:
        try:
            answer = await self._redis.vanished()
        except RedisFailure:
            answer = VanishedReplicas()
        if answer.is_forbidden:
            self._no_replicas_before = time.monotonic() + FORBIDDEN_SECONDS
        self._were_vanished, self._vanished = self._vanished, answer.names

    def _certificate_end(self) -> float | None:
        assert self._certificate is not None
        try:
            return certificate_end(self._certificate)
        except (OSError, ValueError) as error:
            said = "COLLECTOR_CERTIFICATE_FILE=%s cannot be used: %s"
            self._occasionally.warning("certificate", said, path_text(self._certificate), error_text(error))
            return None


def is_saving(info: Mapping[str, Any], now: float, *, had_aof: bool) -> bool | None:
    """Whether Redis saves its data, by the fields of INFO; ``None``: they do not tell.

    ``now`` is in Unix seconds; ``had_aof``: it has been seen with an append-only file.
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
    """Return what keeps Redis from saving, by the fields of INFO."""
    fails = info["aof_enabled"] or info.get("rdb_last_bgsave_status") != "ok"
    return persistence_failing() if fails else persistence_off()


def vanished_replicas(
    marks: Sequence[tuple[bytes, float]], started: float, now: float, presence_seconds: float, retention_seconds: float
) -> frozenset[str]:
    """Return the replicas of ``marks``, names and ms, that went while Redis was there; all in Unix seconds.

    What expired with Redis away, or soon after, may have ended meanwhile: that is not known.
    """
    since = max(now - retention_seconds, started + presence_seconds)
    return frozenset(name.decode(errors="replace") for name, ms in marks if since < ms / 1000 <= now)
