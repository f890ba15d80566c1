"""All that was revoked is read once, in pages, and then what is new; on a real Valkey."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from access.grant import Grant
from access.revocation_reader import BATCH_LENGTH, RevocationReader
from access.revocations import Revocations, revocation_of_user
from access.scripts import REVOKE, revoke_call
from contract.names import GENERATION_KEY, RENEWED, REVOCATION_LOG_KEY, REVOCATIONS_KEY, REVOKED_CHANNEL
from tests.drivers.valkey import heard

NOW = 1_795_426_867.0
#: As many as somebody made by signing in again and again.
MANY = 200_000
#: Writes sessions of two numbers and those between into the log and the set.
FILL = """
for number = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local member = string.format('session:%022d', number)
  redis.call('XADD', KEYS[1], '*', 'subject', member, 'before', '', 'until', ARGV[3])
  redis.call('ZADD', KEYS[2], ARGV[3], member)
end
"""


class Process:
    """What one process knows, and how often it asked."""

    def __init__(self, redis: Redis, *, may_create_generation: bool = True) -> None:
        self.questions = 0
        self.revocations = Revocations(lambda: NOW)

        def ask(question: Callable[[Redis], Any]) -> Any:
            self.questions += 1
            return question(redis)

        self.reader = RevocationReader(ask, self.revocations, may_create_generation=may_create_generation)

    def knows(self, session: str, user: str = "ada", issued: float = NOW) -> bool:
        generation = self.revocations.generation or ""
        return self.revocations.includes(Grant("session", user, frozenset(), session, issued, NOW + 60, generation))


def revoke(redis: Redis, *members: str) -> None:
    pipeline = redis.pipeline(transaction=False)
    for member in members:
        keys, args = revoke_call(member, NOW + 60, NOW)
        pipeline.eval(REVOKE.text, len(keys), *keys, *args)
    pipeline.execute()


def sent_bytes(redis: Redis) -> int:
    """What the server has sent so far."""
    return int(redis.info("stats")["total_net_output_bytes"])


def test_reader_reads_all_revocations_once_and_then_only_new_ones(redis: Redis) -> None:
    # given: a page and a half
    process = Process(redis)
    revoke(redis, *(f"session:{number}" for number in range(BATCH_LENGTH + BATCH_LENGTH // 2)))
    process.reader.refresh()
    assert len(process.revocations) == BATCH_LENGTH + BATCH_LENGTH // 2
    redis.delete(REVOCATIONS_KEY)
    # when
    revoke(redis, "session:new")
    before = sent_bytes(redis)
    process.reader.refresh()
    # then
    assert process.knows("new")
    assert sent_bytes(redis) - before < 5000


def test_two_hundred_thousand_revocations_are_read_in_small_answers_and_once(redis: Redis) -> None:
    # given: in both keys, as this release leaves them
    for begin in range(0, MANY, BATCH_LENGTH):
        redis.eval(FILL, 2, REVOCATION_LOG_KEY, REVOCATIONS_KEY, begin, begin + BATCH_LENGTH - 1, NOW + 60)
    process = Process(redis)
    # when
    process.reader.refresh()
    # then
    assert len(process.revocations) == MANY
    assert process.knows(f"{MANY - 1:022}")
    assert process.questions >= 2 * MANY // BATCH_LENGTH // 2
    # and when
    before = sent_bytes(redis)
    process.reader.refresh()
    # then: a page of what 0.1.1 may have added, and nothing of what is known
    assert sent_bytes(redis) - before < 4 * BATCH_LENGTH * 50


@pytest.mark.parametrize("page", [1, BATCH_LENGTH])
def test_reader_reads_revocations_of_release_0_1_1(redis: Redis, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("access.revocation_reader.BATCH_LENGTH", page)
    redis.zadd(REVOCATIONS_KEY, {"session:before": NOW + 60, revocation_of_user("bob", NOW): NOW + 60})
    process = Process(redis)
    process.reader.refresh()
    assert process.knows("before")
    assert process.knows("any", "bob", NOW - 1)
    # when: while replicas of both run
    redis.zadd(REVOCATIONS_KEY, {"session:beside": NOW + 60})
    process.reader.refresh()
    # then
    assert process.knows("beside")


def test_invalid_revocation_is_logged_once_and_skipped(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    # given
    redis.zadd(REVOCATIONS_KEY, {b"session:\xff": NOW + 60, "user:ada@x": NOW + 60, "session:former": NOW + 60})
    redis.xadd(REVOCATION_LOG_KEY, {"something": "else"})
    redis.xadd(REVOCATION_LOG_KEY, {"subject": "session:endless", "before": "", "until": "never"})
    redis.xadd(REVOCATION_LOG_KEY, {b"subject": b"user:\xff", "before": "5", "until": "6"})
    revoke(redis, "session:last")
    process = Process(redis)
    # when
    for _ in range(3):
        process.reader.refresh()
    # then
    assert process.knows("former")
    assert process.knows("last")
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1
    assert "skipped" in told[0].getMessage()


def test_emptied_store_is_read_again_and_known_revocations_stay(redis: Redis) -> None:
    # given
    process = Process(redis)
    revoke(redis, "session:a")
    process.reader.refresh()
    former = process.revocations.generation
    # when
    redis.flushall()
    revoke(redis, "session:b")
    process.reader.refresh()
    # then
    assert process.revocations.generation not in (None, former)
    assert process.knows("a")
    assert process.knows("b")


def test_only_an_allowed_reader_creates_and_announces_a_generation(redis: Redis) -> None:
    reading = Process(redis, may_create_generation=False)
    reading.reader.refresh()
    assert reading.revocations.is_loaded
    assert reading.revocations.generation is None
    assert redis.get(GENERATION_KEY) is None

    beginning = Process(redis)
    with heard(redis, REVOKED_CHANNEL) as following:
        beginning.reader.refresh()
        assert following().decode() == RENEWED

    assert beginning.revocations.generation == redis.get(GENERATION_KEY).decode()
