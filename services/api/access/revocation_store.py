"""The revocations, synchronized with Redis: read on demand, at most once a second."""

import logging
import time
from collections.abc import Callable
from typing import Final

import redis

from access.revocation_reader import RevocationReader
from access.revocations import Revocations
from access.scripts import REVOKE, revoke_call
from api.message_store import DataUnavailable, NotReadYet, StoredDataInvalid
from api.redis_connection import RedisConnection
from contract.names import REVOCATIONS_KEY
from runtime.functions import call
from runtime.readiness import Readiness
from runtime.redis_failures import RedisAway, RedisRefused

#: Seconds for which the last read stays valid.
FRESH_SECONDS: Final = 1.0
#: Seconds between two reads that sessions of an unknown generation cause.
RELOAD_INTERVAL_SECONDS: Final = 0.05
#: Longest time, in seconds, that a dump waits for the end of another one.
SAVE_SECONDS: Final = 3.0

_SAVE_RETRY_SECONDS: Final = 0.05

_logger = logging.getLogger(__name__)


class RevocationStore:
    """Reads and writes revocations. While Redis is away, the last read stays valid.

    Safe to use from several threads.
    """

    def __init__(
        self,
        connection: RedisConnection,
        revocations: Revocations,
        readiness: Readiness,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        saves: bool = False,
    ) -> None:
        """``saves``: whether a dump follows each revocation."""
        self._connection = connection
        self._revocations = revocations
        self._readiness = readiness
        self._clock = clock
        self._reader = RevocationReader(connection.ask, revocations, may_create_generation=True, monotonic=monotonic)
        self._saves = saves
        self._error = ""

    def require(self, generation: str | None = None) -> None:
        """Ensure that the revocations are known and fresh enough.

        Args:
            generation: of the session to check. If it differs from the known generation, the revocations are read
                again: another process may have started a new generation.

        Raises:
            DataUnavailable: the revocations were never read.
        """
        is_other = self._revocations.is_loaded and generation not in (None, self._revocations.generation)
        self._read(*(0.0, RELOAD_INTERVAL_SECONDS) if is_other else (FRESH_SECONDS, 0.0))

    def generation(self) -> str:
        """Return the store's current generation, for a new session.

        The generation is read again, because a session of a previous one would end immediately.

        Raises:
            DataUnavailable: the generation is not known.
        """
        self._read(0.0, 0.0)
        if self._revocations.generation is None:
            raise self._unavailable()
        return self._revocations.generation

    def revoke(self, member: str, until: float, old_member: str | None = None) -> None:
        """Revoke a subject, here immediately and in all services within a moment.

        Args:
            member: as ``access.revocations`` writes it.
            until: Unix time from which the credential has expired anyway.
            old_member: the member in the format of release 0.1.1, if it differs.

        Raises:
            RedisAway: the revocation was not stored.
            RedisRefused: the revocation was not stored.
        """
        self._connection.ask(
            lambda client: send_revocation(client, member, until, self._clock(), old_member, is_saved=self._saves)
        )
        self._revocations.add(member, until)

    def _read(self, fresh_seconds: float, min_pause_seconds: float) -> None:
        try:
            if self._reader.refresh(fresh_seconds=fresh_seconds, min_pause_seconds=min_pause_seconds):
                self._error = ""
        except RedisAway:
            self._error = ""
        except RedisRefused as error:
            self._error = str(error)
        if not self._revocations.is_loaded:
            raise self._unavailable()

    def _unavailable(self) -> DataUnavailable:
        if self._error:
            return StoredDataInvalid(REVOCATIONS_KEY, self._error)
        return NotReadYet(self._readiness.redis_down_since)


def send_revocation(
    client: redis.Redis, member: str, until: float, now: float, old_member: str | None = None, *, is_saved: bool = False
) -> None:
    """Store and announce a revocation. With ``is_saved``, have Redis write a dump that contains it."""
    call(client, REVOKE, revoke_call(member, until, now, old_member))
    if is_saved:
        _save(client)


def _save(client: redis.Redis) -> None:
    deadline = time.monotonic() + SAVE_SECONDS
    while True:
        try:
            client.bgsave()
            return
        except redis.ResponseError as error:
            # A dump under way may lack the revocation, so another one must follow.
            if "in progress" not in str(error) or time.monotonic() > deadline:
                _logger.warning("a revocation may be lost if Redis stops before its next dump: %s", error)
                return
        time.sleep(_SAVE_RETRY_SECONDS)
