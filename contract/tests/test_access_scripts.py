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


class Delays:
    """Attempts to sign in, by a clock that stands still but where a test lets time pass."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        #: Milliseconds since the last attempt that counted.
        self._ages: dict[str, int] = {}

    def attempt(self, user: str = "ada", address: str = "192.0.2.1") -> float:
        keys, args = attempt_sign_in_call(user, address)
        with self._redis.pipeline(transaction=True) as pipeline:
            # What is left of a delay's life is the clock that it goes by.
            for key in keys:
                pipeline.pexpire(key, DELAY_KEPT_SECONDS * 1000 - self._ages.get(key, 0))
            pipeline.eval(ATTEMPT_SIGN_IN, len(keys), *keys, *args)
            wait = attempt_sign_in_answer(pipeline.execute()[-1])
        if wait == 0.0:
            self._ages.update(dict.fromkeys(keys, 0))
        return wait

    def forgive(self, user: str = "ada", address: str = "192.0.2.1") -> None:
        self._redis.register_script(FORGIVE_SIGN_IN)(*forgive_sign_in_call(user, address))

    def pass_time(self, seconds: float) -> None:
        for key in self._ages:
            self._ages[key] += round(1000 * seconds)


@pytest.fixture
def delays(redis: Redis) -> Delays:
    return Delays(redis)


def pauses(delays: Delays, count: int, another: Callable[[], float]) -> list[int]:
    """The next pauses, each waited for, in whole seconds."""
    found = []
    for _ in range(count):
        found.append(round(another()))
        delays.pass_time(found[-1])
        assert another() == 0.0
    return found


def test_user_waits_longer_with_each_attempt_after_the_first_ones(delays: Delays) -> None:
    numbers = iter(range(1000))
    anywhere = lambda: delays.attempt(address=f"192.0.2.{next(numbers)}")  # noqa: E731
    assert [anywhere() for _ in range(USER_FREE)] == [0.0] * USER_FREE
    assert pauses(delays, 8, anywhere) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_address_waits_longer_with_each_attempt_after_the_first_ones(delays: Delays) -> None:
    numbers = iter(range(1000))
    anybody = lambda: delays.attempt(user=f"user{next(numbers)}")  # noqa: E731
    assert [anybody() for _ in range(ADDRESS_FREE)] == [0.0] * ADDRESS_FREE
    assert pauses(delays, 11, anybody) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_attempt_in_a_pause_changes_nothing(delays: Delays, redis: Redis) -> None:
    for _ in range(USER_FREE):
        delays.attempt()
    before = {key: redis.hgetall(key) for key in redis.scan_iter()}
    waits = []
    for _ in range(20):
        waits.append(delays.attempt())
        delays.pass_time(0.02)
    assert all(0 < wait <= 1 for wait in waits)
    assert waits == sorted(waits, reverse=True)
    # Nor is it one of another user, or from another address.
    assert delays.attempt(address="192.0.2.2") > 0
    assert {key: redis.hgetall(key) for key in redis.scan_iter()} == before
    assert delays.attempt(user="bob") == 0.0


def test_parallel_attempts_do_not_slip_through(delays: Delays) -> None:
    answers: list[float] = []
    threads = [threading.Thread(target=lambda: answers.append(delays.attempt())) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(0.0) == USER_FREE


def test_success_clears_the_user_and_only_itself_of_the_address(delays: Delays, redis: Redis) -> None:
    for _ in range(ADDRESS_FREE - 1):
        assert delays.attempt(user="bob") == 0.0 or delays.pass_time(60) is None
    for _ in range(USER_FREE - 1):
        delays.attempt(address="192.0.2.9")
    assert delays.attempt(address="192.0.2.10") == 0.0
    delays.forgive(address="192.0.2.10")
    assert [delays.attempt(address="192.0.2.10") for _ in range(USER_FREE)] == [0.0] * USER_FREE
    # An address whose people sign in is never paused.
    redis.flushall()
    for number in range(3 * ADDRESS_FREE):
        assert delays.attempt(user=f"user{number}") == 0.0
        delays.forgive(user=f"user{number}")
    # One who guesses gains nothing by signing in himself in between.
    redis.flushall()
    for number in range(ADDRESS_FREE):
        assert delays.attempt(user=f"victim{number}") == 0.0
        if number < ADDRESS_FREE - 1:
            assert delays.attempt(user="mallory") == 0.0
            delays.forgive(user="mallory")
    assert delays.attempt(user="mallory") > 0


def test_delay_is_forgotten_an_hour_after_the_last_attempt(delays: Delays, redis: Redis) -> None:
    delays.attempt()
    for key in redis.scan_iter():
        assert 0 <= DELAY_KEPT_SECONDS * 1000 - redis.pttl(key) < 60_000
    delays.forgive()
    (key,) = redis.keys()
    assert redis.pttl(key) > 0
    delays.forgive()
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


def test_people_sign_in_and_out_when_redis_is_full(delays: Delays, redis: Redis) -> None:
    redis.config_set("maxmemory", "1")
    try:
        assert delays.attempt() == 0.0
        delays.forgive()
        redis.register_script(REVOKE)(*revoke_call("session:x", 2e9, 1e9))
    finally:
        redis.config_set("maxmemory", "0")
    assert redis.zcard(REVOCATIONS_KEY) == 1
