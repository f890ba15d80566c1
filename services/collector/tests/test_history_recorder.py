"""Write history to a real Redis beside rounds, which history must not delay."""

import asyncio
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

import contract
from collector import redis_client as module
from collector.alerts.active_alert import CurrentTime
from collector.history import BATCH_LENGTH, HistoryRecorder, writing_seconds
from collector.metrics import REGISTRY
from collector.redis_client import RedisClient
from collector.rounds import build_snapshot
from contract.codec import decode
from contract.history import CLUSTER_NODE, RESOLUTIONS
from contract.messages import Snapshot
from contract.names import EPOCH_KEY, distribution_key, history_key
from contract.scripts import MAX_STREAM_REWRITES
from runtime.redis_failures import RedisAway

GOLDEN = Path(contract.__file__).parent / "golden" / "messages" / "metrics.json"
NODE = next(node for node in decode(GOLDEN.read_bytes(), Snapshot).nodes if node.status == "online")
EPOCH = 1_795_426_867
#: Start of a period of every resolution.
START = 1_795_426_200 // 7200 * 7200


class Link(RedisClient):
    """Counts the calls; loses calls or answers if a test demands it."""

    mode = "well"
    calls = 0

    async def record(self, epoch, records, within_seconds):
        self.calls += 1
        if self.mode == "unsent":
            raise RedisAway("not sent")
        answer = await super().record(epoch, records, within_seconds)
        if self.mode == "unanswered":
            raise RedisAway("answer lost")
        return answer


@pytest.fixture
def run(valkey, redis):
    """Return a function that runs a test's script with a recorder and its link, in a stored epoch."""
    redis.hset(EPOCH_KEY, "epoch", EPOCH)

    def go(play):
        async def main():
            link = Link(valkey.url)
            try:
                await play(HistoryRecorder(link), link)
            finally:
                await link.close()

        asyncio.run(main())

    return go


async def take(recorder, seconds, count=1):
    nodes = [replace(NODE, node=f"n{number}") for number in range(count)]
    snapshot = build_snapshot(nodes, cluster="lab", epoch=EPOCH, seq=1, timestamp="", interval_seconds=2.0)
    await recorder.add(snapshot, CurrentTime(0.0, START + seconds))


