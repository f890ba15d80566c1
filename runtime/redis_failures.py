"""The failures of Redis, for all services.

::

    RedisFailure
    ├── RedisAway               no answer: the command may have run or not
    └── RedisRefused            an error as the answer: the command did not run
        ├── RedisFull           Redis has no memory left for the write
        └── FunctionsMissing    this version's functions are not loaded, or the user may not call functions
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

T = TypeVar("T")


class RedisFailure(Exception):
    """A command failed. The text is the reason."""


class RedisAway(RedisFailure):
    """Redis does not answer, or did not answer a moment ago."""


class RedisRefused(RedisFailure):
    """Redis answered with an error, for instance because the key has another type. The text is the error."""


class RedisFull(RedisRefused):
    """Redis has no memory left for the write."""


class FunctionsMissing(RedisRefused):
    """Redis answers but cannot run the product's functions. The text has the reason and the page with the remedy."""


@contextmanager
def translated() -> Iterator[None]:
    """Translate errors of the driver and of the network.

    Raises:
        RedisFailure: replaces the original error.
    """
    try:
        yield
    except OutOfMemoryError as error:
        raise RedisFull(str(error)) from None
    except ResponseError as error:
        raise RedisRefused(str(error)) from None
    except (RedisError, OSError) as error:
        raise RedisAway(str(error) or type(error).__name__) from None


def ask(client: Redis, question: Callable[[Redis], T]) -> T:
    """Return ``question(client)``.

    Raises:
        RedisFailure: Redis did not answer, or answered with an error.
    """
    with translated():
        return question(client)
