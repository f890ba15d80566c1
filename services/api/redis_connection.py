"""The connection to Redis: time limits, a circuit breaker, and translation of the driver's errors.

A thread checks Redis while there are no requests, so that readiness and recovery do not depend on traffic.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import redis

from access.scripts import ATTEMPT_SIGN_IN, NO_ATTEMPT
from api.counters import Counters
from contract.library import Script
from contract.scripts import Call
from runtime.functions import call
from runtime.logs import RateLimitedLog
from runtime.readiness import Readiness
from runtime.redis_client import blocking_client
from runtime.redis_failures import FunctionsMissing, RedisAway, RedisFailure, RedisRefused, translated

#: Longest time, in seconds, to connect and to wait for each answer.
TIMEOUT_SECONDS: Final = 1.0
#: Seconds after a failure without a further attempt.
PAUSE_SECONDS: Final = 1.0
#: Seconds between two checks while Redis answers. Any other answer replaces a check.
UP_SECONDS: Final = 5.0
#: Seconds between two checks while Redis does not answer or lacks the functions.
DOWN_SECONDS: Final = 1.0
#: Largest random extension of a pause, as a fraction, so that many processes do not check at the same time.
JITTER: Final = 0.2

_logger = logging.getLogger(__name__)

T = TypeVar("T")


class RedisConnection:
    """A blocking client that several threads share. It connects with the first query.

    While Redis is away a query fails without delay: for ``PAUSE_SECONDS`` after a failure no thread tries Redis, and
    then one thread at a time does.
    """

    def __init__(
        self,
        url: str,
        readiness: Readiness,
        counters: Counters,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = blocking_client(url, connect_seconds=TIMEOUT_SECONDS, answer_seconds=TIMEOUT_SECONDS)
        self._readiness = readiness
        self._counters = counters
        self._monotonic = monotonic
        self._limited_log = RateLimitedLog(_logger)
        self._trying = threading.Lock()
        self._down = False
        self._resume_at = 0.0
        #: Whether Redis ran the last function that the api called.
        self.has_functions = False
        #: Monotonic time of the last answer, ``None`` before the first.
        self.last_answer: float | None = None
        counters.observe_redis(lambda: self.up)

    @property
    def up(self) -> bool:
        """Whether Redis answered the last query."""
        return self.last_answer is not None and not self._down

    def call(self, script: Script, arguments: Call) -> Any:
        """Return the answer of a script's function.

        Raises:
            RedisAway: Redis does not answer.
            RedisRefused: the answer is an error, or Redis cannot run our functions.
        """
        answer = self.ask(lambda client: call(client, script, arguments))
        self.has_functions = True
        if self._readiness.note_functions():
            _logger.info("Redis has the functions")
        return answer

    def ask(self, query: Callable[[redis.Redis], T]) -> T:
        """Return ``query(client)``.

        Raises:
            RedisAway: Redis does not answer.
            RedisRefused: the answer is an error.
        """
        if not self._down:
            return self._try(query)
        if self._monotonic() < self._resume_at or not self._trying.acquire(blocking=False):
            raise RedisAway
        try:
            return self._try(query)
        finally:
            self._trying.release()

    def _try(self, query: Callable[[redis.Redis], T]) -> T:
        try:
            with translated():
                answer = query(self.client)
        except FunctionsMissing as error:
            self._answered()
            self.has_functions = False
            self._readiness.note_functions_missing(str(error))
            self._counters.redis_refusals.inc()
            self._limited_log.warning("functions", "%s", error)
            raise
        except RedisRefused as error:
            self._answered()
            self._counters.redis_refusals.inc()
            self._limited_log.warning("refused", "Redis refused a command: %s", error)
            raise
        except RedisAway as error:
            self._failed(error)
            raise
        self._answered()
        return answer

    def _answered(self) -> None:
        self.last_answer = self._monotonic()
        self._down = False
        if self._readiness.redis_up():
            _logger.info("Redis answers")

    def _failed(self, error: Exception) -> None:
        self._resume_at = self._monotonic() + PAUSE_SECONDS
        self._down = True
        self._counters.redis_failures.inc()
        if self._readiness.redis_down():
            _logger.warning("Redis does not answer (%s); answering from memory", error)
        elif self.last_answer is None:
            self._limited_log.warning("away", "Redis does not answer yet (%s); check REDIS_URL", error)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


class RedisHealthCheck:
    """Checks Redis regularly in a background thread. Start the thread after a fork.

    The check calls a function. The log and readiness therefore report missing functions from the start, and report
    soon when Redis has the functions. Before its first call, the check reads the data that most requests need, so that
    a new process can answer them when Redis pauses.
    """

    def __init__(self, connection: RedisConnection, read_data: Callable[[], object]) -> None:
        self._connection = connection
        self._read_data = read_data
        self._has_read_data = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis-check", daemon=True)

    def start(self) -> None:
        """Start the checks with an immediate one."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the checks."""
        self._stopping.set()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            pause = self._check() * (1 + JITTER * random.random())  # noqa: S311 (spreads load, no security)

    def _check(self) -> float:
        """Check Redis if needed. Return the seconds until the next check."""
        last = self._connection.last_answer
        if (
            self._connection.up
            and self._connection.has_functions
            and last is not None
            and time.monotonic() - last < UP_SECONDS
        ):
            return UP_SECONDS
        if not self._has_read_data:
            self._read_data()
            self._has_read_data = self._connection.up
        try:
            self._connection.call(ATTEMPT_SIGN_IN, NO_ATTEMPT)
        except RedisFailure:
            return DOWN_SECONDS
        return UP_SECONDS
