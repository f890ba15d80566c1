"""Calls of our Redis functions, by a blocking or an asyncio client.

Who finds the functions of this version missing loads them, if its Redis user may, and else has the script evaluated.
In this release the users may still do that, since replicas of the release before do nothing else; in the next they
may not.
"""

import logging
from typing import Any, Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ResponseError

from contract.library import LIBRARY, function_name
from contract.runtime.logs import Occasionally
from contract.scripts import Call, Script

#: What Redis says where the function is not loaded, and where the user may not call any, as its former rules had it.
_NOT_LOADED: Final = "Function not found"
_NOT_ALLOWED: Final = "'fcall' command"

_complaints: Final = Occasionally(logging.getLogger(__name__))


def call(client: Redis, script: Script, arguments: Call) -> Any:
    """Return the answer of a script's function.

    Raises:
        redis.RedisError: Redis did not answer, or with an error.
    """
    keys, args = arguments
    name, words = function_name(script), (*keys, *args)
    try:
        return client.fcall(name, len(keys), *words)
    except ResponseError as error:
        if not _is_missing(error):
            raise
    try:
        client.function_load(LIBRARY)
    except ResponseError as error:
        if not _was_quicker(error):
            return client.register_script(script.text)(keys=keys, args=args)
    return client.fcall(name, len(keys), *words)


async def call_async(client: AsyncRedis, script: Script, arguments: Call) -> Any:
    """Return the answer of a script's function, as ``call`` does."""
    keys, args = arguments
    name, words = function_name(script), (*keys, *args)
    try:
        return await client.fcall(name, len(keys), *words)
    except ResponseError as error:
        if not _is_missing(error):
            raise
    try:
        await client.function_load(LIBRARY)
    except ResponseError as error:
        if not _was_quicker(error):
            return await client.register_script(script.text)(keys=keys, args=args)
    return await client.fcall(name, len(keys), *words)


def _is_missing(error: ResponseError) -> bool:
    return _NOT_LOADED in str(error) or _NOT_ALLOWED in str(error)


def _was_quicker(error: ResponseError) -> bool:
    """Whether the library was not loaded because another client has loaded it; else the log says why."""
    if "already exists" in str(error):
        return True
    _complaints.warning("functions", "this version's functions cannot be called in Redis, nor loaded: %s", error)
    return False
