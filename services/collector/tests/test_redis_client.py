import asyncio

import pytest

from collector.redis_client import PreviousState, RedisClient
from contract.history import TEN_SECONDS
from contract.names import ALERT_LOG_KEY, EPOCH_KEY, INCIDENTS_KEY, METRICS_CHANNEL, RULES_KEY, latest_key
from contract.scripts import HistoryRecord, Lease, Publication
from runtime.redis_failures import FunctionsMissing
from tests.drivers.redis_users import url_of, users


@pytest.fixture
def user(redis):
    """A user that may only read the previous collector's state."""
    redis.execute_command("ACL SETUSER reader reset on >secret ~* +get +xrevrange")
    yield "reader:secret"
    redis.execute_command("ACL DELUSER reader")
    redis.execute_command("ACL LOG RESET")


def test_link_sends_nothing_but_its_credentials_when_it_connects(valkey, redis, user):
    redis.config_resetstat()

    async def run():
        link = RedisClient(valkey.url.replace("//", f"//{user}@"))
        try:
            return await link.read_previous_state()
        finally:
            await link.close()

    assert asyncio.run(run()) == PreviousState(None, None, None)
    sent = {name.removeprefix("cmdstat_") for name in redis.info("commandstats")} - {"config|resetstat", "info"}
    assert sent == {"auth", "get", "xrevrange"}
    assert redis.execute_command("ACL LOG") == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda link: link.take_lease(Lease("one", "lab", 60.0), 0),
        # Refused history is dropped, but without functions history must wait.
        lambda link: link.record(1, [HistoryRecord(TEN_SECONDS, "a", 1_795_426_860, b"[5,12.5]")], 1.0),
    ],
    ids=["lease", "history"],
)
def test_link_distinguishes_missing_functions_from_a_refusal(valkey, ask):
    async def run():
        link = RedisClient(url_of(valkey, "collector"))
        try:
            await ask(link)
        finally:
            await link.close()

    with users(valkey), pytest.raises(FunctionsMissing, match="Functions in a Redis of your own"):
        asyncio.run(run())


#: ACL of the collector's user in a release without rules in Redis.
PREVIOUS_USER = (
    "reset on >secret ~cluster:metrics:latest ~cluster:health:latest ~cluster:alerts:latest ~cluster:alerts:log "
    "~cluster:history:* ~cluster:collector ~cluster:collector:epoch &cluster:metrics -@all +ping +fcall +get "
    "+set +pexpire +hmget +hset +publish +xadd +xrange +xrevrange +function|load"
)


@pytest.fixture
def previous_user(redis):
    redis.execute_command("ACL SETUSER former", *PREVIOUS_USER.split())
    yield "former:secret"
    redis.execute_command("ACL DELUSER former")
    redis.execute_command("ACL LOG RESET")


def test_round_is_published_without_rules_and_incidents_when_the_acl_is_of_a_previous_release(
    valkey, redis, previous_user, caplog
):
    redis.hset(EPOCH_KEY, "epoch", "7")

    async def run():
        link = RedisClient(valkey.url.replace("//", f"//{previous_user}@"))
        try:
            lease, entry = Lease("me", "lab", 2.0), ("7-1", b"entry")
            rounds = [
                Publication(
                    lease,
                    7,
                    seq,
                    {METRICS_CHANNEL: b"%d" % seq},
                    (entry,),
                    **({"rules": b"r"} if seq == 1 else {"incidents": {"7-1": b"i"}, "incidents_since": "x"}),
                )
                for seq in (1, 2, 3)
            ]
            return [await link.publish(each) for each in rounds]
        finally:
            await link.close()

    assert asyncio.run(run()) == ["published"] * 3
    assert redis.get(latest_key(METRICS_CHANNEL)) == b"3"
    assert redis.exists(RULES_KEY, INCIDENTS_KEY) == 0
    assert redis.xlen(ALERT_LOG_KEY) == 1
    # One log line, and no immediate retry.
    told = [record.message.partition(";")[0] for record in caplog.records]
    assert told == ["published a round without rules and incidents"]
    assert [entry["count"] for entry in redis.acl_log()] == [1]
