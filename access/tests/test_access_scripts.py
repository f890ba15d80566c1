"""The scripts of access, on a real Valkey."""

import math
import random
import threading
from collections.abc import Callable

import pytest
from redis import Redis

from access.revocations import revocation_of_device
from access.scripts import (
    ADDRESS_BACKOFF,
    ATTEMPT_SIGN_IN,
    ATTEMPTS_KEPT_SECONDS,
    DEVICE_BACKOFF,
    FORGIVE_SIGN_IN,
    PAIR_BACKOFF,
    REMOVAL_CHECK_LENGTH,
    REVOKE,
    SUCCESS_BACKOFF,
    USER_BACKOFF,
    attempt_sign_in_call,
    attempt_sign_in_reply,
    forgive_sign_in_call,
    revoke_call,
)
from contract.names import REVOCATION_IDS_KEY, REVOCATION_LOG_KEY, REVOCATIONS_KEY, REVOKED_CHANNEL
from runtime.functions import call
from tests.drivers.valkey import configured, heard

NOW = 1_795_426_867.0
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Delays:
    """Attempts to sign in, by a clock that stands still but where a test lets time pass."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        #: Milliseconds that have passed, and when the life of each delay began.
        self._now = 0
        self._begun: dict[str, int] = {}

    def attempt(self, user: str = "ada", address: str = HERE, device: str = "") -> float:
        keys, args = attempt_sign_in_call(user, address, device)
        whole = ATTEMPTS_KEPT_SECONDS * 1000
        lives = [whole - self._now + self._begun.get(key, self._now) for key in keys]
        with self._redis.pipeline(transaction=True) as pipeline:
            # What is left of a delay's life is the clock that it goes by.
            for key, life in zip(keys, lives, strict=True):
                pipeline.pexpire(key, life)
            pipeline.eval(ATTEMPT_SIGN_IN.text, len(keys), *keys, *args)
            for key in keys:
                pipeline.pttl(key)
            answers = pipeline.execute()
        for key, life, left in zip(keys, lives, answers[len(keys) + 1 :], strict=True):
            if left > life or key not in self._begun:
                self._begun[key] = self._now
        return attempt_sign_in_reply(answers[len(keys)])

    def forgive(self, user: str = "ada", address: str = HERE, device: str = "") -> None:
        keys, args = forgive_sign_in_call(user, address, device)
        call(self._redis, FORGIVE_SIGN_IN, (keys, args))
        self._begun[keys[-1]] = self._now

    def pass_time(self, seconds: float) -> None:
        self._now += round(1000 * seconds)


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


@pytest.mark.parametrize(
    ("pace", "who"),
    [
        (PAIR_BACKOFF, lambda number: ("ada", HERE, "")),
        (ADDRESS_BACKOFF, lambda number: (f"user{number}", HERE, "")),
        (USER_BACKOFF, lambda number: ("ada", f"192.0.2.{number % 250}", "")),
        (DEVICE_BACKOFF, lambda number: ("ada", HERE, "d")),
    ],
    ids=["user from one address", "address", "user from anywhere", "browser"],
)
def test_pause_grows_with_each_attempt_after_the_free_ones(
    delays: Delays, pace: tuple[int, int], who: Callable[[int], tuple[str, str, str]]
) -> None:
    free, longest = pace
    numbers = iter(range(1000))
    another = lambda: delays.attempt(*who(next(numbers)))  # noqa: E731
    assert [another() for _ in range(free)] == [0.0] * free
    doubled = [min(longest, 2**step) for step in range(11)]
    assert pauses(delays, 11, another) == doubled


def test_attempt_in_a_pause_prolongs_that_of_its_user_and_address_and_no_other(delays: Delays) -> None:
    # given: a pause of the user from here, and one from anywhere, of a second each
    for _ in range(PAIR_BACKOFF.free):
        delays.attempt()
    for number in range(USER_BACKOFF.free - PAIR_BACKOFF.free):
        delays.attempt(address=f"198.51.100.{number}")
    # when
    for _ in range(10):
        delays.pass_time(0.5)
        assert delays.attempt() > 0.5
    # then
    assert delays.attempt(address=THERE) == 0.0
    assert delays.attempt(user="bob") == 0.0
    delays.pass_time(2)
    assert delays.attempt() == 0.0


@pytest.mark.parametrize("is_patient", [False, True])
def test_guesser_at_one_address_keeps_a_user_out_nowhere_else(delays: Delays, is_patient: bool) -> None:
    """Of the right passwords within a quarter of an hour 89 of 90 were refused."""
    refused = {"known": 0, "new": 0, "beside": 0}
    looked_at = 0
    wait = 0.0
    for second in range(900):
        delays.pass_time(1)
        wait -= 1
        if wait <= 0 or not is_patient:
            wait = delays.attempt()
            looked_at += wait == 0.0
        if second % 10:
            continue
        for who, address, device in (("known", HERE, "d"), ("new", THERE, ""), ("beside", HERE, "e")):
            if delays.attempt(address=address, device=device) == 0.0:
                delays.forgive(address=address, device=device)
            else:
                refused[who] += 1
    assert refused == {"known": 0, "new": 0, "beside": 0}
    assert PAIR_BACKOFF.free < looked_at < 20


def test_guesser_of_random_names_leaves_the_others_behind_his_address_their_chance(delays: Delays) -> None:
    # given: somebody who guesses once a second on average, and goes on
    chance, names, looked_at = random.Random(20), iter(range(10_000)), 0

    def pass_time(seconds: float) -> None:
        nonlocal looked_at
        for _ in range(round(10 * seconds)):
            delays.pass_time(0.1)
            if chance.random() < 0.1:
                looked_at += delays.attempt(user=f"guess{next(names)}") == 0.0

    pass_time(60)
    longest = 0.0
    for number in range(10):
        # when: somebody comes whose browser is known, and somebody at a new one, who waits for as long as he is told
        assert delays.attempt(device="d") == 0.0
        delays.forgive(device="d")
        waited = 0.0
        while (wait := delays.attempt(user=f"user{number}")) > 0:
            assert wait <= ADDRESS_BACKOFF.longest_seconds
            pass_time(math.ceil(wait))
            waited += math.ceil(wait)
        delays.forgive(user=f"user{number}")
        longest = max(longest, waited)
        pass_time(10)
    # then
    assert longest <= 60
    assert looked_at <= ADDRESS_BACKOFF.free + (60 + 10 * (longest + 10)) / ADDRESS_BACKOFF.longest_seconds + 10


def test_guesses_without_a_cookie_leave_a_known_browser_its_own_budget(delays: Delays) -> None:
    # given: the user, the address and both together are paused
    for number in range(USER_BACKOFF.free):
        delays.attempt(address=f"198.51.100.{number}")
    for number in range(ADDRESS_BACKOFF.free):
        delays.attempt(user=f"user{number}")
    assert delays.attempt() > 0
    # when / then
    assert [delays.attempt(device="d") for _ in range(DEVICE_BACKOFF.free)] == [0.0] * DEVICE_BACKOFF.free
    assert delays.attempt(device="d") > 0
    # Another browser, and the same one of another user, have theirs.
    assert delays.attempt(device="e") == 0.0
    assert delays.attempt(user="bob", device="d") == 0.0


def test_parallel_attempts_do_not_slip_through(delays: Delays) -> None:
    answers: list[float] = []
    threads = [threading.Thread(target=lambda: answers.append(delays.attempt())) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(0.0) == PAIR_BACKOFF.free


def test_success_clears_the_user_there_and_only_itself_of_the_address(delays: Delays, redis: Redis) -> None:
    for _ in range(PAIR_BACKOFF.free - 1):
        delays.attempt()
    assert delays.attempt() == 0.0
    delays.forgive()
    assert [delays.attempt() for _ in range(PAIR_BACKOFF.free)] == [0.0] * PAIR_BACKOFF.free
    # An address whose people sign in is never paused.
    redis.flushall()
    for number in range(3 * ADDRESS_BACKOFF.free):
        assert delays.attempt(user=f"user{number}") == 0.0
        delays.forgive(user=f"user{number}")
    # One who guesses gains nothing by signing in himself in between.
    redis.flushall()
    for number in range(ADDRESS_BACKOFF.free):
        assert delays.attempt(user=f"victim{number}") == 0.0
        if number < ADDRESS_BACKOFF.free - 1:
            assert delays.attempt(user="mallory") == 0.0
            delays.forgive(user="mallory")
    assert delays.attempt(user="mallory") > 0


@pytest.mark.parametrize("device", ["", "d"])
def test_successes_are_limited_too(delays: Delays, device: str) -> None:
    for number in range(SUCCESS_BACKOFF.free):
        address = f"192.0.2.{number}"
        assert delays.attempt(address=address, device=device) == 0.0
        delays.forgive(address=address, device=device)
    assert 0 < delays.attempt(device=device) <= SUCCESS_BACKOFF.longest_seconds
    # of this browser, or where it is not known, this user
    assert delays.attempt(user="bob", device=device) == 0.0
    assert delays.attempt(device="another") == 0.0


def test_delay_is_forgotten_an_hour_after_the_last_attempt(delays: Delays, redis: Redis) -> None:
    delays.attempt()
    for key in redis.scan_iter():
        assert 0 <= ATTEMPTS_KEPT_SECONDS * 1000 - redis.pttl(key) < 60_000
    assert len(redis.keys()) == 3
    delays.forgive()
    assert len(redis.keys()) == 3  # of the address, the user, and the success
    for key in redis.scan_iter():
        assert redis.pttl(key) > 0
    delays.forgive()
    assert sorted(int(redis.hget(key, "attempts") or b"") for key in redis.scan_iter()) == [0, 0, 2]


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
    assert (keys[:2] == attempt_sign_in_call(*other)[0][:2]) is same
    assert keys == forgive_sign_in_call(*one)[0]
    for key in keys:
        assert len(key.rpartition(":")[2]) == 32
        assert "ada" not in key


def revoke(redis: Redis, member: str, until: float = NOW + 60, now: float = NOW, old_member: str | None = None) -> None:
    call(redis, REVOKE, revoke_call(member, until, now, old_member))


def logged(redis: Redis) -> list[tuple[str, str]]:
    """What is revoked, and before when, in the order of the log."""
    return [(fields[b"subject"].decode(), fields[b"before"].decode()) for _, fields in redis.xrange(REVOCATION_LOG_KEY)]


def test_revocation_is_stored_and_announced_and_expired_ones_are_removed(redis: Redis) -> None:
    redis.zadd(REVOCATIONS_KEY, {"session:gone": NOW - 3601, "session:late": NOW - 3000})
    with heard(redis, REVOKED_CHANNEL) as following:
        revoke(redis, "user:ada@17.5", NOW + 10.25)
        assert following() == b"user:ada@17.5"
    assert logged(redis) == [("user:ada", "17.5")]
    assert redis.zrange(REVOCATIONS_KEY, 0, -1, withscores=True) == [
        (b"session:late", NOW - 3000), (b"user:ada@17.5", NOW + 10.25),
    ]  # fmt: skip


def test_revocation_of_a_browser_is_announced_in_the_text_form_of_0_1_1(redis: Redis) -> None:
    with heard(redis, REVOKED_CHANNEL) as following:
        revoke(redis, revocation_of_device("d", 17.5), old_member="session:d.1")
        assert [following(), following()] == [b"device:d@17.5", b"session:d.1"]
    assert redis.zrange(REVOCATIONS_KEY, 0, -1) == [b"session:d.1"]


def test_log_keeps_the_widest_revocation_of_each_subject(redis: Redis) -> None:
    for number in range(300):
        revoke(redis, revocation_of_device("d", NOW + number), old_member=f"session:d.{number}")
        revoke(redis, f"user:ada@{NOW + number}")
        revoke(redis, "session:x")
    revoke(redis, f"user:ada@{NOW + 5}", NOW + 1)
    assert sorted(logged(redis)) == [("device:d", repr(NOW + 299)), ("session:x", ""), ("user:ada", repr(NOW + 299))]
    assert redis.hlen(REVOCATION_IDS_KEY) == 3 + 1  # and how far the log was looked through
    (until,) = (fields[b"until"] for _, fields in redis.xrange(REVOCATION_LOG_KEY) if fields[b"subject"] == b"user:ada")
    assert float(until) == NOW + 60


def test_log_shrinks_when_revocations_expire_in_any_order(redis: Redis) -> None:
    # given: some that stay for long, and many that do not
    for number in range(2 * REMOVAL_CHECK_LENGTH):
        revoke(redis, f"token:{number}", NOW + 1e6)
    for number in range(200):
        revoke(redis, f"session:{number}", NOW + 60)
    redis.xadd(REVOCATION_LOG_KEY, {"something": "else"})
    # when: as many as it takes to look through all of them
    for number in range(300 // REMOVAL_CHECK_LENGTH + 2):
        revoke(redis, f"session:late{number}", NOW + 1e6, now=NOW + 60 + 3600)
    # then
    kinds = [subject.rstrip("0123456789") for subject, _ in logged(redis)]
    assert kinds.count("session:") == 0
    assert kinds.count("token:") == 2 * REMOVAL_CHECK_LENGTH
    assert redis.xlen(REVOCATION_LOG_KEY) == redis.hlen(REVOCATION_IDS_KEY) - 1
    assert redis.zcount(REVOCATIONS_KEY, "-inf", NOW + 60) == 0


def test_people_sign_in_and_out_when_redis_is_full(delays: Delays, redis: Redis) -> None:
    with configured(redis, "maxmemory", "1"):
        assert delays.attempt() == 0.0
        delays.forgive()
        revoke(redis, "session:x", 2e9, 1e9)
    assert redis.zcard(REVOCATIONS_KEY) == redis.xlen(REVOCATION_LOG_KEY) == 1
