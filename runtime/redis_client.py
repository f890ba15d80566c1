"""The blocking Redis client of the services: it gives up soon and tries nothing twice."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def blocking_client(url: str, *, connect_seconds: float, answer_seconds: float) -> Redis:
    """Return a client whose connections and answers take at most that long; it connects when first used.

    A repeated question would double the wait, and a repeated script publish twice: repeating is for the caller.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=connect_seconds,
        socket_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )
