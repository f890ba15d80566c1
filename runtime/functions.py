"""Calls of the product's Redis functions, with a blocking or an asyncio client.

A call that finds this version's functions missing loads them, if its Redis user has the right. Otherwise every call
raises ``FunctionsMissing`` until an operator loads the functions.
"""

from typing import Any, Final, Protocol

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError, ResponseError

from runtime.redis_failures import FunctionsMissing

#: Parts of Redis's errors for a function that is not loaded, and for a user without the right to call functions, such
#: as a user of 0.1.1.
_NOT_LOADED: Final = "Function not found"
_NOT_ALLOWED: Final = "'fcall' command"


#: Keys and other arguments of a call.
Call = tuple[list[str], list[str | bytes | int | float]]


class Function(Protocol):
    """A function of a library that can be loaded into Redis."""

    @property
    def function_name(self) -> str: ...  # noqa: D102
    @property
    def library_name(self) -> str: ...  # noqa: D102
    @property
    def library(self) -> str: ...  # noqa: D102


def call(client: Redis, function: Function, arguments: Call) -> Any:
    """Call a function and return its reply.

    Raises:
        FunctionsMissing: the function cannot be loaded, or the user may not call functions.
        redis.RedisError: Redis did not answer, or answered with an error.
    """
    keys, args = arguments
    name, words = function.function_name, (*keys, *args)
    try:
        return client.fcall(name, len(keys), *words)
    except ResponseError as error:
        _raise_unless_not_loaded(error)
    try:
        _load(client, function.library)
    except ResponseError as error:
        _raise_unless_already_loaded(error, function)
    return client.fcall(name, len(keys), *words)


def _load(client: Redis, library: str) -> None:
    """Load the library of some kilobytes, even into a full Redis."""
    try:
        client.function_load(library)
    except OutOfMemoryError:
        limit = client.config_get("maxmemory")["maxmemory"] or 0
        client.config_set("maxmemory", 0)
        try:
            client.function_load(library)
        finally:
            client.config_set("maxmemory", limit)


async def call_async(client: AsyncRedis, function: Function, arguments: Call) -> Any:
    """Call a function and return its reply, as ``call`` does. It does not load the library into a full Redis."""
    keys, args = arguments
    name, words = function.function_name, (*keys, *args)
    try:
        return await client.fcall(name, len(keys), *words)
    except ResponseError as error:
        _raise_unless_not_loaded(error)
    try:
        await client.function_load(function.library)
    except ResponseError as error:
        _raise_unless_already_loaded(error, function)
    return await client.fcall(name, len(keys), *words)


def _raise_unless_not_loaded(error: ResponseError) -> None:
    """Raise unless a call failed because the function is not loaded."""
    if _NOT_ALLOWED in str(error):
        raise FunctionsMissing(
            f"the Redis user of this service may not call functions ({error}): "
            'see docs/data.md, "A Redis of your own", for the users\' ACL lines'
        ) from None
    if _NOT_LOADED not in str(error):
        raise error


def _raise_unless_already_loaded(error: ResponseError, function: Function) -> None:
    """Raise unless another client has loaded the library in the meantime."""
    if "already exists" not in str(error):
        raise FunctionsMissing(
            f"Redis lacks the function {function.function_name} of the library {function.library_name}, and this "
            f"service cannot load it ({error}): "
            'see docs/data.md, "Functions in a Redis of your own", to load the library'
        ) from None
