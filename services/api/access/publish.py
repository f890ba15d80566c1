"""``/api/publish/…``: publishes a message on a channel for programs without access to Redis."""

import logging
import threading
from typing import Final

from flask import Blueprint, Response, g, request

from api.access.client_address import address
from api.access.rate_limit import PublishLimit
from api.counters import Counters
from api.problems import RequestRefused
from api.redis_connection import RedisConnection
from api.responses import struct_answer
from contract.codec import UndecodableMessage, require_object
from contract.names import CHANNELS, MESSAGE_LIMIT_BYTES
from contract.rest import Published
from runtime.logs import RateLimitedLog
from runtime.quoting import quoted
from runtime.redis_failures import RedisFailure, RedisRefused

#: Seconds after which a retry may succeed.
RETRY_SECONDS: Final = 2

_logger = logging.getLogger(__name__)


class Publisher:
    """Receives messages and publishes them unchanged."""

    def __init__(self, connection: RedisConnection, counters: Counters, limit: PublishLimit, threads: int) -> None:
        """``threads`` of the process. At most half of them wait for message bodies."""
        self._connection = connection
        self._limit = limit
        self._counters = counters
        self._body_slots = threading.BoundedSemaphore(max(1, threads // 2))

    def read(self) -> bytes:
        """Return the body of the current request: a JSON object.

        Raises:
            RequestRefused: the body is not a JSON object or too long, or the limits on concurrent messages or bytes are
                reached.
        """
        if request.mimetype not in ("", "application/json"):
            raise RequestRefused(415, "Send a message as JSON, with Content-Type: application/json.")
        too_long = RequestRefused(413, f"A message has at most {MESSAGE_LIMIT_BYTES} bytes.")
        if (request.content_length or 0) > MESSAGE_LIMIT_BYTES:
            raise too_long
        # Read a body of unknown length up to one byte above the limit.
        request.max_content_length = MESSAGE_LIMIT_BYTES + 1
        if not self._body_slots.acquire(blocking=False):
            raise RequestRefused(
                503,
                "The api is receiving too many messages at the same time.",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        try:
            self._limit.count(g.grant, request.content_length or 0)
            body = request.get_data(cache=False)
        finally:
            self._body_slots.release()
        if request.content_length is None:
            self._limit.count_after_reading(g.grant, len(body))
        if len(body) > MESSAGE_LIMIT_BYTES:
            raise too_long
        try:
            require_object(body)
        except UndecodableMessage as error:
            raise RequestRefused(400, f"A message must be a JSON object; this one is {error.reason}.") from None
        return body

    def publish(self, channel: str, body: bytes) -> int:
        """Publish ``body`` and return the number of subscribers.

        Raises:
            RequestRefused: Redis did not publish the message.
        """
        try:
            receivers: int = self._connection.ask(lambda client: client.publish(channel, body))
        except RedisFailure as error:
            reason = (
                f"Redis refused the message: {error}" if isinstance(error, RedisRefused) else "Redis does not answer"
            )
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise RequestRefused(503, f"The message was not published: {reason}.", headers=headers) from None
        self._counters.published.labels(channel).inc()
        return receivers


def publish_routes(publisher: Publisher) -> Blueprint:
    """Return the route."""
    routes = Blueprint("publish", __name__, url_prefix="/api/publish")
    limited_log = RateLimitedLog(_logger)

    @routes.post("/<path:channel>")
    def publish(channel: str) -> Response:
        """Publish the body on a channel, its bytes unchanged."""
        try:
            if channel not in CHANNELS:
                raise RequestRefused(
                    404, f"No channel is called {quoted(channel)}. The channels are: {', '.join(CHANNELS)}."
                )
            receivers = publisher.publish(channel, publisher.read())
        except RequestRefused as refused:
            name, reason = g.grant.name, refused.detail[:200]
            limited_log.warning(
                f"{name} {refused.status}",
                "refused a message of %r from %s for %r: %r", name, address(), channel[:100], reason,
            )  # fmt: skip
            raise
        response = struct_answer(Published(channel=channel, receivers=receivers))
        response.status_code = 202
        return response

    return routes
