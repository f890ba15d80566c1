import time
from dataclasses import replace

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from contract.history import HALF_HOUR, TEN_SECONDS
from contract.names import (
    ALERT_LOG_KEY,
    ALERTS_CHANNEL,
    EPOCH_KEY,
    HISTORY_FIELD,
    INCIDENTS_KEY,
    INCIDENTS_SINCE_FIELD,
    LATEST_TTL_SECONDS,
    LEASE_KEY,
    METRICS_CHANNEL,
    REPLICAS_KEY,
    RULES_KEY,
    VANISHED_KEY,
    VANISHED_SECONDS,
    history_key,
    latest_key,
    lease_ttl_seconds,
    replica_key,
)
from contract.presence import REPLICAS_LIMIT, ReplicaPresence, read_collector, read_replicas
from contract.scripts import (
    MAX_STREAM_REWRITES,
    PRESENT_REPLICA,
    PUBLISH_ROUND,
    RECORD_HISTORY,
    RELEASE_LEASE,
    REPUBLISH,
    TAKE_LEASE,
    HistoryRecord,
    Lease,
    LeaseReply,
    Publication,
    RecordReply,
    RepublishReply,
    present_replica_call,
    publish_round_call,
    publish_round_reply,
    record_history_call,
    record_history_reply,
    release_lease_call,
    republish_call,
    republish_reply,
    take_lease_call,
    take_lease_reply,
)
from runtime.functions import call
from tests.drivers.valkey import configured
from tests.drivers.waiting import Deadline

#: So long that no lease runs out by itself.
INTERVAL_SECONDS = 60.0
ONE = Lease("one", "lab", INTERVAL_SECONDS)
TWO = Lease("two", "lab", INTERVAL_SECONDS)


def take(redis: Redis, lease: Lease, last_epoch: int = 0) -> LeaseReply:
    return take_lease_reply(call(redis, TAKE_LEASE, take_lease_call(lease, last_epoch)))


def take_over(redis: Redis, lease: Lease) -> int:
    """Take the lease from its holder, as if it had run out; return the epoch."""
    redis.delete(LEASE_KEY)
    return take(redis, lease).epoch


@pytest.fixture
def epoch(redis: Redis) -> int:
    """That of ``ONE``, which holds the lease."""
    return take(redis, ONE).epoch


def publish(redis: Redis, publication: Publication) -> str:
    return publish_round_reply(call(redis, PUBLISH_ROUND, publish_round_call(publication)))


def republish(redis: Redis, channel: str) -> RepublishReply:
    return republish_reply(call(redis, REPUBLISH, republish_call(channel)))


def test_lease_is_taken_with_an_epoch_of_now_when_redis_is_empty(redis: Redis) -> None:
    before = int(time.time())
    answer = take(redis, ONE)
    assert answer.outcome == "taken"
    assert before <= answer.epoch <= time.time() + 1
    assert answer.log_is_empty
    assert 0 < redis.pttl(LEASE_KEY) <= lease_ttl_seconds(INTERVAL_SECONDS) * 1000


def test_lease_epoch_grows_when_stored_own_or_logged_ones_are_ahead_of_the_clock(redis: Redis) -> None:
    far = 4_000_000_000
    redis.hset(EPOCH_KEY, mapping={"epoch": far, "seq": 3})
    assert take(redis, ONE).epoch == far + 1
    redis.flushall()
    assert take(redis, ONE, last_epoch=far).epoch == far + 1
    redis.flushall()
    redis.xadd(ALERT_LOG_KEY, {"entry": "{}"}, id=f"{far}-4")
    answer = take(redis, ONE)
    assert answer.epoch == far + 1
    assert not answer.log_is_empty


def test_lease_is_not_taken_when_another_collector_holds_it(redis: Redis) -> None:
    take(redis, ONE)
    assert take(redis, TWO) == LeaseReply("held", 0, "one", "lab", False)
    assert take(redis, Lease("three", "other", 2.0)).outcome == "foreign"
    call(redis, RELEASE_LEASE, release_lease_call(TWO))
    assert take(redis, TWO).outcome == "held"
    call(redis, RELEASE_LEASE, release_lease_call(ONE))
    assert take(redis, TWO).outcome == "taken"