def starts(redis, node="n0", step=10):
    return [int(name.split(b"-")[0]) // 1000 - START for name, _ in redis.xrange(history_key(step, node))]


def queued():
    return REGISTRY.get_sample_value("collector_queued_history_records")


def recorded(outcome):
    return REGISTRY.get_sample_value("collector_history_records_total", {"outcome": outcome}) or 0.0


def test_complete_entries_are_written_in_batches(run, redis):
    before = recorded("recorded")

    async def play(recorder, link):
        await take(recorder, 0, count=2 * BATCH_LENGTH)
        await recorder.write(EPOCH, 5)
        assert link.calls == 0
        await take(recorder, 10, count=1)
        # Entries of the nodes and of the cluster's averages, and the cluster's distribution.
        assert queued() == 2 * BATCH_LENGTH + 1 + 1
        await recorder.write(EPOCH, 5)
        assert link.calls == 3 + 1

    run(play)
    assert len(redis.keys("cluster:history:*")) == 2 * BATCH_LENGTH + 1
    assert [name for name, _ in redis.xrange(distribution_key(10))] == [f"{START}000-{EPOCH}".encode()]
    assert starts(redis) == starts(redis, CLUSTER_NODE) == [0]
    assert recorded("recorded") - before == 2 * BATCH_LENGTH + 1 + 1
    assert queued() == 0


def test_remaining_entries_wait_for_the_next_write_when_time_is_over(run, redis):
    async def play(recorder, link):
        await take(recorder, 0)
        await take(recorder, 10)
        await recorder.write(EPOCH, 0.0)
        assert link.calls == 0
        await recorder.write(EPOCH, 5)

    run(play)
    assert starts(redis) == [0]


def test_history_is_written_when_a_redis_of_a_previous_release_refuses_distributions(run, valkey, redis):
    # Given a user without access to the streams of distributions
    commands = "-@all +auth +fcall +function|load +hget +del +xadd +xrange +pexpire"
    keys = f"~cluster:history:* ~{EPOCH_KEY}"
    redis.execute_command("ACL SETUSER former reset on >secret", *keys.split(), *commands.split())

    async def play(recorder, _):
        link = Link(valkey.url.replace("//", "//former:secret@"))
        recorder = HistoryRecorder(link)
        for seconds in range(0, 40, 10):
            await take(recorder, seconds)
            await recorder.write(EPOCH, 5)
        await link.close()

    try:
        run(play)
    finally:
        redis.execute_command("ACL DELUSER former")
        redis.execute_command("ACL LOG RESET")
    assert starts(redis) == starts(redis, CLUSTER_NODE) == [0, 10, 20]
    assert redis.exists(distribution_key(10)) == 0


def test_entries_are_written_in_several_calls_when_the_clock_went_back(run, redis):
    count = MAX_STREAM_REWRITES + 5

    async def play(recorder, _):
        for seconds in (7200, 7210, 0, 10):
            await take(recorder, seconds, count)
            await recorder.write(EPOCH, 5)

    run(play)
    assert [starts(redis, f"n{number}") for number in range(count)] == [[0]] * count


@pytest.mark.parametrize("mode", ["unsent", "unanswered"])
def test_no_entry_is_lost_or_doubled_when_redis_is_away_for_a_while(run, redis, mode):
    async def play(recorder, link):
        for seconds in range(0, 70, 10):
            link.mode = mode if 20 <= seconds < 50 else "well"
            await take(recorder, seconds)
            calls = link.calls
            await recorder.write(EPOCH, 5)
            # One call for history and one for the distribution; no call after a failed one.
            assert link.calls - calls <= (2 if link.mode == "well" else 1)

    run(play)
    assert starts(redis) == [0, 10, 20, 30, 40, 50]
    assert starts(redis, step=60) == [0]
    assert [fields[b"entry"][:3] for _, fields in redis.xrange(history_key(60, "n0"))] == [b"[6,"]


def test_writing_ends_in_time_when_redis_hangs(run, valkey, redis, monkeypatch):
    # Given a link with long timeouts of its own
    for name in ("ANSWER_SECONDS", "CALL_SECONDS"):
        monkeypatch.setattr(module, name, 30.0)
    monkeypatch.setattr(module._time_limited.__wrapped__, "__defaults__", (30.0,))

    async def play(recorder, _):
        await take(recorder, 0)
        await take(recorder, 10)
        valkey.pause()
        try:
            begun = time.monotonic()
            await recorder.write(EPOCH, 0.2)
            assert 0.1 < time.monotonic() - begun < 15
        finally:
            valkey.resume()
        await recorder.write(EPOCH, 5)

    run(play)
    assert starts(redis) == [0]


def test_history_is_dropped_while_redis_is_full_and_continues_later(run, redis, caplog):
    before = recorded("refused")

    async def play(recorder, _):
        await take(recorder, 0)
        await take(recorder, 10)
        redis.config_set("maxmemory", "1")
        try:
            await recorder.write(EPOCH, 5)
            await take(recorder, 20)
            await recorder.write(EPOCH, 5)
        finally:
            redis.config_set("maxmemory", "0")
        await take(recorder, 30)
        await recorder.write(EPOCH, 5)

    run(play)
    assert starts(redis) == [20]
    # Entries of two periods: the node, the averages and the distribution.
    assert recorded("refused") - before == 6
    refusals = [record.message.partition(":")[0] for record in caplog.records]
    assert refusals == ["Redis refuses node events", "Redis refuses history"]


def test_history_is_forgotten_when_another_collector_has_taken_over(run, redis):
    async def play(recorder, link):
        await take(recorder, 0)
        await take(recorder, 10)
        redis.hset(EPOCH_KEY, "epoch", EPOCH + 1)
        await recorder.write(EPOCH, 5)
        redis.hset(EPOCH_KEY, "epoch", EPOCH)
        await recorder.finish(EPOCH)
        assert link.calls == 1

    run(play)
    assert redis.keys("cluster:history:*") == []


def test_history_waits_when_redis_was_emptied(run, redis):
    async def play(recorder, _):
        await take(recorder, 0)
        await take(recorder, 10)
        redis.flushall()
        await recorder.write(EPOCH, 5)
        redis.hset(EPOCH_KEY, "epoch", EPOCH + 1)
        await recorder.write(EPOCH + 1, 5)

    run(play)
    assert [name.decode() for name, _ in redis.xrange(history_key(10, "n0"))] == [f"{START}000-{EPOCH + 1}"]


def test_unfinished_periods_are_written_at_shutdown(run, redis):
    async def play(recorder, _):
        await take(recorder, 3)
        await recorder.finish(EPOCH)

    run(play)
    assert [starts(redis, step=step.seconds) for step in RESOLUTIONS] == [[0], [0], [0], [0]]


@pytest.mark.parametrize(("elapsed", "expected"), [(0.1, 2 / 3), (1.5, 0.4), (1.95, 0.1), (5.0, 0.1)])
def test_writing_ends_before_the_next_round(elapsed, expected):
    assert writing_seconds(2.0, elapsed) == pytest.approx(expected)
