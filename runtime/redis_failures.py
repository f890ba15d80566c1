"""What Redis can fail with, for all services.

::

    RedisFailure
    ├── RedisAway           no answer: what was asked for may have happened or not
    └── RedisRefused        the answer is an error, and nothing has happened
        ├── RedisFull       there is no memory left for what was to be written
        └── FunctionsMissing  the functions of this version are not loaded, or this user may call none
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

T = TypeVar("T")


class RedisFailure(Exception):
    """Redis did not do what it was asked. The text says why."""


class RedisAway(RedisFailure):
    """Redis does not answer, or did not a moment ago."""


class RedisRefused(RedisFailure):
    """Redis answered with an error, for instance because the key holds another kind of value. The text is the error."""


class RedisFull(RedisRefused):
    """Redis has no memory left for what was to be written."""


class FunctionsMissing(RedisRefused):
    """Redis answers, but its user cannot call our functions. The text says why, and where it says what to do."""


@contextmanager
def translated() -> Iterator[None]:
    """Translate the driver's errors.

    Raises:
        RedisFailure: in place of any error of the driver or of the network.
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
        RedisFailure: Redis did not answer, or with an error.
    """
    with translated():
        return question(client)