def test_round_is_published_stored_and_logged_in_one_step(redis: Redis, epoch: int) -> None:
    listener = redis.pubsub()
    listener.subscribe(METRICS_CHANNEL, ALERTS_CHANNEL)
    assert [(listener.get_message(timeout=10) or {})["type"] for _ in range(2)] == ["subscribe", "subscribe"]
    messages = {METRICS_CHANNEL: b'{"a":{},"b":1.0}', ALERTS_CHANNEL: b'{"c":[]}'}
    entries = ((f"{epoch}-1", b"first"), (f"{epoch}-2", b"second"))
    assert publish(redis, Publication(ONE, epoch, 1, messages, entries)) == "published"
    heard: list[tuple[bytes, bytes]] = []
    deadline = Deadline(10)
    while len(heard) < 2 and not deadline.has_passed:
        message = listener.get_message(timeout=1)
        if message is not None and message["type"] == "message":
            heard.append((message["channel"], message["data"]))
    assert heard == [(channel.encode(), data) for channel, data in messages.items()]
    assert redis.get(latest_key(METRICS_CHANNEL)) == messages[METRICS_CHANNEL]
    assert [(name.decode(), fields[b"entry"]) for name, fields in redis.xrange(ALERT_LOG_KEY)] == list(entries)
    listener.close()


def test_rules_are_stored_with_the_round_and_published_on_no_channel(redis: Redis, epoch: int) -> None:
    listener = redis.pubsub()
    listener.psubscribe("*")
    assert (listener.get_message(timeout=10) or {})["type"] == "psubscribe"
    assert publish(redis, Publication(ONE, epoch, 1, {METRICS_CHANNEL: b"x"}, rules=b"r")) == "published"
    assert (listener.get_message(timeout=10) or {})["channel"] == METRICS_CHANNEL.encode()
    assert listener.get_message(timeout=0.2) is None
    listener.close()
    assert redis.get(RULES_KEY) == b"r"
    assert 0 < redis.pttl(RULES_KEY) <= LATEST_TTL_SECONDS * 1000
    # Behind the fence, as all of a round.
    assert publish(redis, Publication(ONE, epoch - 1, 9, {METRICS_CHANNEL: b"y"}, rules=b"old")) == "fenced"
    assert redis.get(RULES_KEY) == b"r"


def test_round_changes_nothing_when_its_seq_is_not_above(redis: Redis, epoch: int) -> None:
    assert publish(redis, Publication(ONE, epoch, 2, {METRICS_CHANNEL: b"new"})) == "published"
    for seq in (1, 2):
        late = Publication(ONE, epoch, seq, {METRICS_CHANNEL: b"old"}, ((f"{epoch}-1", b"x"),))
        assert publish(redis, late) == "repeated"
    assert redis.get(latest_key(METRICS_CHANNEL)) == b"new"
    assert redis.xlen(ALERT_LOG_KEY) == 0


def test_round_is_fenced_when_another_collector_took_over(redis: Redis, epoch: int) -> None:
    newer = take_over(redis, TWO)
    assert newer > epoch
    assert publish(redis, Publication(ONE, epoch, 1, {METRICS_CHANNEL: b"old"})) == "fenced"
    assert redis.hget(LEASE_KEY, "id") == b"two"
    assert redis.get(latest_key(METRICS_CHANNEL)) is None


def test_round_is_lost_when_redis_was_emptied(redis: Redis, epoch: int) -> None:
    redis.flushall()
    assert publish(redis, Publication(ONE, epoch, 1, {METRICS_CHANNEL: b"x"})) == "lost"
    assert take(redis, ONE, last_epoch=epoch).epoch > epoch


def test_repeated_log_entry_is_written_once(redis: Redis, epoch: int) -> None:
    first = ((f"{epoch}-9", b"first"),)
    publish(redis, Publication(ONE, epoch, 1, {METRICS_CHANNEL: b"x"}, first))
    again = (*first, (f"{epoch}-10", b"second"))
    assert publish(redis, Publication(ONE, epoch, 2, {METRICS_CHANNEL: b"x"}, again)) == "published"
    assert [fields[b"entry"] for _, fields in redis.xrange(ALERT_LOG_KEY)] == [b"first", b"second"]


