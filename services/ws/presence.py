"""Registers this replica in Redis, so that the clients of all replicas can be counted."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from redis import Redis

from contract import VERSION
from contract.names import PRESENCE_REFRESH_SECONDS, REPLICAS_KEY, VANISHED_KEY, replica_key
from contract.presence import ReplicaPresence, read_replicas
from contract.rest import ReplicaReport
from contract.scripts import PRESENT_REPLICA, present_replica_call
from runtime.clock import timestamp
from runtime.functions import call
from runtime.logs import RateLimitedLog
from runtime.readiness import Readiness
from runtime.redis_failures import FunctionsMissing, RedisAway, RedisFailure, RedisRefused, translated
from ws.counters import Counters

#: Least seconds between two refreshes.
MIN_REFRESH_SECONDS: Final = 1.0

_logger = logging.getLogger(__name__)
_complaints: Final = RateLimitedLog(_logger)


class Presence:
    """Refreshes the replica's hash and its entry in the index of replicas."""

    def __init__(
        self,
        replica: str,
        redis: Redis,
        readiness: Readiness,
        counters: Counters,
        connected_clients: Callable[[], int],
    ) -> None:
        self._replica = replica
        self._redis = redis
        self._readiness = readiness
        self._counters = counters
        self._connected_clients = connected_clients
        self._started = timestamp(time.time())
        self._changed = threading.Event()
        self._is_leaving = False
        #: Held during writes to Redis, so that no refresh follows the removal of the replica.
        self._redis_lock = threading.Lock()

    def report(self) -> ReplicaReport:
        """Return the current state of the replica."""
        return ReplicaReport(
            replica=self._replica,
            connected_clients=self._connected_clients(),
            started=self._started,
            version=VERSION,
        )

    def changed(self) -> None:
        """Request a refresh, because a client has connected or disconnected."""
        self._changed.set()

    def run(self) -> None:
        """Refresh after each change and every ``PRESENCE_REFRESH_SECONDS``, until the replica is removed."""
        while not self._is_leaving:
            self._changed.clear()
            try:
                self.refresh()
                if self._readiness.note_functions():
                    _logger.info("Redis has the functions")
            except FunctionsMissing as error:
                self._readiness.note_functions_missing(str(error))
                _complaints.warning("functions", "Redis does not count this replica: %s", error)
                self._changed.set()  # so that the replica is counted soon after the functions are loaded
            except RedisRefused as error:
                _complaints.warning("presence", "Redis does not count this replica: %s", error)
            except RedisAway:
                pass  # the feed logs it
            time.sleep(MIN_REFRESH_SECONDS)
            self._changed.wait(max(0.0, PRESENCE_REFRESH_SECONDS - MIN_REFRESH_SECONDS))

    def refresh(self) -> None:
        """Write the replica's state to Redis once.

        Raises:
            RedisFailure: Redis did not execute the command.
        """
        presence = ReplicaPresence(
            replica=self._replica,
            connected_clients=self._connected_clients(),
            started=self._started,
            version=VERSION,
            messages=self._counters.messages.total(),
            deliveries=self._counters.deliveries,
        )
        with self._redis_lock, translated():
            if not self._is_leaving:
                call(self._redis, PRESENT_REPLICA, present_replica_call(self._replica, presence.fields()))

    def is_alone(self) -> bool:
        """Whether this is the only replica in Redis; ``False`` if Redis does not answer."""
        try:
            with translated():
                return all(report.replica == self._replica for report in read_replicas(self._redis))
        except RedisFailure:
            return False

    def remove(self) -> None:
        """Remove the replica from Redis; if Redis does not answer, the entry expires."""
        self._is_leaving = True
        try:
            with self._redis_lock, translated():
                pipeline = self._redis.pipeline(transaction=False)
                pipeline.zrem(REPLICAS_KEY, self._replica)
                pipeline.zrem(VANISHED_KEY, self._replica)
                pipeline.delete(replica_key(self._replica))
                pipeline.execute()
        except RedisFailure as error:
            _logger.info("Redis counts this replica for some more seconds: %s", error)
