"""What was revoked, kept in step with Redis: read when it is needed, at most once a second, and added to."""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import redis

from api.link import RedisAway, RedisLink, RedisRefused
from api.unavailable import NothingKnown, StoredInvalid, Unavailable
from contract.access.revocations import Revocations
from contract.access.scripts import REVOKE, revoke_call
from contract.names import GENERATION_KEY, RENEWED, REVOCATIONS_KEY, REVOKED_CHANNEL
from contract.runtime.readiness import Readiness

#: Seconds for which what was read is taken for true.
FRESH_SECONDS: Final = 1.0
#: Seconds between two readings that sessions of another generation cause.
SPARED_SECONDS: Final = 0.05
_GENERATION_BYTES: Final = 16


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
    ) -> None:
        self._link = link
        self._revocations = revocations
        self._readiness = readiness
        self._clock = clock
        self._monotonic = monotonic
        self._reading = threading.Lock()
        #: When the last reading began.
        self._read_at = float("-inf")
        self._error = ""

    def require(self, generation: str | None = None) -> None:
        """See that what was revoked is known, and not older than need be.

        Args:
            generation: of the session that it is needed for. If the generation is not the one that was read last, all
                is read again: another process may have begun it since.

        Raises:
            Unavailable: it was never read.
        """
        self._refresh(generation)
        if not self._revocations.known:
            raise self._unavailable()

    def generation(self) -> str:
        """The store's generation, for a session that begins.

        Raises:
            Unavailable: it is not known.
        """
        self.require()
        if self._revocations.generation is None:
            raise self._unavailable()
        return self._revocations.generation

    def revoke(self, member: str, until: float) -> None:
        """Revoke something, here at once and everywhere within a moment.

        Args:
            member: as ``contract.access.revocations`` writes it.
            until: Unix time from which it would not be valid anyway.

        Raises:
            RedisAway: it did not happen.
            RedisRefused: likewise.
        """
        self._link.ask(lambda client: send_revocation(client, member, until, self._clock()))
        self._revocations.add(member)

    def _refresh(self, generation: str | None) -> None:
        is_known, asked_at = self._revocations.known, self._monotonic()
        is_other = is_known and generation not in (None, self._revocations.generation)
        if is_other:
            time.sleep(max(0.0, self._read_at + SPARED_SECONDS - asked_at))
        read_since = asked_at if is_other else asked_at - FRESH_SECONDS
        if is_known and self._read_at > read_since:
            return
        # One thread asks; the others go by what is known, if that may be enough.
        if not self._reading.acquire(blocking=is_other or not is_known):
            return
        try:
            if self._read_at <= read_since:
                self._read_at = self._monotonic()
                self._revocations.load(*self._link.ask(_read))
                self._error = ""
        except RedisAway:
            self._error = ""
        except RedisRefused as error:
            self._error = str(error)
        finally:
            self._reading.release()

    def _unavailable(self) -> Unavailable:
        if self._error:
            return StoredInvalid(REVOCATIONS_KEY, self._error)
        return NothingKnown(self._readiness.redis_down_since)


def send_revocation(client: redis.Redis, member: str, until: float, now: float) -> None:
    """Write a revocation, and tell of it."""
    keys, args = revoke_call(member, until, now)
    client.register_script(REVOKE)(keys=keys, args=args)


def _read(client: redis.Redis) -> tuple[str | None, list[str]]:
    generation, members = _stored(client)
    if generation is None:
        # An empty store, or one that was emptied: sessions of before are of no use in it.
        if client.set(GENERATION_KEY, secrets.token_hex(_GENERATION_BYTES), nx=True):
            client.publish(REVOKED_CHANNEL, RENEWED)
        generation, members = _stored(client)
    return _text(generation), [_text(member) or "" for member in members]


def _stored(client: redis.Redis) -> tuple[Any, Any]:
    pipeline = client.pipeline(transaction=False)
    pipeline.get(GENERATION_KEY)
    pipeline.zrange(REVOCATIONS_KEY, 0, -1)
    generation, members = pipeline.execute()
    return generation, members


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")