def ended(epoch: int, seq: int, n: int, incident: bytes, lease: Lease = ONE, length: int = 1000) -> Publication:
    """A round with one log entry, which ends an incident."""
    entry = f"{epoch}-{n}"
    return Publication(
        lease,
        epoch,
        seq,
        {METRICS_CHANNEL: b"x"},
        ((entry, b"resolved"),),
        incidents={entry: incident},
        incidents_since="since then",
        incidents_length=length,
    )


def incidents(redis: Redis) -> list[tuple[str, bytes]]:
    """The stream's entries: id, and the incident, or since when there are any."""
    return [(name.decode(), next(iter(fields.values()))) for name, fields in redis.xrange(INCIDENTS_KEY)]


def without_incidents(epoch: int, seq: int, n: int | None, lease: Lease = ONE) -> Publication:
    """A round of a collector that records none; with an entry of the log unless ``n`` is ``None``."""
    entries = () if n is None else ((f"{epoch}-{n}", b"resolved"),)
    return Publication(lease, epoch, seq, {METRICS_CHANNEL: b"x"}, entries)


def told_since(redis: Redis) -> list[bytes | None]:
    """Since when there are incidents, as each entry of the stream tells it."""
    return [fields.get(INCIDENTS_SINCE_FIELD.encode()) for _, fields in redis.xrange(INCIDENTS_KEY)]


def test_incidents_are_recorded_from_the_first_round_on_and_say_so(redis: Redis, epoch: int) -> None:
    for seq, since in ((1, "first"), (2, "second")):
        publish(redis, Publication(ONE, epoch, seq, {METRICS_CHANNEL: b"x"}, incidents_since=since))
    assert redis.xrange(INCIDENTS_KEY) == [(f"{epoch}-0".encode(), {INCIDENTS_SINCE_FIELD.encode(): b"first"})]
    # Likewise after somebody emptied it.
    redis.delete(INCIDENTS_KEY)
    publish(redis, ended(epoch, 3, 1, b"incident"))
    assert incidents(redis) == [(f"{epoch}-0", b"since then"), (f"{epoch}-1", b"incident")]


def test_incident_is_recorded_once_with_its_log_entry_when_the_round_is_given_again(redis: Redis, epoch: int) -> None:
    # The answer to the first was lost: the entry and its incident come again with the next round.
    for seq in (1, 2):
        assert publish(redis, ended(epoch, seq, 9, b"incident")) == "published"
    assert publish(redis, ended(epoch, 3, 10, b"next")) == "published"
    assert incidents(redis)[1:] == [(f"{epoch}-9", b"incident"), (f"{epoch}-10", b"next")]
    assert [name.decode() for name, _ in redis.xrange(ALERT_LOG_KEY)] == [f"{epoch}-9", f"{epoch}-10"]


def test_incident_is_not_recorded_when_another_collector_took_over(redis: Redis, epoch: int) -> None:
    second = take_over(redis, TWO)
    assert publish(redis, ended(epoch, 1, 1, b"of the former")) == "fenced"
    assert redis.exists(INCIDENTS_KEY, ALERT_LOG_KEY) == 0
    assert publish(redis, ended(second, 1, 1, b"incident", TWO)) == "published"
    assert [value for _, value in incidents(redis)] == [b"since then", b"incident"]


def test_known_since_is_later_when_a_collector_without_incidents_has_written_log_entries(
    redis: Redis, epoch: int
) -> None:
    # Given records, and a term of a collector of the last release in which an alert ended
    publish(redis, replace(ended(epoch, 1, 1, b"before"), incidents_since="first"))
    second = take_over(redis, TWO)
    publish(redis, without_incidents(second, 1, 1, TWO))
    redis.delete(LEASE_KEY)
    # When this release leads again
    third = take(redis, ONE).epoch
    for seq in (1, 2):
        publish(redis, replace(ended(third, seq, seq, b"%d" % seq), incidents_since=f"round {seq}"))
    # Then its first round is told, by all that is recorded from it on
    assert incidents(redis)[1:] == [
        (f"{epoch}-1", b"before"), (f"{second}-1", b"round 1"), (f"{third}-1", b"1"), (f"{third}-2", b"2"),
    ]  # fmt: skip
    assert told_since(redis) == [b"first", b"first", b"round 1", b"round 1", b"round 1"]


