"""Find the events of nodes, and record them in a real Redis."""

import asyncio
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

import contract
from collector import node_events as module
from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.measures import Measures
from collector.node_events import NodeEventDetector, NodeEventRecorder
from collector.redis_client import RedisClient
from collector.rounds import build_snapshot
from contract.codec import decode
from contract.messages import Snapshot
from contract.names import EPOCH_KEY, NODE_EVENTS_KEY
from contract.node_events import NodeEvent, decode_node_event
from runtime.clock import timestamp
from runtime.redis_failures import RedisAway

GOLDEN = Path(contract.__file__).parent / "golden" / "messages" / "metrics.json"
NODE = next(node for node in decode(GOLDEN.read_bytes(), Snapshot).nodes if node.status == "online")
EPOCH = 1_795_426_867
START = 1_795_426_200
#: Uptime of the nodes at ``START``.
UPTIME = 86_400


def node(status="online", since=0, boot=None, name="a"):
    """A node whose status is of ``since``, and whose boot time by its own clock is ``boot`` after ``START``."""
    boot_time = None if boot is None else timestamp(START + boot)
    return replace(NODE, node=name, status=status, status_since=timestamp(START + since), boot_time=boot_time)


def observed(offset, name="a"):
    return ObservedNode(name, "online", None, Measures(clock_offset_seconds=offset))


def at(seconds, clock_step=0):
    """The time ``seconds`` after the start; the collector's clock was set by ``clock_step`` in between."""
    return CurrentTime(1000.0 + seconds, START + seconds + clock_step)


def snapshot(*nodes, epoch=EPOCH):
    return build_snapshot(nodes, cluster="lab", epoch=epoch, seq=1, timestamp="", interval_seconds=2.0)


def event(kind, seconds, name="a"):
    return NodeEvent(node=name, at=timestamp(START + seconds), kind=kind)


def test_changes_between_online_and_offline_are_events():
    detector = NodeEventDetector()
    statuses = ["unknown", "online", "offline", "offline", "online", "unknown", "online", "unknown", "offline"]
    events = [detector.add([node(status, since=n)], (), at(n)) for n, status in enumerate(statuses)]
    assert [each for found in events for each in found] == [
        event("offline", 2),
        event("online", 4),
        event("offline", 8),
    ]


@pytest.mark.parametrize("status", ["online", "offline"])
def test_first_known_status_is_no_event_even_after_a_time_without_the_node(status):
    detector = NodeEventDetector()
    assert detector.add([node("unknown")], (), at(0)) == detector.add([node(status)], (), at(1)) == []
    assert detector.add([], (), at(2)) == []
    assert detector.add([node("offline" if status == "online" else "online")], (), at(3)) == []


def test_start_of_a_collector_is_no_event_and_changes_since_the_last_snapshot_are():
    nodes = [node(boot=0), node("offline", name="b"), node("unknown", name="c"), node(boot=0, name="d")]
    detector = NodeEventDetector()
    detector.restore(snapshot(*nodes))
    assert detector.add(nodes, (), at(100)) == []
    detector.restore(snapshot(*nodes))
    # A second by which the boot time differs is inexactness.
    found = detector.add(
        [node(boot=1), node("online", 90, name="b"), node("online", 90, name="c"), node(boot=80, name="d")],
        (),
        at(100),
    )
    assert found == [event("online", 90, "b"), event("reboot", 80, "d")]


def test_boot_is_an_event_with_its_time_by_the_clock_of_the_collector():
    detector = NodeEventDetector()
    # The node's clock is 300 s behind.
    rounds = [(0, "online", -UPTIME - 300), (10, "offline", None), (50, "online", 40 - 300), (60, "online", 40 - 300)]
    events = [
        detector.add([node(status, seconds, boot)], [observed(-300)], at(seconds)) for seconds, status, boot in rounds
    ]
    assert events == [[], [event("offline", 10)], [event("online", 50), event("reboot", 40)], []]


@pytest.mark.parametrize("offsets", [(0.0, 0.0), (None, None), (None, 0.0), (0.0, None)])
def test_boot_is_an_event_whatever_is_known_of_the_clock(offsets):
    detector = NodeEventDetector()
    assert detector.add([node(boot=-UPTIME)], [observed(offsets[0])], at(0)) == []
    assert detector.add([node(boot=-UPTIME)], [observed(offsets[0])], at(2)) == []
    assert detector.add([node(boot=90)], [observed(offsets[1])], at(100)) == [event("reboot", 90)]


def test_boot_is_not_later_than_the_present():
    detector = NodeEventDetector()
    detector.add([node(boot=-UPTIME)], (), at(0))
    assert detector.add([node(boot=500)], (), at(100)) == [event("reboot", 100)]


