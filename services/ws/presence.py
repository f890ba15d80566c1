"""How this replica presents itself in Redis, so that clients can be counted over all replicas."""

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

#: Seconds between two refreshments, at least.
SHORTEST_SECONDS: Final = 1.0

_logger = logging.getLogger(__name__)
_complaints: Final = RateLimitedLog(_logger)


class Presence:
    """The replica's hash and its entry in the index, refreshed for as long as it runs."""

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
        #: Held while Redis is told, so that nothing puts a replica back that has left.
        self._redis_lock = threading.Lock()

    def report(self) -> ReplicaReport:
        """The replica as it is now."""
        return ReplicaReport(
            replica=self._replica,
            connected_clients=self._connected_clients(),
            started=self._started,
            version=VERSION,
        )

    def changed(self) -> None:
        """A client has come or gone."""
        self._changed.set()

    def run(self) -> None:
        """Refresh the presence when a client comes or goes, and every ``PRESENCE_REFRESH_SECONDS``; until it leaves."""
        while not self._is_leaving:
            self._changed.clear()
            try:
                self.refresh()
                if self._readiness.note_functions():
                    _logger.info("Redis has the functions")
            except FunctionsMissing as error:
                self._readiness.note_functions_missing(str(error))
                _complaints.warning("functions", "this replica is not counted: %s", error)
                self._changed.set()  # so that it is counted soon after they are loaded
            except RedisRefused as error:
                _complaints.warning("presence", "this replica is not counted: %s", error)
            except RedisAway:
                pass  # the feed says so
            time.sleep(SHORTEST_SECONDS)
            self._changed.wait(max(0.0, PRESENCE_REFRESH_SECONDS - SHORTEST_SECONDS))

    def refresh(self) -> None:
        """Refresh it once.

        Raises:
            RedisFailure: Redis did not do it.
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
        """Whether Redis knows of no other replica; ``False`` where it does not say."""
        try:
            with translated():
                return all(report.replica == self._replica for report in read_replicas(self._redis))
        except RedisFailure:
            return False

    def remove(self) -> None:
        """Take the replica out of the count; without Redis it falls out by itself."""
        self._is_leaving = True
        try:
            with self._redis_lock, translated():
                pipeline = self._redis.pipeline(transaction=False)
                pipeline.zrem(REPLICAS_KEY, self._replica)
                pipeline.zrem(VANISHED_KEY, self._replica)
                pipeline.delete(replica_key(self._replica))
                pipeline.execute()
        except RedisFailure as error:
            _logger.info("this replica stays counted for some seconds: %s", error)