def test_known_since_is_later_when_rounds_with_log_entries_recorded_no_incidents(redis: Redis, epoch: int) -> None:
    publish(redis, replace(ended(epoch, 1, 1, b"before"), incidents_since="first"))
    publish(redis, without_incidents(epoch, 2, 2))
    publish(redis, replace(ended(epoch, 3, 3, b"after"), incidents_since="later"))
    assert told_since(redis) == [b"first", b"first", b"later", b"later"]


def test_known_since_stays_when_rounds_without_incidents_logged_nothing(redis: Redis, epoch: int) -> None:
    publish(redis, replace(ended(epoch, 1, 1, b"before"), incidents_since="first"))
    second = take_over(redis, TWO)
    publish(redis, without_incidents(second, 1, None, TWO))
    third = take_over(redis, ONE)
    # The answer to the round was lost: it comes again.
    for seq in (1, 2):
        publish(redis, replace(ended(third, seq, 1, b"after"), incidents_since="later"))
    assert told_since(redis) == [b"first", b"first", b"first"]


def test_incidents_are_known_since_later_when_one_could_not_be_recorded(redis: Redis, epoch: int) -> None:
    redis.set(INCIDENTS_KEY, "something else")
    publish(redis, replace(ended(epoch, 1, 1, b"lost"), incidents_since="first"))
    redis.delete(INCIDENTS_KEY)
    publish(redis, replace(ended(epoch, 2, 2, b"after"), incidents_since="later"))
    assert told_since(redis) == [b"later", b"later"]


def test_oldest_incidents_go_when_there_are_more_than_are_kept(redis: Redis, epoch: int) -> None:
    with configured(redis, "stream-node-max-entries", "5"):
        for seq in range(1, 61):
            publish(redis, ended(epoch, seq, seq, b"%d" % seq, length=40 if seq < 60 else 10))
            assert redis.xlen(INCIDENTS_KEY) <= 46
    # Of those that are shed when Redis is full, too, the newest stay.
    kept = incidents(redis)
    assert 10 <= len(kept) <= 16
    assert kept[-1] == (f"{epoch}-60", b"60")


@pytest.mark.parametrize("ahead", [False, True])
def test_round_is_published_when_the_incidents_key_holds_something_else(redis: Redis, epoch: int, ahead: bool) -> None:
    if ahead:
        redis.xadd(INCIDENTS_KEY, {"a": "b"}, id="9000000000000-0")
    else:
        redis.set(INCIDENTS_KEY, b"mine")
    before = redis.dump(INCIDENTS_KEY)
    assert publish(redis, ended(epoch, 1, 1, b"incident")) == "published"
    assert redis.dump(INCIDENTS_KEY) == before
    assert redis.get(latest_key(METRICS_CHANNEL)) == b"x"
    assert redis.xlen(ALERT_LOG_KEY) == 1


def test_round_is_published_when_redis_is_full(redis: Redis, epoch: int) -> None:
    with configured(redis, "maxmemory", "1"):
        assert publish(redis, ended(epoch, 1, 1, b"incident")) == "published"


def test_republication_is_nothing_when_nothing_is_stored(redis: Redis) -> None:
    assert republish(redis, METRICS_CHANNEL) == RepublishReply(None, None, 0.0)
    assert redis.keys() == []


def test_republication_waits_when_one_was_made_just_now(redis: Redis) -> None:
    redis.set(latest_key(METRICS_CHANNEL), b"bytes", px=24 * 3600 * 1000 - 5000)
    first = republish(redis, METRICS_CHANNEL)
    assert first.message == b"bytes"
    assert first.wait_seconds == 0
    assert first.age_seconds is not None
    assert first.age_seconds >= 5.0
    redis.set("cluster:api:published:" + METRICS_CHANNEL, "1", px=60_000)
    second = republish(redis, METRICS_CHANNEL)
    assert second.message == b"bytes"
    assert second.wait_seconds > 0


