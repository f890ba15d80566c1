"""Follows the three channels of Redis while the replica runs, and reconnects when the connection fails.

Pub/sub does not store messages, so each connection begins with the values of the ``:latest`` keys. A dead connection
looks like a quiet one, so the feed sends a PING when a connection is quiet.
"""

import logging
import random
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, NoReturn

from redis import Redis, ResponseError
from redis.client import PubSub

from contract.codec import UndecodableMessage
from contract.names import ALERTS_CHANNEL, CHANNELS, METRICS_CHANNEL, latest_key
from contract.scripts import age_seconds
from runtime.logs import RateLimitedLog
from runtime.readiness import Readiness
from runtime.redis_failures import RedisFailure, translated
from ws.alert_log import AlertLogFollower, Gap, ResultPage
from ws.counters import Counters
from ws.state import ClusterState, MessageOutcome, ReceivedMessage, StoredMessage, receive

#: Seconds without a message after which the feed sends a PING.
QUIET_SECONDS: Final = 2.0
#: Seconds that Redis has to answer a command.
ANSWER_SECONDS: Final = 2.5
#: Seconds that connecting may take. With the longest pause this must be below 2 s: the limit for a recovery.
CONNECT_SECONDS: Final = 1.0
#: Seconds of the first pause before a reconnection; each pause is twice as long as the previous one.
FIRST_PAUSE_SECONDS: Final = 0.1
#: Seconds of the longest pause.
LONGEST_PAUSE_SECONDS: Final = 0.8

_logger = logging.getLogger(__name__)

Message = tuple[str, bytes]


class Feed:
    """Passes every message to the state, and each outcome to ``deliver``."""

    def __init__(
        self,
        redis: Redis,
        state: ClusterState,
        readiness: Readiness,
        counters: Counters,
        log: AlertLogFollower,
        deliver: Callable[[MessageOutcome], None],
    ) -> None:
        self._redis = redis
        self._state = state
        self._readiness = readiness
        self._counters = counters
        self._log = log
        self._deliver = deliver
        self._complaints = RateLimitedLog(_logger)
        self._has_logged_away = False
        self._connections = 0
        self._pings = 0
        self._arrived_at = time.monotonic()
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def run(self) -> NoReturn:
        """Follow the channels forever."""
        while True:
            try:
                with translated(), PubSub(self._redis.connection_pool) as pubsub:
                    self._follow(pubsub)
            except RedisFailure as error:
                self._has_logged_away |= self._complaints.warning("away", "Redis does not answer, retrying: %s", error)
            except Exception:
                self._complaints.warning("error", "following Redis failed, retrying: %s", traceback.format_exc())
            self._readiness.redis_down()
            time.sleep(self._pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 (spreads replicas, no secret)
            self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)

    def _follow(self, pubsub: PubSub) -> NoReturn:
        """Follow one connection; raises an error of the driver or the network when the connection ends."""
        pubsub.subscribe(*CHANNELS)
        # ``:latest`` is read after the subscription, so that no message is missed. Messages that arrive before the
        # second answer may already be in ``:latest``.
        messages = self._messages_until_answer(pubsub)
        stored = self._read_latest(*CHANNELS)
        messages += self._messages_until_answer(pubsub)
        self._note_connection()
        for channel in CHANNELS:
            if (channel, stored[channel].raw) not in messages:
                gap = self._state.gap_to(stored[channel]) if channel == ALERTS_CHANNEL else None
                outcome = self._state.catch_up(channel, stored[channel], self._missed_entries(gap))
                if outcome is not None:
                    self._deliver(outcome)
        for message in messages:
            self._handle(*message)
        self._pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            answer = pubsub.get_message(timeout=QUIET_SECONDS)
            self._arrived_at = time.monotonic()
            messages = self._messages_until_answer(pubsub) if answer is None else _messages(answer)
            for message in messages:
                self._handle(*message)
            # If Redis has many messages, clients must still be served in between.
            time.sleep(0)

    def _note_connection(self) -> None:
        self._connections += 1
        if self._connections > 1:
            self._counters.redis_reconnects += 1
        self._readiness.redis_up()
        # Logged once per warning, so that an unstable connection does not fill the log.
        if self._connections == 1 or self._has_logged_away:
            _logger.info("receiving messages from Redis")
        self._has_logged_away = False

    def _messages_until_answer(self, pubsub: PubSub) -> list[Message]:
        """Return the messages that Redis sent before it answered a PING.

        Raises:
            TimeoutError: Redis does not answer.
        """
        self._pings += 1
        token = str(self._pings).encode()
        deadline = time.monotonic() + ANSWER_SECONDS
        pubsub.ping(token.decode())
        messages: list[Message] = []
        while (left := deadline - time.monotonic()) > 0:
            answer = pubsub.get_message(timeout=left)
            if answer is not None and answer["type"] == "pong" and answer["data"] == token:
                return messages
            messages += _messages(answer)
        raise TimeoutError(f"no answer for {ANSWER_SECONDS} s")

    def _handle(self, channel: str, raw: bytes) -> None:
        try:
            received = receive(channel, raw)
        except UndecodableMessage as error:
            self._counters.messages[channel, "dropped"] += 1
            self._complaints.warning(f"dropped {channel}", "dropped a message of %s: %s", channel, error)
            return
        if received.message is None:
            self._complaints.warning(
                f"passed on {channel}", "forwarded an undecodable message of %s: %s", channel, received.reason
            )
        if not self._state.needs_latest(received):
            self._apply(received, None, None)
            return
        try:
            with translated():
                stored = self._read_latest(channel)[channel]
            missed = self._missed_entries(self._state.gap(received, stored))
        except RedisFailure:
            # The clients of ``/`` get the message; the next connection begins with ``:latest``.
            self._apply(received, None, None)
            raise
        self._apply(received, stored, missed)

    def _missed_entries(self, gap: Gap | None) -> ResultPage | None:
        """Return the entries of a gap; ``None`` if they no longer exist or are too many to be sent unrequested."""
        if gap is None:
            return None
        try:
            return gap.read_entries(self._log)
        except ValueError as error:
            self._complaints.warning("log", "the alert log cannot be read: %s", error)
            return None

    def _apply(self, received: ReceivedMessage, stored: StoredMessage | None, missed: ResultPage | None) -> None:
        outcome = self._state.apply(received, stored, missed)
        self._counters.messages[outcome.channel, outcome.kind] += 1
        self._deliver(outcome)
        self._counters.push_seconds.observe(time.monotonic() - self._arrived_at)

    def _read_latest(self, *channels: str) -> dict[str, StoredMessage]:
        pipeline = self._redis.pipeline(transaction=False)
        for channel in channels:
            pipeline.get(latest_key(channel))
        pipeline.pttl(latest_key(METRICS_CHANNEL))
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        *raws, ttl_ms = map(self._value_or_none, answers)
        age = None if ttl_ms is None else age_seconds(int(ttl_ms))
        return {
            channel: StoredMessage(raw, age if channel == METRICS_CHANNEL else None)
            for channel, raw in zip(channels, raws, strict=True)
        }

    def _value_or_none(self, answer: Any) -> Any:
        """Return an answer; ``None`` for a key that cannot be read, for example because it has another type."""
        if isinstance(answer, ResponseError):
            self._complaints.warning("unreadable", "a value in Redis cannot be read: %s", answer)
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer


def _messages(answer: dict[str, Any] | None) -> list[Message]:
    if answer is None or answer["type"] != "message":
        return []
    return [(answer["channel"].decode(), answer["data"])]
