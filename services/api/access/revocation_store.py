"""What was revoked, kept in step with Redis: read when it is needed, at most once a second, and added to."""

import logging
import time
from collections.abc import Callable
from typing import Final

import redis

from access.revocation_reader import RevocationReader
from access.revocations import Revocations
from access.scripts import REVOKE, revoke_call
from api.redis_link import RedisLink
from api.store import NothingKnown, StoredInvalid, Unavailable
from contract.names import REVOCATIONS_KEY
from runtime.functions import call
from runtime.readiness import Readiness
from runtime.redis_failures import RedisAway, RedisRefused

#: Seconds for which what was read is taken for true.
FRESH_SECONDS: Final = 1.0
#: Seconds between two readings that sessions of another generation cause.
SPARED_SECONDS: Final = 0.05
#: Seconds for which a dump waits at most for the end of one that is being written.
SAVE_SECONDS: Final = 3.0

_LOOK_SECONDS: Final = 0.05

_logger = logging.getLogger(__name__)


class RevocationStore:
    """Reads and writes. With Redis away what was read last is known; before the first reading nothing is.

    Safe to use from several threads.
    """

    def __init__(
        self,
        link: RedisLink,
        revocations: Revocations,
        readiness: Readiness,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        saves: bool = False,
    ) -> None:
        """``saves``: whether a dump follows each revocation."""
        self._link = link
        self._revocations = revocations
        self._readiness = readiness
        self._clock = clock
        self._reader = RevocationReader(link.ask, revocations, may_create_generation=True, monotonic=monotonic)
        self._saves = saves
        self._error = ""

    def require(self, generation: str | None = None) -> None:
        """See that what was revoked is known, and not older than need be.

        Args:
            generation: of the session that it is needed for. If the generation is not the one that was read last, all
                is read again: another process may have begun it since.

        Raises:
            Unavailable: it was never read.
        """
        is_other = self._revocations.is_loaded and generation not in (None, self._revocations.generation)
        self._read(*(0.0, SPARED_SECONDS) if is_other else (FRESH_SECONDS, 0.0))

    def generation(self) -> str:
        """The store's generation, for a session that begins: read anew, since one of a former generation ends at once.

        Raises:
            Unavailable: it is not known.
        """
        self._read(0.0, 0.0)
        if self._revocations.generation is None:
            raise self._unavailable()
        return self._revocations.generation

    def revoke(self, member: str, until: float, former: str | None = None) -> None:
        """Revoke something, here at once and everywhere within a moment.

        Args:
            member: as ``access.revocations`` writes it.
            until: Unix time from which it would not be valid anyway.
            former: the same in words that 0.1.1 reads, where these are others.

        Raises:
            RedisAway: it did not happen.
            RedisRefused: likewise.
        """
        self._link.ask(
            lambda client: send_revocation(client, member, until, self._clock(), former, is_saved=self._saves)
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

    def _unavailable(self) -> Unavailable:
        if self._error:
            return StoredInvalid(REVOCATIONS_KEY, self._error)
        return NothingKnown(self._readiness.redis_down_since)


def send_revocation(
    client: redis.Redis, member: str, until: float, now: float, former: str | None = None, *, is_saved: bool = False
) -> None:
    """Write a revocation, and tell of it; with ``is_saved`` have Redis write a dump that holds it."""
    call(client, REVOKE, revoke_call(member, until, now, former))
    if is_saved:
        _save(client)


def _save(client: redis.Redis) -> None:
    deadline = time.monotonic() + SAVE_SECONDS
    while True:
        try:
            client.bgsave()
            return
        except redis.ResponseError as error:
            # A dump that is being written may lack what was revoked: another one follows it.
            if "in progress" not in str(error) or time.monotonic() > deadline:
                _logger.warning("a revocation may be lost if Redis ends before its next dump: %s", error)
                return
        time.sleep(_LOOK_SECONDS)
