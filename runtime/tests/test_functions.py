"""The scripts as functions, on a real Valkey: loaded by whoever may, and missed by all others."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError, ResponseError

from contract.library import LIBRARY
from contract.names import EPOCH_KEY, LEASE_KEY
from contract.scripts import (
    RELEASE_LEASE,
    TAKE_LEASE,
    Lease,
    release_lease_call,
    take_lease_call,
    take_lease_reply,
)
from runtime.functions import call, call_async
from runtime.redis_failures import FunctionsMissing
from tests.drivers.valkey import Valkey

LEASE = Lease("one", "lab", 60.0)
TAKE = take_lease_call(LEASE, 0)
NAME = LIBRARY.partition("name=")[2].partition("\n")[0]
OPERATIONS = Path(__file__).parents[2] / "docs/data.md"
HEADING = "Functions in a Redis of your own"
#: What a user may do who may call functions and load none.
RULES = "on >secret ~* &* -@all +ping +fcall +time +hget +hmget +hset +del +pexpire +xrevrange"


@pytest.fixture(autouse=True)
def without_functions(redis: Redis) -> Iterator[None]:
    redis.function_flush()
    redis.config_resetstat()
    yield
    redis.function_flush()


def libraries(redis: Redis) -> list[str]:
    return [library[1].decode() for library in redis.function_list()]


def calls(redis: Redis, command: str) -> int:
    """How often the server was asked to do this, with success."""
    stats = redis.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})
    return int(stats["calls"]) - int(stats.get("failed_calls", 0))


@pytest.fixture
def user(redis: Redis, valkey: Valkey) -> Iterator[Redis]:
    """A user who may call functions, and load none."""
    redis.execute_command("ACL SETUSER", "caller", "reset", *RULES.split())
    client = Redis.from_url(valkey.url.replace("//", "//caller:secret@"), socket_timeout=10)
    yield client
    client.close()
    redis.execute_command("ACL DELUSER", "caller")


def test_library_is_loaded_by_the_first_caller_that_may_and_called_from_then_on(redis: Redis) -> None:
    first = take_lease_reply(call(redis, TAKE_LEASE, TAKE))
    second = take_lease_reply(call(redis, TAKE_LEASE, TAKE))
    assert (first.outcome, second.outcome) == ("taken", "taken")
    assert libraries(redis) == [NAME]
    assert calls(redis, "fcall") == 2


def test_library_is_loaded_when_redis_is_full_and_the_limit_is_as_before(redis: Redis) -> None:
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            redis.function_load(LIBRARY)
        call(redis, RELEASE_LEASE, release_lease_call(LEASE))
        assert libraries(redis) == [NAME]
        assert redis.config_get("maxmemory") == {"maxmemory": "1"}
    finally:
        redis.config_set("maxmemory", 0)


def test_library_is_loaded_once_when_many_callers_find_it_missing(redis: Redis, valkey: Valkey) -> None:
    # given
    answers: list[object] = []
    together = threading.Barrier(8)

    def caller() -> None:
        with valkey.client() as client:
            client.ping()
            together.wait()
            answers.append(call(client, RELEASE_LEASE, release_lease_call(LEASE)))

    # when
    threads = [threading.Thread(target=caller) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # then
    assert answers == [0] * 8
    assert libraries(redis) == [NAME]


def test_library_is_loaded_again_when_redis_lost_it(redis: Redis) -> None:
    call(redis, TAKE_LEASE, TAKE)
    redis.flushall()
    assert libraries(redis) == [NAME]
    redis.function_flush()
    assert take_lease_reply(call(redis, TAKE_LEASE, TAKE)).outcome == "taken"
    assert libraries(redis) == [NAME]


def test_asyncio_client_loads_and_calls_as_the_blocking_one_does(redis: Redis, valkey: Valkey) -> None:
    async def twice() -> list[str]:
        async with AsyncRedis.from_url(valkey.url, socket_timeout=10) as client:
            return [take_lease_reply(await call_async(client, TAKE_LEASE, TAKE)).outcome for _ in range(2)]

    assert asyncio.run(twice()) == ["taken", "taken"]
    assert libraries(redis) == [NAME]
    assert calls(redis, "fcall") == 2


def test_error_names_the_missing_function_and_the_docs_page_when_the_caller_may_not_load(
    redis: Redis, user: Redis
) -> None:
    # when nobody has loaded the library
    with pytest.raises(FunctionsMissing) as caught:
        call(user, TAKE_LEASE, TAKE)
    # then
    assert TAKE_LEASE.function_name in str(caught.value)
    assert NAME in str(caught.value)
    assert f'docs/data.md, "{HEADING}"' in str(caught.value)
    assert f"### {HEADING}\n" in OPERATIONS.read_text()
    assert libraries(redis) == []
    assert not redis.exists(LEASE_KEY)
    # and at the next call it is there
    redis.function_load(LIBRARY)
    assert take_lease_reply(call(user, TAKE_LEASE, TAKE)).outcome == "taken"


def test_error_names_the_acl_when_the_user_may_not_call_functions(redis: Redis, user: Redis) -> None:
    redis.function_load(LIBRARY)
    redis.execute_command("ACL SETUSER", "caller", "-fcall", "+function|load")
    with pytest.raises(FunctionsMissing, match=r"'fcall'.*\"A Redis of your own\", for the users' ACL lines"):
        call(user, TAKE_LEASE, TAKE)


def test_asyncio_caller_gets_the_same_error_when_the_library_is_missing(valkey: Valkey, user: Redis) -> None:
    async def once() -> None:
        url = valkey.url.replace("//", "//caller:secret@")
        async with AsyncRedis.from_url(url, socket_timeout=10) as client:
            await call_async(client, TAKE_LEASE, TAKE)

    with pytest.raises(FunctionsMissing) as asynchronous:
        asyncio.run(once())
    with pytest.raises(FunctionsMissing) as blocking:
        call(user, TAKE_LEASE, TAKE)
    assert str(asynchronous.value) == str(blocking.value)


def test_function_of_this_version_stands_beside_one_of_another(redis: Redis) -> None:
    # given
    version = NAME.partition("_")[2]
    other = LIBRARY.replace(version, "0" * len(version)).replace("'taken'", "'otherwise'")
    redis.function_load(other)
    # when
    call(redis, TAKE_LEASE, TAKE)
    # then
    assert sorted(libraries(redis)) == sorted([NAME, f"dispycluster_{'0' * len(version)}"])
    keys, args = TAKE
    former = redis.fcall(TAKE_LEASE.function_name.replace(version, "0" * len(version)), len(keys), *keys, *args)
    assert former[0] == b"otherwise"
    assert call(redis, TAKE_LEASE, TAKE)[0] == b"taken"


def test_error_of_a_function_is_raised_and_nothing_tried_again(redis: Redis) -> None:
    call(redis, TAKE_LEASE, TAKE)
    redis.delete(EPOCH_KEY, LEASE_KEY)
    redis.set(EPOCH_KEY, "no hash")
    redis.config_resetstat()
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        call(redis, TAKE_LEASE, TAKE)
    assert redis.info("commandstats")["cmdstat_fcall"]["calls"] == 1


def test_backup_is_read_with_its_functions_and_without(valkey: Valkey, redis: Redis, tmp_path: Path) -> None:
    # given a dump with the functions, and one of before
    old, new = tmp_path / "old", tmp_path / "new"
    dump = Path(redis.config_get("dir")["dir"]) / "dump.rdb"
    for folder, prepare in ((old, redis.function_flush), (new, lambda: redis.function_load(LIBRARY))):
        redis.hset(EPOCH_KEY, "epoch", "4000000000")
        prepare()
        redis.save()
        folder.mkdir()
        dump.rename(folder / "dump.rdb")
    redis.close()
    for folder, loaded in ((old, []), (new, [NAME])):
        # when
        valkey.stop()
        valkey.start(folder)
        # then
        with valkey.client() as client:
            assert libraries(client) == loaded
            assert take_lease_reply(call(client, TAKE_LEASE, TAKE)).epoch == 4_000_000_001
            assert libraries(client) == [NAME]
