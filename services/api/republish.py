"""Has the collector's last message published again.

Redis limits this to ten publications a second; one more follows the last call.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api.counters import Counters
from api.message_store import MessageStore
from api.redis_connection import RedisConnection
from contract.names import REPUBLISH_INTERVAL_MS
from contract.scripts import REPUBLISH, RepublishReply, republish_call, republish_reply
from runtime.redis_failures import RedisAway, RedisFailure, RedisRefused

_logger = logging.getLogger(__name__)

_INTERVAL_SECONDS: Final = REPUBLISH_INTERVAL_MS / 1000
#: Largest error, in seconds, of Redis' rounding of key lifetimes to milliseconds.
_ROUNDING_SECONDS: Final = 0.005


@dataclass(frozen=True)
class _Pending:
    """A publication at ``due`` for calls up to ``last_call``. Both are monotonic times."""

    due: float
    last_call: float


class Republisher:
    """Publishes stored messages again, unchanged.

    Redis limits the rate for all api processes together. One later publication, of this or any other process, replaces
    all calls above the limit that came before it. A background thread makes that publication; it starts when it is
    first needed.
    """

    def __init__(
        self,
        connection: RedisConnection,
        store: MessageStore,
        counters: Counters,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._store = store
        self._counters = counters
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._pending: dict[str, _Pending] = {}
        self._thread: threading.Thread | None = None

    def republish(self, channel: str) -> None:
        """Publish the channel's stored message, now or soon. Do nothing if no message is stored or Redis is away.

        The store remembers the message that was read on the way.
        """
        called_at = self._monotonic()
        try:
            answer = self._publish(channel)
        except RedisAway:
            return
        except RedisRefused:
            self._store.refresh(channel)
            return
        if answer.wait_seconds > 0:
            self._postpone(channel, self._monotonic() + answer.wait_seconds, called_at)

    def finish(self, limit_seconds: float) -> None:
        """Wait until no publication is pending, for at most ``limit_seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pending, limit_seconds)

    def _publish(self, channel: str) -> RepublishReply:
        asked_at = self._monotonic()
        answer = republish_reply(self._connection.call(REPUBLISH, republish_call(channel)))
        self._store.remember(channel, answer.message, answer.age_seconds, asked_at)
        if answer.message is not None and answer.wait_seconds == 0:
            self._counters.publications.labels(channel).inc()
            self._settle(channel, asked_at)
        return answer

    def _postpone(self, channel: str, due: float, last_call: float) -> None:
        with self._changed:
            previous = self._pending.get(channel)
            if previous is not None:
                due, last_call = min(due, previous.due), max(last_call, previous.last_call)
            self._pending[channel] = _Pending(due, last_call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="republish", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _settle(self, channel: str, published_at: float) -> None:
        """A publication at or after ``published_at`` covers the calls up to that time."""
        with self._changed:
            pending = self._pending.get(channel)
            if pending is not None and pending.last_call <= published_at:
                del self._pending[channel]
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            channel = self._wait_for_due()
            try:
                self._publish_pending(channel)
            except RedisFailure:
                self._settle(channel, self._monotonic())
            except Exception:
                _logger.exception("a postponed publication failed")
                self._settle(channel, self._monotonic())

    def _publish_pending(self, channel: str) -> None:
        asked_at = self._monotonic()
        answer = self._publish(channel)
        if answer.message is None:
            self._settle(channel, self._monotonic())
        elif answer.wait_seconds > 0:
            # Another process published, at most this long ago.
            ago = max(0.0, _INTERVAL_SECONDS - answer.wait_seconds) + _ROUNDING_SECONDS
            self._settle(channel, asked_at - ago)
            self._defer(channel, self._monotonic() + answer.wait_seconds)

    def _wait_for_due(self) -> str:
        with self._changed:
            while True:
                if not self._pending:
                    self._changed.wait()
                    continue
                channel, pending = min(self._pending.items(), key=lambda item: item[1].due)
                left = pending.due - self._monotonic()
                if left <= 0:
                    return channel
                self._changed.wait(left)

    def _defer(self, channel: str, due: float) -> None:
        with self._changed:
            pending = self._pending.get(channel)
            if pending is not None:
                self._pending[channel] = _Pending(due, pending.last_call)
