"""The scripts of access, on a real Valkey."""

import threading
from collections.abc import Callable

import pytest
from redis import Redis

from contract.access.scripts import (
    ADDRESS_FREE,
    ATTEMPT_SIGN_IN,
    DELAY_KEPT_SECONDS,
    FORGIVE_SIGN_IN,
    REVOKE,
    USER_FREE,
    attempt_sign_in_answer,
    attempt_sign_in_call,
    forgive_sign_in_call,
    revoke_call,
)
from contract.names import REVOCATIONS_KEY, REVOKED_CHANNEL


def attempt(redis: Redis, user: str = "ada", address: str = "192.0.2.1") -> float:
    return attempt_sign_in_answer(redis.register_script(ATTEMPT_SIGN_IN)(*attempt_sign_in_call(user, address)))


def forgive(redis: Redis, user: str = "ada", address: str = "192.0.2.1") -> None:
    redis.register_script(FORGIVE_SIGN_IN)(*forgive_sign_in_call(user, address))


def pass_time(redis: Redis, seconds: float) -> None:
    """Let the delays grow older: what is left of their lives is the clock that they go by."""
    for key in redis.keys("cluster:access:delay:*"):
        redis.pexpire(key, redis.pttl(key) - round(seconds * 1000))


def pauses(redis: Redis, count: int, another: Callable[[], float]) -> list[int]:
    """The next pauses, each waited for, in whole seconds."""
    found = []
    for _ in range(count):
        wait = another()
        found.append(round(wait))
        pass_time(redis, wait)
        assert another() == 0.0
    return found


def test_user_waits_longer_with_each_attempt_after_the_first_ones(redis: Redis) -> None:
    numbers = iter(range(1000))
    anywhere = lambda: attempt(redis, address=f"192.0.2.{next(numbers)}")  # noqa: E731
    assert [anywhere() for _ in range(USER_FREE)] == [0.0] * USER_FREE
    assert pauses(redis, 8, anywhere) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_address_waits_longer_with_each_attempt_after_the_first_ones(redis: Redis) -> None:
    numbers = iter(range(1000))
    anybody = lambda: attempt(redis, user=f"user{next(numbers)}")  # noqa: E731
    assert [anybody() for _ in range(ADDRESS_FREE)] == [0.0] * ADDRESS_FREE
    assert pauses(redis, 11, anybody) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_attempt_in_a_pause_changes_nothing(redis: Redis) -> None:
    for _ in range(USER_FREE):
        attempt(redis)
    before = {key: redis.hgetall(key) for key in redis.scan_iter()}
    waits = [attempt(redis) for _ in range(20)]
    assert all(0 < wait <= 1 for wait in waits)
    assert waits == sorted(waits, reverse=True)
    # Nor is it one of another user, or from another address.
    assert attempt(redis, address="192.0.2.2") > 0
    assert {key: redis.hgetall(key) for key in redis.scan_iter()} == before
    assert attempt(redis, user="bob") == 0.0


def test_parallel_attempts_do_not_slip_through(redis: Redis) -> None:
    answers: list[float] = []
    threads = [threading.Thread(target=lambda: answers.append(attempt(redis))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(0.0) == USER_FREE


def test_success_clears_the_user_and_only_itself_of_the_address(redis: Redis) -> None:
    for _ in range(ADDRESS_FREE - 1):
        assert attempt(redis, user="bob") == 0.0 or pass_time(redis, 60) is None
    for _ in range(USER_FREE - 1):
        attempt(redis, address="192.0.2.9")
    assert attempt(redis, address="192.0.2.10") == 0.0
    forgive(redis, address="192.0.2.10")
    assert [attempt(redis, address="192.0.2.10") for _ in range(USER_FREE)] == [0.0] * USER_FREE
    # An address whose people sign in is never paused.
    redis.flushall()
    for number in range(3 * ADDRESS_FREE):
        assert attempt(redis, user=f"user{number}") == 0.0
        forgive(redis, user=f"user{number}")
    # One who guesses gains nothing by signing in himself in between.
    redis.flushall()
    for number in range(ADDRESS_FREE):
        assert attempt(redis, user=f"victim{number}") == 0.0
        if number < ADDRESS_FREE - 1:
            assert attempt(redis, user="mallory") == 0.0
            forgive(redis, user="mallory")
    assert attempt(redis, user="mallory") > 0


def test_delay_is_forgotten_an_hour_after_the_last_attempt(redis: Redis) -> None:
    attempt(redis)
    for key in redis.scan_iter():
        assert 0 <= DELAY_KEPT_SECONDS * 1000 - redis.pttl(key) < 60_000
    forgive(redis)
    (key,) = redis.keys()
    assert redis.pttl(key) > 0
    forgive(redis)
    assert redis.hgetall(key) == {b"attempts": b"0"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("ada", "192.0.2.1"), ("ADA", "192.0.2.1"), True),
        (("ada", "2001:db8::1"), ("ada", "2001:db8::ffff"), True),
        (("ada", "2001:db8::1"), ("ada", "2001:db8:0:1::1"), False),
        (("ada", "192.0.2.1"), ("ada", "192.0.2.2"), False),
        (("\udc80", ""), ("\udc80", ""), True),
    ],
)
def test_delay_is_of_a_name_in_any_case_and_of_a_network_and_names_neither(
    one: tuple[str, str], other: tuple[str, str], same: bool
) -> None:
    keys = attempt_sign_in_call(*one)[0]
    assert (keys == attempt_sign_in_call(*other)[0]) is same
    assert keys == forgive_sign_in_call(*one)[0]
    for key in keys:
        assert len(key.rpartition(":")[2]) == 32
        assert "ada" not in key


def test_revocation_is_written_and_told_of_and_old_ones_go(redis: Redis) -> None:
    pubsub = redis.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(REVOKED_CHANNEL)
    pubsub.get_message(timeout=10)
    now = 1_795_426_867.0
    redis.zadd(REVOCATIONS_KEY, {"session:gone": now - 3601, "session:late": now - 3000})
    redis.register_script(REVOKE)(*revoke_call("user:ada@17.5", now + 10.25, now))
    assert redis.zrange(REVOCATIONS_KEY, 0, -1, withscores=True) == [
        (b"session:late", now - 3000), (b"user:ada@17.5", now + 10.25),
    ]  # fmt: skip
    message = pubsub.get_message(timeout=10)
    assert message is not None
    assert message["data"] == b"user:ada@17.5"
    pubsub.close()


def test_people_sign_in_and_out_when_redis_is_full(redis: Redis) -> None:
    redis.config_set("maxmemory", "1")
    try:
        assert attempt(redis) == 0.0
        forgive(redis)
        redis.register_script(REVOKE)(*revoke_call("session:x", 2e9, 1e9))
    finally:
        redis.config_set("maxmemory", "0")
    assert redis.zcard(REVOCATIONS_KEY) == 1
