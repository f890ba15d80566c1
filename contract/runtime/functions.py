"""Calls of our Redis functions, by a blocking or an asyncio client.

Who finds the functions of this version missing loads them, if its Redis user may. Else Redis can do nothing that takes
a function until somebody loads them, and every call says so.
"""

from typing import Any, Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from contract.library import LIBRARY, LIBRARY_NAME, function_name
from contract.scripts import Call, Script

#: What Redis says where the function is not loaded, and where the user may not call any, as its rules of 0.1.1 have it.
_NOT_LOADED: Final = "Function not found"
_NOT_ALLOWED: Final = "'fcall' command"


class FunctionsMissing(RedisError):
    """Redis answers, but its user cannot call our functions. The text says why, and where it says what to do."""


def call(client: Redis, script: Script, arguments: Call) -> Any:
    """Return the answer of a script's function.

    Raises:
        FunctionsMissing: the function is not loaded, and cannot be; or the user may call none.
        redis.RedisError: Redis did not answer, or with an error.
    """
    keys, args = arguments
    name, words = function_name(script), (*keys, *args)
    try:
        return client.fcall(name, len(keys), *words)
    except ResponseError as error:
        _require_loading_helps(error)
    try:
        _load(client)
    except ResponseError as error:
        _require_another_was_quicker(error, name)
    return client.fcall(name, len(keys), *words)


def _load(client: Redis) -> None:
    """Load the library, also into a Redis that is full of history: it is some kilobytes."""
    try:
        client.function_load(LIBRARY)
    except OutOfMemoryError:
        limit = client.config_get("maxmemory")["maxmemory"] or 0
        client.config_set("maxmemory", 0)
        try:
            client.function_load(LIBRARY)
        finally:
            client.config_set("maxmemory", limit)


async def call_async(client: AsyncRedis, script: Script, arguments: Call) -> Any:
    """Return the answer of a script's function, as ``call`` does; into a full Redis it loads nothing."""
    keys, args = arguments
    name, words = function_name(script), (*keys, *args)
    try:
        return await client.fcall(name, len(keys), *words)
    except ResponseError as error:
        _require_loading_helps(error)
    try:
        await client.function_load(LIBRARY)
    except ResponseError as error:
        _require_another_was_quicker(error, name)
    return await client.fcall(name, len(keys), *words)


def _require_loading_helps(error: ResponseError) -> None:
    """Raise where a call failed for another reason than that the function is not loaded."""
    if _NOT_ALLOWED in str(error):
        raise FunctionsMissing(
            f"the Redis user of this service may not call functions ({error}): "
            'docs/operations.md, "A Redis of your own", has the users\' lines'
        ) from None
    if _NOT_LOADED not in str(error):
        raise error


def _require_another_was_quicker(error: ResponseError, name: str) -> None:
    """Raise where the library was not loaded, unless another client has loaded it meanwhile."""
    if "already exists" not in str(error):
        raise FunctionsMissing(
            f"Redis lacks the function {name} of the library {LIBRARY_NAME}, and this service cannot load it "
            f'({error}): docs/operations.md, "Functions in a Redis of your own", says how to load the library'
        ) from None
