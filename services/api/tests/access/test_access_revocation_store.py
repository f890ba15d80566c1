"""Revocations, synchronized with Redis."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from access.grant import Grant
from access.revocations import Revocations
from api.access.revocation_store import RevocationStore
from api.counters import Counters
from api.message_store import NotReadYet, StoredDataInvalid
from api.redis_connection import RedisConnection
from contract.names import GENERATION_KEY, RENEWED, REVOCATIONS_KEY
from runtime.readiness import Readiness
from runtime.redis_failures import RedisAway
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually


class Process:
    """The store of one process, with clocks that a test sets."""

    def __init__(self, url: str, *, saves: bool = False) -> None:
        self.now = [1000.0]
        self.readiness = Readiness()
        self.connection = RedisConnection(url, self.readiness, Counters())
        self.revocations = Revocations()
        self.store = RevocationStore(
            self.connection, self.revocations, self.readiness, lambda: 50_000.0, lambda: self.now[0], saves=saves
        )

    def knows(self, member: str) -> bool:
        by, _, id_ = member.partition(":")
        grant = Grant(by, "ada", frozenset(), id_, 49_000.0, 60_000.0, self.revocations.generation or "")  # type: ignore[arg-type]
        return self.revocations.includes(grant)


@pytest.fixture
def process(valkey: Valkey) -> Any:
    started: list[Process] = []

    def start() -> Process:
        started.append(Process(valkey.url))
        return started[-1]

    yield start
    for one in started:
        one.connection.close()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.access.revocation_store.FRESH_SECONDS", 1.0)


def test_generation_is_created_and_announced_once(process: Callable[[], Process], redis: Any, listen: Any) -> None:
    received = listen()
    first, second = process(), process()
    made = first.store.generation()
    assert len(made) == 32
    assert second.store.generation() == made == redis.get(GENERATION_KEY).decode()
    assert redis.ttl(GENERATION_KEY) == -1
    assert (received(), received(0.1)) == (RENEWED, "")
    # And again when Redis was emptied, and a session starts within a second after the last read
    redis.flushall()
    assert second.store.generation() not in (made, "")
    assert received() == RENEWED


def test_revocation_is_known_here_immediately_and_elsewhere_within_a_second(
    process: Callable[[], Process], redis: Any
) -> None:
    here, there = process(), process()
    for one in (here, there):
        one.store.require()
    redis.zadd(REVOCATIONS_KEY, {"session:long gone": 46_000.0, "session:kept": 47_000.0})
    here.store.revoke("session:x", 60_000.5)
    assert here.knows("session:x")
    there.store.require()
    assert not there.knows("session:x")
    there.now[0] += 1
    there.store.require()
    assert there.knows("session:x")
    assert redis.zrange(REVOCATIONS_KEY, 0, -1, withscores=True) == [
        (b"session:kept", 47_000.0), (b"session:x", 60_000.5),
    ]  # fmt: skip


def test_redis_is_read_on_demand_and_at_most_once_a_second(
    process: Callable[[], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, plain = [], RedisConnection.ask

    def ask(connection: RedisConnection, query: Any) -> Any:
        asked.append(query)
        return plain(connection, query)

    monkeypatch.setattr(RedisConnection, "ask", ask)
    one = process()
    assert asked == []
    for _ in range(5):
        one.store.require()
    first = len(asked)
    assert first > 0
    one.now[0] += 0.5
    one.store.require()
    assert len(asked) == first
    one.now[0] += 0.5
    one.store.require()
    # once the log, and once the set of an older release
    assert len(asked) == first + 2


def test_session_of_a_generation_that_another_process_just_started_is_accepted_immediately(
    process: Callable[[], Process], redis: Any
) -> None:
    here, there = process(), process()
    here.store.generation()
    redis.flushall()
    begun = there.store.generation()
    here.store.require(begun)
    assert here.revocations.generation == begun


def test_first_threads_wait_for_the_one_that_reads(process: Callable[[], Process]) -> None:
    one = process()

    def is_known(_number: int) -> bool:
        one.store.require()
        return one.revocations.is_loaded

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(is_known, range(20))) == [True] * 20


def test_revocations_stay_known_when_redis_goes_away(process: Callable[[], Process], valkey: Valkey) -> None:
    one, fresh = process(), process()
    one.store.revoke("session:x", 60_000.0)
    one.store.require()
    valkey.stop()
    one.now[0] += 5
    one.store.require()
    assert one.knows("session:x")
    with pytest.raises(RedisAway):
        one.store.revoke("session:y", 60_000.0)
    assert not one.knows("session:y")
    with pytest.raises(NotReadYet):
        fresh.store.require()
    with pytest.raises(NotReadYet):
        fresh.store.generation()


def test_revocations_are_unknown_when_the_key_has_another_type(
    process: Callable[[], Process], redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    redis.set(REVOCATIONS_KEY, "mine")
    with pytest.raises(StoredDataInvalid, match=REVOCATIONS_KEY):
        process().store.require()


def test_revocation_survives_a_kill_of_redis_when_dumps_are_requested(tmp_path: Path) -> None:
    valkey = Valkey()
    valkey.start(tmp_path)
    try:
        process = Process(valkey.url, saves=True)
        with valkey.client() as client:
            # Given that Redis writes a dump, which lacks later revocations
            client.config_set("rdb-key-save-delay", 200)
            client.mset({f"key {number}": "x" for number in range(2000)})
            client.bgsave()
            assert client.info("persistence")["rdb_bgsave_in_progress"]
            # When a revocation is stored, and Redis is killed after the dump
            process.store.revoke("session:x", 60_000.0)
            client.config_set("rdb-key-save-delay", 0)
            eventually(lambda: not client.info("persistence")["rdb_bgsave_in_progress"], within_seconds=30)
        process.connection.close()
        valkey.stop()
        valkey.start(tmp_path)
        # Then the revocation is still there
        after = Process(valkey.url)
        after.store.require()
        assert after.knows("session:x")
        after.connection.close()
    finally:
        valkey.stop()