def test_presence_can_be_read_until_it_expires(redis: Redis) -> None:
    presence = ReplicaPresence(
        replica="r1", connected_clients=7, started="2026-11-23T07:01:05.250Z", version="1", messages=3, deliveries=21
    )
    call(redis, PRESENT_REPLICA, present_replica_call("gone", presence.fields()))
    redis.zadd(REPLICAS_KEY, {"gone": 1})
    call(redis, PRESENT_REPLICA, present_replica_call("r1", presence.fields()))
    assert ReplicaPresence.from_fields("r1", redis.hgetall(replica_key("r1"))) == presence
    assert redis.zrange(REPLICAS_KEY, 0, -1) == [b"r1"]
    assert [(found.replica, found.connected_clients) for found in read_replicas(redis)] == [("r1", 7)]
    # The other has vanished: by when it did, unless that is long ago.
    assert redis.zrange(VANISHED_KEY, 0, -1) == []
    redis.zadd(REPLICAS_KEY, {"gone": (time.time() - 60) * 1000})
    call(redis, PRESENT_REPLICA, present_replica_call("r1", presence.fields()))
    assert redis.zrange(REPLICAS_KEY, 0, -1) == [b"r1"]
    [(name, went_ms)] = redis.zrange(VANISHED_KEY, 0, -1, withscores=True)
    assert (name, round(time.time() - went_ms / 1000) in range(60, 120)) == (b"gone", True)
    assert 0 < redis.ttl(VANISHED_KEY) <= VANISHED_SECONDS
    # It was cut off, and is back.
    call(redis, PRESENT_REPLICA, present_replica_call("gone", presence.fields()))
    assert redis.zrange(VANISHED_KEY, 0, -1) == []
    # A key that holds something else keeps nobody from being counted.
    redis.set(VANISHED_KEY, "x")
    redis.zadd(REPLICAS_KEY, {"gone": (time.time() - 60) * 1000})
    call(redis, PRESENT_REPLICA, present_replica_call("r1", presence.fields()))
    assert redis.zrange(REPLICAS_KEY, 0, -1) == [b"r1"]
    redis.delete(replica_key("r1"))
    assert read_replicas(redis) == []


def test_few_replicas_are_read_when_one_makes_up_very_many(redis: Redis) -> None:
    fields = ReplicaPresence(
        replica="r1", connected_clients=7, started="2026-11-23T07:01:05.250Z", version="1", messages=3, deliveries=21
    ).fields()
    call(redis, PRESENT_REPLICA, present_replica_call("r1", fields))
    redis.zadd(REPLICAS_KEY, {f"a{number}": 4e12 for number in range(3 * REPLICAS_LIMIT)})
    redis.execute_command("CONFIG RESETSTAT")
    assert [found.replica for found in read_replicas(redis)] == ["r1"]
    assert redis.info("commandstats")["cmdstat_hgetall"]["calls"] <= REPLICAS_LIMIT  # type: ignore[index]


@pytest.mark.parametrize("living", [True, False])
def test_collector_report_names_the_leader_while_the_lease_is_valid(redis: Redis, epoch: int, living: bool) -> None:
    publish(redis, Publication(ONE, epoch, 1, {METRICS_CHANNEL: b"x"}))
    if not living:
        redis.delete(LEASE_KEY)
    report, cluster = read_collector(redis)
    assert (report.status, report.leader, cluster) == (("up", "one", "lab") if living else ("down", None, None))
    assert report.age_seconds is not None
    assert 0 <= report.age_seconds < 60


START = 1_795_426_800


def record(redis: Redis, epoch: int, *records: HistoryRecord) -> RecordReply:
    return record_history_reply(call(redis, RECORD_HISTORY, record_history_call(epoch, records)))


def ten(number: int, entry: bytes = b"[1]", node: str = "a") -> HistoryRecord:
    """The record of the ten seconds of that number."""
    return HistoryRecord(TEN_SECONDS, node, START + 10 * number, entry)


def recorded(redis: Redis, node: str = "a", step: int = 10) -> list[tuple[str, bytes]]:
    return [(name.decode(), fields[HISTORY_FIELD.encode()]) for name, fields in redis.xrange(history_key(step, node))]


def ids(epoch: int, *numbers: int) -> list[str]:
    return [f"{START + 10 * number}000-{epoch}" for number in numbers]


def test_history_is_recorded_in_streams_of_step_and_node_that_end_with_their_range(redis: Redis, epoch: int) -> None:
    half_hour = HistoryRecord(HALF_HOUR, "a", START, b"[900]")
    answer = record(redis, epoch, ten(0, b"[1,2.5]"), ten(0, b"[2]", node=""), half_hour, ten(1))
    assert answer == RecordReply("recorded", 4, 0)
    assert recorded(redis) == list(zip(ids(epoch, 0, 1), [b"[1,2.5]", b"[1]"], strict=True))
    assert recorded(redis, "") == [(f"{START}000-{epoch}", b"[2]")]
    assert recorded(redis, step=1800) == [(f"{START}000-{epoch}", b"[900]")]
    # What nobody writes any more goes by itself.
    for step in (TEN_SECONDS, HALF_HOUR):
        left = redis.pttl(history_key(step.seconds, "a"))
        assert 1000 * step.retention_seconds - 60_000 < left <= 1000 * step.retention_seconds


