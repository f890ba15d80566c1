"""Calls of our Redis functions, by a blocking or an asyncio client.

Who finds the functions of this version missing loads them, if its Redis user may. Else Redis can do nothing that takes
a function until somebody loads them, and every call says so.
"""

from typing import Any, Final, Protocol

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError, ResponseError

from runtime.redis_failures import FunctionsMissing

#: What Redis says where the function is not loaded, and where the user may not call any, as its rules of 0.1.1 have it.
_NOT_LOADED: Final = "Function not found"
_NOT_ALLOWED: Final = "'fcall' command"


#: The keys of a call, and its other arguments.
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
    """Return the answer of a function.

    Raises:
        FunctionsMissing: the function is not loaded, and cannot be; or the user may call none.
        redis.RedisError: Redis did not answer, or with an error.
    """
    keys, args = arguments
    name, words = function.function_name, (*keys, *args)
    try:
        return client.fcall(name, len(keys), *words)
    except ResponseError as error:
        _require_loading_helps(error)
    try:
        _load(client, function.library)
    except ResponseError as error:
        _require_another_was_quicker(error, function)
    return client.fcall(name, len(keys), *words)


def _load(client: Redis, library: str) -> None:
    """Load the library, also into a Redis that is full of history: it is some kilobytes."""
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
    """Return the answer of a function, as ``call`` does; into a full Redis it loads nothing."""
    keys, args = arguments
    name, words = function.function_name, (*keys, *args)
    try:
        return await client.fcall(name, len(keys), *words)
    except ResponseError as error:
        _require_loading_helps(error)
    try:
        await client.function_load(function.library)
    except ResponseError as error:
        _require_another_was_quicker(error, function)
    return await client.fcall(name, len(keys), *words)


def _require_loading_helps(error: ResponseError) -> None:
    """Raise where a call failed for another reason than that the function is not loaded."""
    if _NOT_ALLOWED in str(error):
        raise FunctionsMissing(
            f"the Redis user of this service may not call functions ({error}): "
            'docs/data.md, "A Redis of your own", has the users\' lines'
        ) from None
    if _NOT_LOADED not in str(error):
        raise error


def _require_another_was_quicker(error: ResponseError, function: Function) -> None:
    """Raise where the library was not loaded, unless another client has loaded it meanwhile."""
    if "already exists" not in str(error):
        raise FunctionsMissing(
            f"Redis lacks the function {function.function_name} of the library {function.library_name}, and this "
            f"service cannot load it ({error}): "
            'docs/data.md, "Functions in a Redis of your own", says how to load the library'
        ) from None
