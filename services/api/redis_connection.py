"""The one road to Redis: time limits, a circuit breaker, and the driver's errors translated.

A thread looks after Redis while nobody asks for anything, so that readiness and recovery need no traffic.
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

#: Seconds that a connection, and each answer, may take.
TIMEOUT_SECONDS: Final = 1.0
#: Seconds after a failure for which Redis is not tried again.
PAUSE_SECONDS: Final = 1.0
#: Seconds between two looks of the watch while Redis answers; any other answer in between saves one.
UP_SECONDS: Final = 5.0
#: Seconds between two looks while it does not, or has no functions.
DOWN_SECONDS: Final = 1.0
#: Part of a pause by which it is stretched at random, so that many processes do not look together.
JITTER: Final = 0.2

_logger = logging.getLogger(__name__)

T = TypeVar("T")


class RedisConnection:
    """A blocking client that several threads share; it connects at the first question, not before.

    While Redis is away a question costs nothing: for ``PAUSE_SECONDS`` after a failure nobody tries, and then one
    caller at a time does.
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
        #: Whether Redis ran the function that it was last asked for.
        self.has_functions = False
        #: Monotonic time of the last answer, ``None`` before the first.
        self.last_answer: float | None = None
        counters.observe_redis(lambda: self.up)

    @property
    def up(self) -> bool:
        """Whether Redis answered the last question."""
        return self.last_answer is not None and not self._down

    def call(self, script: Script, arguments: Call) -> Any:
        """Return the answer of a script's function.

        Raises:
            RedisAway: no answer.
            RedisRefused: the answer is an error, or Redis cannot run our functions.
        """
        answer = self.ask(lambda client: call(client, script, arguments))
        self.has_functions = True
        if self._readiness.note_functions():
            _logger.info("Redis has the functions")
        return answer

    def ask(self, question: Callable[[redis.Redis], T]) -> T:
        """Return ``question(client)``.

        Raises:
            RedisAway: no answer.
            RedisRefused: the answer is an error.
        """
        if not self._down:
            return self._try(question)
        if self._monotonic() < self._resume_at or not self._trying.acquire(blocking=False):
            raise RedisAway
        try:
            return self._try(question)
        finally:
            self._trying.release()

    def _try(self, question: Callable[[redis.Redis], T]) -> T:
        try:
            with translated():
                answer = question(self.client)
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
            self._limited_log.warning("away", "Redis does not answer yet (%s); is REDIS_URL right?", error)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


class RedisHealthCheck:
    """Asks Redis now and then in one background thread, which is to be started after a fork.

    It calls a function: where Redis has none, log and readiness say so from the start, and readiness says soon when
    Redis has them.
    """

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis-watch", daemon=True)

    def start(self) -> None:
        """Look for the first time, and from then on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            pause = self._check() * (1 + JITTER * random.random())  # noqa: S311 (spreads load, guards nothing)

    def _check(self) -> float:
        """Return the seconds until the next look."""
        last = self._connection.last_answer
        if (
            self._connection.up
            and self._connection.has_functions
            and last is not None
            and time.monotonic() - last < UP_SECONDS
        ):
            return UP_SECONDS
        try:
            self._connection.call(ATTEMPT_SIGN_IN, NO_ATTEMPT)
        except RedisFailure:
            return DOWN_SECONDS
        return UP_SECONDS