def test_history_is_fenced_when_another_collector_took_over_and_lost_when_redis_was_emptied(
    redis: Redis, epoch: int
) -> None:
    take_over(redis, TWO)
    assert record(redis, epoch, ten(0)) == RecordReply("fenced", 0, 0)
    redis.flushall()
    assert record(redis, epoch, ten(0)) == RecordReply("lost", 0, 0)
    assert redis.keys() == []


def test_repeated_history_record_is_written_once(redis: Redis, epoch: int) -> None:
    batch = [ten(0, b"[1]"), ten(1, b"[2]"), ten(2, b"[3]")]
    record(redis, epoch, *batch)
    before = recorded(redis)
    assert record(redis, epoch, *batch, ten(3)) == RecordReply("recorded", 4, 0)
    assert recorded(redis) == [*before, (*ids(epoch, 3), b"[1]")]


def test_history_keeps_both_when_two_collectors_saw_parts_of_one_step(redis: Redis, epoch: int) -> None:
    record(redis, epoch, ten(0, b"[1]"))
    second = take_over(redis, TWO)
    record(redis, second, ten(0, b"[2]"))
    assert recorded(redis) == [(*ids(epoch, 0), b"[1]"), (*ids(second, 0), b"[2]")]


def test_history_drops_later_entries_when_the_clock_was_set_back(redis: Redis, epoch: int) -> None:
    record(redis, epoch, ten(0), ten(1), ten(400), ten(401))
    assert record(redis, epoch, ten(5, b"[2]"), ten(6)) == RecordReply("recorded", 2, 0)
    assert [name for name, _ in recorded(redis)] == ids(epoch, 0, 1, 5, 6)
    assert redis.pttl(history_key(10, "a")) > 0
    # Where it was as early as this before, the steps of then stay.
    assert record(redis, epoch, ten(1, b"[9]")) == RecordReply("recorded", 1, 0)
    assert [name for name, _ in recorded(redis)] == ids(epoch, 0, 1, 5, 6)
    assert dict(recorded(redis))[ids(epoch, 1)[0]] == b"[1]"


def test_one_call_rewrites_few_streams_when_the_clock_was_set_back(redis: Redis, epoch: int) -> None:
    nodes = [f"n{number}" for number in range(MAX_STREAM_REWRITES + 3)]
    record(redis, epoch, *(ten(400, node=node) for node in nodes))
    records = [ten(0, node=node) for node in nodes]
    assert record(redis, epoch, *records) == RecordReply("recorded", MAX_STREAM_REWRITES, 0)
    assert record(redis, epoch, *records[MAX_STREAM_REWRITES:]) == RecordReply("recorded", 3, 0)
    for node in nodes:
        assert [name for name, _ in recorded(redis, node)] == ids(epoch, 0)


def test_history_is_trimmed_to_its_range(redis: Redis, epoch: int) -> None:
    with configured(redis, "stream-node-max-entries", "5"):
        record(redis, epoch, *(ten(number) for number in range(1000)))
    kept = [name for name, _ in recorded(redis)]
    # 362 of ten seconds, and what is left of the block in which the oldest of them stands.
    assert kept == ids(epoch, *range(1000 - len(kept), 1000))
    assert 362 <= len(kept) <= 368


def test_history_is_refused_whole_when_redis_is_full(redis: Redis, epoch: int) -> None:
    with configured(redis, "maxmemory", "1"), pytest.raises(OutOfMemoryError):
        record(redis, epoch, ten(0))
    assert recorded(redis) == []


def test_history_leaves_a_key_of_another_type_alone(redis: Redis, epoch: int) -> None:
    redis.set(history_key(10, "a"), b"mine")
    assert record(redis, epoch, ten(0), ten(0, node="b")) == RecordReply("recorded", 2, 1)
    assert redis.get(history_key(10, "a")) == b"mine"
    assert redis.pttl(history_key(10, "a")) == -1
    assert len(recorded(redis, "b")) == 1
