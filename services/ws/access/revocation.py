"""Follows in Redis what is revoked, apart from the feed of messages, and ends what is not held by right any more."""

import logging
import random
import time
import traceback
from contextlib import suppress
from functools import partial
from typing import Any, Final, NoReturn

from redis import Redis
from redis.client import PubSub

from access.revocation_reader import RevocationReader
from access.revocations import Revocations
from contract.names import RENEWED, REVOKED_CHANNEL
from runtime.logs import RateLimitedLog
from runtime.redis_failures import RedisFailure, ask, translated
from ws.access.admission import Admission

#: Seconds after which Redis is asked again: an emptied store says nothing, and a connection may die without a word.
REREAD_SECONDS: Final = 5.0
#: Seconds between two readings that clients cause.
SPARED_SECONDS: Final = 1.0
#: Seconds of the longest pause before a connection is tried again.
LONGEST_PAUSE_SECONDS: Final = 0.8
#: Seconds between two looks. Whoever loses his right is gone within this and the time that the news takes.
LOOK_SECONDS: Final = 0.25

_logger = logging.getLogger(__name__)


class RevocationFeed:
    """Hands all that is revoked to ``revocations``."""

    def __init__(self, redis: Redis, revocations: Revocations) -> None:
        self._redis = redis
        self._reader = RevocationReader(partial(ask, redis), revocations, may_create_generation=False)
        self._complaints = RateLimitedLog(_logger)

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
            self._reader.refresh(min_pause_seconds=SPARED_SECONDS)

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
                self._reader.add(answer["data"])


class AccessWatch:
    """Ends what is not held by right any more, and connections that never asked for a namespace.

    It looks at the grants that clients are here by: as many as there are people and programs, not connections.
    """

    def __init__(self, admission: Admission, endpoint: Any) -> None:
        self._admission = admission
        self._endpoint = endpoint
        self._complaints = RateLimitedLog(_logger)

    def run(self) -> NoReturn:
        """Look for good."""
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self._look()
            except Exception as error:
                self._complaints.warning("error", "looking at who is connected went wrong: %r", error)

    def _look(self) -> None:
        why = ("idle", "no CONNECT")
        if self._admission.is_closed:
            why = ("unauthenticated", "sign_in_required")
            for refused, (eio_sid, namespace) in self._admission.ended():
                self._endpoint.server.dismiss(eio_sid, namespace, refused)
        for eio_sid in self._admission.overdue():
            self._endpoint.send_away(eio_sid, *why)