def test_step_of_the_nodes_clock_is_no_boot():
    # Given a machine without a battery for its clock, which NTP sets after the boot
    detector = NodeEventDetector()
    detector.add([node(boot=-UPTIME)], [observed(0.0)], at(0))
    assert detector.add([node(boot=20 - 900)], [observed(-900.0)], at(40)) == [event("reboot", 20)]
    assert detector.add([node(boot=20)], [observed(0.0)], at(50)) == []
    assert detector.add([node(boot=20)], [observed(0.0)], at(60)) == []


def test_step_of_the_collectors_clock_is_no_boot():
    # Given the collector's own machine, whose boot time is derived from the same clock
    detector = NodeEventDetector()
    detector.add([node(boot=-UPTIME)], [observed(0.0)], at(0))
    assert detector.add([node(boot=-UPTIME + 3600)], [observed(0.0)], at(10, clock_step=3600)) == []
    # Another machine, whose clock is right
    detector.add([node(boot=-UPTIME, name="b")], [observed(0.0, "b")], at(0))
    assert detector.add([node(boot=-UPTIME, name="b")], [observed(-3600.0, "b")], at(10, clock_step=3600)) == []


def test_unreadable_boot_time_of_the_last_snapshot_is_ignored():
    detector = NodeEventDetector()
    detector.restore(snapshot(replace(node(), boot_time="2026-99-99T00:00:00Z")))
    assert detector.add([node(boot=0)], (), at(1)) == []


class Link(RedisClient):
    """Counts the calls; loses calls or answers if a test demands it."""

    mode = "well"
    calls = 0

    async def record_node_events(self, epoch, batch, within_seconds):
        self.calls += 1
        if self.mode == "unsent":
            raise RedisAway("not sent")
        outcome = await super().record_node_events(epoch, batch, within_seconds)
        if self.mode == "unanswered":
            raise RedisAway("answer lost")
        return outcome


@pytest.fixture
def run(valkey, redis):
    """Return a function that runs a test's script with a recorder and its link, in a stored epoch."""
    redis.hset(EPOCH_KEY, "epoch", EPOCH)

    def go(play, url=valkey.url):
        async def main():
            link = Link(url)
            try:
                await play(NodeEventRecorder(link), link)
            finally:
                await link.close()

        asyncio.run(main())

    return go


def take(recorder, seconds, *nodes):
    recorder.add(snapshot(*nodes), (), at(seconds))


async def write(recorder, epoch=EPOCH):
    return await recorder.write(epoch, time.monotonic() + 5, 5)


def stored(redis):
    """Return the ids, events (kind and node) and starts of the stream's entries."""
    found = []
    for entry_id, fields in redis.xrange(NODE_EVENTS_KEY):
        raw = fields.get(b"event")
        each = None if raw is None else decode_node_event(raw)
        found.append((entry_id.decode(), each and f"{each.kind} {each.node}", fields[b"since"].decode()))
    return found


def test_events_are_recorded_with_the_time_since_which_all_are(run, redis):
    async def play(recorder, link):
        take(recorder, 0, node())
        assert await write(recorder) == 0
        assert link.calls == 1
        take(recorder, 2, node("offline"))
        take(recorder, 4, node("online"))
        assert len(recorder) == 2
        assert await write(recorder) == 2
        assert await write(recorder) == 0
        assert (link.calls, len(recorder)) == (2, 0)

    run(play)
    since = timestamp(START)
    assert stored(redis) == [
        (f"{EPOCH}-0", None, since),
        (f"{EPOCH}-1", "offline a", since),
        (f"{EPOCH}-2", "online a", since),
    ]


@pytest.mark.parametrize("mode", ["unsent", "unanswered"])
def test_no_event_is_lost_or_doubled_when_redis_is_away_for_a_while(run, redis, mode, monkeypatch):
    monkeypatch.setattr(module, "BATCH_LENGTH", 3)

    async def play(recorder, link):
        for seconds in range(12):
            link.mode = mode if 1 <= seconds < 8 else "well"
            take(recorder, seconds, node("offline" if seconds % 2 else "online"))
            calls = link.calls
            await write(recorder)
            assert link.mode == "well" or link.calls == calls + 1

    run(play)
    assert [entry_id for entry_id, _, _ in stored(redis)] == [f"{EPOCH}-{number}" for number in range(12)]
    assert {since for _, _, since in stored(redis)} == {timestamp(START)}


def test_new_collector_continues_the_events_of_the_previous_one(run, redis):
    async def play(recorder, link):
        recorder.take_over(None)
        take(recorder, 0, node())
        await write(recorder)
        redis.hset(EPOCH_KEY, "epoch", EPOCH + 1)
        successor = NodeEventRecorder(link)
        successor.take_over(snapshot(node(), epoch=EPOCH))
        take(successor, 100, node("offline"))
        await write(successor, EPOCH + 1)
        # The former collector notices.
        take(recorder, 100, node("offline"))
        assert await write(recorder) == 0
        assert len(recorder) == 0

    run(play)
    assert stored(redis) == [(f"{EPOCH}-0", None, timestamp(START)), (f"{EPOCH + 1}-1", "offline a", timestamp(START))]


