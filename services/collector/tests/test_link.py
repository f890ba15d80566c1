import asyncio

import pytest

from collector.link import Former, RedisLink


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
