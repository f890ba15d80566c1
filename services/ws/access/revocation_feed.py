"""Follows in Redis what is revoked, for as long as the replica runs; apart from the feed of messages."""

import logging
import random
import threading
import time
import traceback
from contextlib import suppress
from typing import Final, NoReturn

from redis import Redis, RedisError
from redis.client import PubSub

from contract.access.revocations import Revocations
from contract.names import GENERATION_KEY, RENEWED, REVOCATIONS_KEY, REVOKED_CHANNEL
from contract.runtime.logs import Occasionally

#: Seconds after which all is read again: an emptied store says nothing, and a connection may have died without a word.
REREAD_SECONDS: Final = 5.0
#: Seconds between two readings that clients cause.
SPARED_SECONDS: Final = 1.0
#: Seconds of the longest pause before a connection is tried again.
LONGEST_PAUSE_SECONDS: Final = 0.8

_logger = logging.getLogger(__name__)


class RevocationFeed:
    """Hands all that is revoked to ``revocations``."""

    def __init__(self, redis: Redis, revocations: Revocations) -> None:
        self._redis = redis
        self._revocations = revocations
        self._complaints = Occasionally(_logger)
        self._reading = threading.Lock()
        #: When the last reading began.
        self._read_at = float("-inf")

    def run(self) -> NoReturn:
        """Follow it for good."""
        while True:
            try:
                with PubSub(self._redis.connection_pool) as pubsub:
                    self._follow(pubsub)
            except (RedisError, OSError) as error:
                self._complaints.warning("away", "what is revoked cannot be followed, it is tried again: %s", error)
            except Exception:
                self._complaints.warning("error", "following what is revoked went wrong: %s", traceback.format_exc())
            time.sleep(LONGEST_PAUSE_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311 (spreads replicas, no secret)

    def refresh(self) -> None:
        """Return once all of it was read after this call; without Redis nothing changes.

        One reading serves all who wait for it, and the next begins ``SPARED_SECONDS`` after the last: a session that
        began since the last reading must not be refused because that was a moment ago.
        """
        asked_at = time.monotonic()
        time.sleep(max(0.0, self._read_at + SPARED_SECONDS - asked_at))
        with self._reading:
            if self._read_at > asked_at:
                return
            with suppress(RedisError, OSError):  # the one that follows says so
                self._read()

    def _follow(self, pubsub: PubSub) -> NoReturn:
        """Raises ``RedisError`` or ``OSError`` at the end of the connection."""
        pubsub.subscribe(REVOKED_CHANNEL)
        # What is revoked once the subscription stands is told; all before is in the store.
        while pubsub.get_message(timeout=REREAD_SECONDS) is None:
            pass
        read_from = 0.0
        while True:
            if time.monotonic() >= read_from:
                with self._reading:
                    self._read()
                read_from = time.monotonic() + REREAD_SECONDS
            answer = pubsub.get_message(timeout=max(0.01, read_from - time.monotonic()))
            if answer is None or answer["type"] != "message":
                continue
            member = answer["data"].decode(errors="replace")
            if member == RENEWED:
                read_from = 0.0
            else:
                self._revocations.add(member)

    def _read(self) -> None:
        self._read_at = time.monotonic()
        pipeline = self._redis.pipeline(transaction=False)
        # In this order: where the store is emptied in between, sessions of the former one are refused.
        pipeline.zrange(REVOCATIONS_KEY, 0, -1)
        pipeline.get(GENERATION_KEY)
        members, generation = pipeline.execute()
        self._revocations.load(None if generation is None else generation.decode(), [one.decode() for one in members])