@pytest.mark.parametrize("between", [snapshot(node(), epoch=EPOCH + 1), None], ids=["other release", "no snapshot"])
def test_start_is_new_when_a_collector_led_that_records_no_events(run, redis, between):
    async def play(recorder, link):
        take(recorder, 0, node())
        await write(recorder)
        redis.hset(EPOCH_KEY, "epoch", EPOCH + 2)
        successor = NodeEventRecorder(link)
        successor.take_over(between)
        take(successor, 100, node())
        await write(successor, EPOCH + 2)

    run(play)
    assert stored(redis) == [(f"{EPOCH}-0", None, timestamp(START)), (f"{EPOCH + 2}-0", None, timestamp(START + 100))]


def test_start_is_new_when_events_are_lost_from_a_full_queue(run, redis, monkeypatch):
    monkeypatch.setattr(module, "QUEUE_LENGTH", 2)

    async def play(recorder, link):
        recorder._queue = type(recorder._queue)(maxlen=2)
        take(recorder, 0, node())
        await write(recorder)
        for seconds in range(1, 6):
            take(recorder, seconds, node("offline" if seconds % 2 else "online"))
        assert recorder.lost == 3
        await write(recorder)
        take(recorder, 6, node("online"))
        await write(recorder)

    run(play)
    since = timestamp(START + 4)
    assert stored(redis) == [
        (f"{EPOCH}-0", None, timestamp(START)),
        (f"{EPOCH}-3", None, since),
        (f"{EPOCH}-4", "online a", since),
        (f"{EPOCH}-5", "offline a", since),
        (f"{EPOCH}-6", "online a", since),
    ]


def test_start_is_new_when_redis_was_emptied(run, redis):
    async def play(recorder, _):
        take(recorder, 0, node())
        await write(recorder)
        redis.flushall()
        take(recorder, 2, node("offline"))
        assert await write(recorder) == 0
        redis.hset(EPOCH_KEY, "epoch", EPOCH + 1)
        assert await write(recorder, EPOCH + 1) == 1

    run(play)
    since = timestamp(START + 2)
    assert stored(redis) == [(f"{EPOCH + 1}-0", None, since), (f"{EPOCH + 1}-1", "offline a", since)]


def test_stream_is_bounded(run, redis, monkeypatch):
    monkeypatch.setattr("contract.scripts.NODE_EVENTS_LENGTH", 1000)
    nodes = [f"n{number}" for number in range(2000)]

    async def play(recorder, _):
        take(recorder, 0, *(node(name=name) for name in nodes))
        take(recorder, 2, *(node("offline", name=name) for name in nodes))
        assert await write(recorder) == len(nodes)

    run(play)
    assert 1000 <= redis.xlen(NODE_EVENTS_KEY) < 1200
    assert stored(redis)[-1][0] == f"{EPOCH}-{len(nodes)}"


def test_events_wait_and_nothing_fails_when_a_redis_of_a_previous_release_refuses_them(
    run, valkey, redis, caplog, monkeypatch
):
    # Given a user without access to the stream
    commands = "-@all +auth +fcall +function|load +hget +hmget +hset +xadd +xrange +xrevrange"
    redis.execute_command("ACL SETUSER former reset on >secret", f"~{EPOCH_KEY}", *commands.split())

    async def play(recorder, link):
        take(recorder, 0, node())
        take(recorder, 2, node("offline"))
        for _ in range(3):
            assert await write(recorder) == 0
        # Refused calls pause.
        assert (link.calls, len(recorder)) == (1, 1)
        redis.execute_command("ACL SETUSER former", f"~{NODE_EVENTS_KEY}")
        recorder._resume_at = 0.0
        assert await write(recorder) == 1

    try:
        run(play, valkey.url.replace("//", "//former:secret@"))
    finally:
        redis.execute_command("ACL DELUSER former")
        redis.execute_command("ACL LOG RESET")
    [record] = caplog.records
    assert record.message.startswith("Redis refuses node events: ")
    assert record.message.endswith("Update the ACL of Redis")
    assert len(stored(redis)) == 2


def test_events_are_kept_while_redis_is_full(run, redis):
    async def play(recorder, _):
        take(recorder, 0, node())
        take(recorder, 2, node("offline"))
        redis.config_set("maxmemory", "1")
        try:
            assert await write(recorder) == 0
        finally:
            redis.config_set("maxmemory", "0")
        recorder._resume_at = 0.0
        assert await write(recorder) == 1

    run(play)


def test_no_call_starts_after_the_deadline(run):
    async def play(recorder, link):
        take(recorder, 0, node())
        assert await recorder.write(EPOCH, time.monotonic() - 1, 5) == 0
        assert link.calls == 0

    run(play)
