"""Follows the revocations in Redis and removes clients with an invalid grant.

This connection to Redis is separate from that of the message feed.
"""

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

#: Seconds between two readings of all revocations: no message reports an emptied store or a dead connection.
REREAD_SECONDS: Final = 5.0
#: Least seconds between two readings that clients cause.
MIN_REFRESH_PAUSE_SECONDS: Final = 1.0
#: Seconds of the longest pause before the next attempt to connect.
LONGEST_PAUSE_SECONDS: Final = 0.8
#: Seconds between two checks of the grants. A revoked client stays connected for at most this time after the message.
CHECK_SECONDS: Final = 0.25

_logger = logging.getLogger(__name__)


class RevocationFeed:
    """Keeps ``revocations`` up to date with Redis."""

    def __init__(self, redis: Redis, revocations: Revocations) -> None:
        self._redis = redis
        self._reader = RevocationReader(partial(ask, redis), revocations, may_create_generation=False)
        self._complaints = RateLimitedLog(_logger)

    def run(self) -> NoReturn:
        """Follow the revocations forever."""
        while True:
            try:
                with translated(), PubSub(self._redis.connection_pool) as pubsub:
                    self._follow(pubsub)
            except RedisFailure as error:
                self._complaints.warning("away", "cannot follow revocations in Redis, retrying: %s", error)
            except Exception:
                self._complaints.warning("error", "following revocations failed, retrying: %s", traceback.format_exc())
            time.sleep(LONGEST_PAUSE_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311 (spreads replicas, no secret)

    def refresh(self) -> None:
        """Return when all revocations have been read after this call; without Redis nothing changes.

        Callers that wait share one reading, and two readings are at least ``MIN_REFRESH_PAUSE_SECONDS`` apart. Callers
        wait instead of using an older reading, because a session may have begun since that reading.
        """
        with suppress(RedisFailure):  # ``run`` logs it
            self._reader.refresh(min_pause_seconds=MIN_REFRESH_PAUSE_SECONDS)

    def _follow(self, pubsub: PubSub) -> NoReturn:
        """Follow one connection; raises an error of the driver when the connection ends."""
        pubsub.subscribe(REVOKED_CHANNEL)
        # Messages report revocations from the subscription on; the store has all earlier ones.
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


class AccessEnforcer:
    """Removes clients with an invalid grant, and closes connections that never joined a namespace.

    The number of grants to check is that of people and programs, not that of connections.
    """

    def __init__(self, admission: Admission, endpoint: Any) -> None:
        self._admission = admission
        self._endpoint = endpoint
        self._complaints = RateLimitedLog(_logger)

    def run(self) -> NoReturn:
        """Check forever."""
        while True:
            time.sleep(CHECK_SECONDS)
            try:
                self._check()
            except Exception as error:
                self._complaints.warning("error", "checking the access of clients failed: %r", error)

    def _check(self) -> None:
        reason_and_text = ("idle", "no CONNECT")
        if self._admission.is_closed:
            reason_and_text = ("unauthenticated", "sign_in_required")
            for refused, (eio_sid, namespace) in self._admission.ended_memberships():
                self._endpoint.server.remove_from_namespace(eio_sid, namespace, refused)
        for eio_sid in self._admission.overdue():
            self._endpoint.close_connection(eio_sid, *reason_and_text)
