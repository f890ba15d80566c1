"""Follows in Redis what is revoked, for as long as the replica runs; apart from the feed of messages."""

import logging
import random
import time
import traceback
from contextlib import suppress
from functools import partial
from typing import Final, NoReturn

from redis import Redis
from redis.client import PubSub

from access.revocation_reader import RevocationReader
from access.revocations import Revocations
from contract.names import RENEWED, REVOKED_CHANNEL
from runtime.logs import Occasionally
from runtime.redis_failures import RedisFailure, ask, translated

#: Seconds after which Redis is asked again: an emptied store says nothing, and a connection may die without a word.
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
        self._reader = RevocationReader(partial(ask, redis), revocations, may_begin=False)
        self._complaints = Occasionally(_logger)

    def run(self) -> NoReturn:
        """Follow it for good."""
        while True:
            try:
                with translated(), PubSub(self._redis.connection_pool) as pubsub:
                    self._follow(pubsub)
            except RedisFailure as error:
                self._complaints.warning("away", "what is revoked cannot be followed, it is tried again: %s", error)
            except Exception:
                self._complaints.warning("error", "following what is revoked went wrong: %s", traceback.format_exc())
            time.sleep(LONGEST_PAUSE_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311 (spreads replicas, no secret)

    def refresh(self) -> None:
        """Return once all of it was read after this call; without Redis nothing changes.

        One reading serves all who wait for it, and the next begins ``SPARED_SECONDS`` after the last: a session that
        began since the last reading must not be refused because that was a moment ago.
        """
        with suppress(RedisFailure):  # the one that follows says so
            self._reader.refresh(spared_seconds=SPARED_SECONDS)

    def _follow(self, pubsub: PubSub) -> NoReturn:
        """Raises an error of the driver at the end of the connection."""
        pubsub.subscribe(REVOKED_CHANNEL)
        # What is revoked once the subscription stands is told; all before is in the store.
        while pubsub.get_message(timeout=REREAD_SECONDS) is None:
            pass
        read_from = 0.0
        while True:
            if time.monotonic() >= read_from:
                self._reader.refresh()
                read_from = time.monotonic() + REREAD_SECONDS
            answer = pubsub.get_message(timeout=max(0.01, read_from - time.monotonic()))
            if answer is None or answer["type"] != "message":
                continue
            if answer["data"] == RENEWED.encode():
                read_from = 0.0
            else:
                self._reader.take(answer["data"])
