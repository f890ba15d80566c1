"""The blocking Redis client of the services, with short timeouts and without retries."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def blocking_client(url: str, *, connect_seconds: float, answer_seconds: float) -> Redis:
    """Return a client with these timeouts; it connects at its first use.

    It never retries: a retry would double the wait, and a repeated script would publish twice. Callers may retry.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=connect_seconds,
        socket_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )
