import asyncio

import pytest

from collector.link import Former, RedisLacksFunctions, RedisLink
from contract.history import TEN_SECONDS
from contract.scripts import HistoryRecord, Lease
from tests.drivers.redis_users import url_of, users


@pytest.fixture
def user(redis):
    """A user that may read what a collector left, and nothing else."""
    redis.execute_command("ACL SETUSER reader reset on >secret ~* +get +xrevrange")
    yield "reader:secret"
    redis.execute_command("ACL DELUSER reader")
    redis.execute_command("ACL LOG RESET")


def test_link_sends_nothing_but_its_credentials_when_it_connects(valkey, redis, user):
    redis.config_resetstat()

    async def run():
        link = RedisLink(valkey.url.replace("//", f"//{user}@"))
        try:
            return await link.read_former()
        finally:
            await link.close()

    assert asyncio.run(run()) == Former(None, None, None)
    sent = {name.removeprefix("cmdstat_") for name in redis.info("commandstats")} - {"config|resetstat", "info"}
    assert sent == {"auth", "get", "xrevrange"}
    assert redis.execute_command("ACL LOG") == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda link: link.take_lease(Lease("one", "lab", 60.0), 0),
        # What Redis refuses is dropped, and history must wait.
        lambda link: link.record(1, [HistoryRecord(TEN_SECONDS, "a", 1_795_426_860, b"[5,12.5]")], 1.0),
    ],
    ids=["lease", "history"],
)
def test_link_tells_missing_functions_from_a_refusal(valkey, ask):
    async def run():
        link = RedisLink(url_of(valkey, "collector"))
        try:
            await ask(link)
        finally:
            await link.close()

    with users(valkey), pytest.raises(RedisLacksFunctions, match="Functions in a Redis of your own"):
        asyncio.run(run())
