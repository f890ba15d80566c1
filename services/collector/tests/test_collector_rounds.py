"""Rounds of the collector with a real Redis, and nodes that tests switch on and off."""

import asyncio
import json
import random
import time

import pytest

from collector.alerts.evaluate import CurrentTime
from collector.alerts.rules import RulesFile
from collector.collector import ClusterMismatch, Collector
from collector.config import Config
from collector.fleet import Fleet
from collector.metrics import exposition
from collector.missed_rounds import LATE_ROUNDS
from collector.node_state import NodeState
from collector.redis_client import RedisClient
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from collector.sentences.issues import persistence_off
from collector.targets.dns import DnsTargets
from collector.targets.files import TargetsFiles
from collector.targets.sources import TargetSources
from contract.codec import decode
from contract.history import CLUSTER_NODE, RESOLUTIONS
from contract.messages import Alerts, Coded, Health, Snapshot
from contract.names import (
    ALERT_LOG_FIELD,
    ALERT_LOG_KEY,
    ALERTS_CHANNEL,
    EPOCH_KEY,
    HEALTH_CHANNEL,
    HISTORY_FIELD,
    INCIDENTS_KEY,
    INCIDENTS_LENGTH,
    INCIDENTS_LENGTH_WHEN_FULL,
    LEASE_KEY,
    METRICS_CHANNEL,
    NODE_EVENTS_KEY,
    history_key,
    latest_key,
)
from contract.node_events import decode_node_event
from runtime.readiness import Readiness
from runtime.redis_failures import RedisAway, RedisFailure
from tests.drivers.waiting import until

DEADLINE_SECONDS = 20.0
#: Long enough that no lease expires and every scrape stays recent.
INTERVAL_SECONDS = 60.0


class Nodes:
    """Replaces the scrape manager; ``states`` are the states after scrapes."""

    def __init__(self, targets):
        self.states = {
            target.address: NodeState(target, unix_seconds=time.time(), interval_seconds=INTERVAL_SECONDS)
            for target in targets
        }

    def are(self, **up):
        for state in self.states.values():
            if state.target.host in up:
                result = (
                    Sample(monotonic_seconds=time.monotonic(), load1=0.5)
                    if up[state.target.host]
                    else ScrapeFailed("connect", failures.connection_refused())
                )
                state.update(result, unix_seconds=time.time())


class Link(RedisClient):
    """Loses the next publications, or only their answers, if a test demands it."""

    mode = "well"

    async def publish(self, publication):
        if self.mode == "unsent":
            raise RedisAway("not sent")
        outcome = await super().publish(publication)
        if self.mode == "unanswered":
            raise RedisAway("answer lost")
        return outcome

    async def take_lease(self, lease, last_epoch):
        if self.mode == "unsent":
            raise RedisAway("not sent")
        answer = await super().take_lease(lease, last_epoch)
        if self.mode == "unanswered":
            raise RedisAway("answer lost")
        return answer


class Process:
    """A collector with its nodes and its link, like a new process; tests run each round."""

    def __init__(self, runner, url, folder, targets, cluster):
        variables = {"REDIS_URL": url, "CLUSTER_NAME": cluster}
        config = Config.from_environment({**variables, "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS)})
        nodes = Nodes(targets)
        self.are, self.link, self.runner = nodes.are, Link(url), runner
        sources = TargetSources(TargetsFiles([folder / "nodes.yaml"]), DnsTargets((), config.interval_seconds))
        fleet = Fleet(nodes, sources)  # type: ignore[arg-type]
        self.degradations: list[Coded] = []
        rules = RulesFile(folder / "alerts.yaml")
        self.collector = Collector(config, self.link, fleet, rules, Readiness(), lambda: self.degradations)

    def pass_time(self, seconds):
        missed_rounds = self.collector._missed_rounds
        missed_rounds._monotonic = lambda monotonic=missed_rounds._monotonic: monotonic() + seconds

    def run_round(self):
        return self.runner.run(self.collector.run_round())

    def attempt(self):
        try:
            return self.run_round()
        except RedisFailure:
            return False


@pytest.fixture
def start(valkey, tmp_path, target):
    """Return a function that makes a new collector, like a new process."""
    (tmp_path / "alerts.yaml").write_text("node_down: {for_seconds: 0}\n")
    made = []
    with asyncio.Runner() as runner:

        def make(cluster="lab"):
            made.append(Process(runner, valkey.url, tmp_path, [target("a"), target("b")], cluster))
            return made[-1]

        yield make
        for process in made:
            runner.run(process.link.close())


def entries(redis):
    return [json.loads(fields[ALERT_LOG_FIELD.encode()]) for _, fields in redis.xrange(ALERT_LOG_KEY)]


def logged(redis):
    return [(entry["transition"], entry["node"]) for entry in entries(redis)]


def latest(redis, channel, kind):
    return decode(redis.get(latest_key(channel)), kind)


def active(redis):
    return {alert.node for alert in latest(redis, ALERTS_CHANNEL, Alerts).active_alerts}


def expire_lease(redis):
    redis.delete(LEASE_KEY)


def test_rounds_are_published_in_order_when_all_is_well(start, redis):
    subscription = redis.pubsub()
    subscription.subscribe(METRICS_CHANNEL, HEALTH_CHANNEL, ALERTS_CHANNEL)
    for _ in range(3):
        assert subscription.get_message(timeout=DEADLINE_SECONDS) is not None

    collector = start()
    collector.run_round()
    collector.are(a=True, b=False)
    collector.run_round()
    collector.are(b=True)
    collector.run_round()
    received = []
    while sum(channel == METRICS_CHANNEL for channel, _ in received) < 3:
        message = subscription.get_message(timeout=DEADLINE_SECONDS)
        assert message is not None
        received.append((message["channel"].decode(), message["data"]))
    # The messages of one function call arrive together, so health and alerts of the last round have arrived, too.
    while (message := subscription.get_message(timeout=0.5)) is not None:
        received.append((message["channel"].decode(), message["data"]))
    subscription.close()
    for channel in (METRICS_CHANNEL, HEALTH_CHANNEL, ALERTS_CHANNEL):
        assert redis.get(latest_key(channel)) == next(data for name, data in reversed(received) if name == channel)
    messages = [(channel, json.loads(data)) for channel, data in received]
    assert len({data["epoch"] for _, data in messages}) == 1
    metrics = [data for channel, data in messages if channel == METRICS_CHANNEL]
    assert [data["seq"] for data in metrics] == [1, 2, 3]
    assert [[node["status"] for node in data["nodes"]] for data in metrics] == [
        ["unknown", "unknown"],
        ["online", "offline"],
        ["online", "online"],
    ]
    health = [data["overall_status"] for channel, data in messages if channel == HEALTH_CHANNEL]
    assert health == ["unknown", "warning", "healthy"]
    alerts = [data for channel, data in messages if channel == ALERTS_CHANNEL]
    # Each message begins where the previous one ended.
    assert [data["previous_alert_id"] for data in alerts] == [None, *[data["last_alert_id"] for data in alerts[:-1]]]
    assert logged(redis) == [("started", None), ("firing", "b"), ("resolved", "b")]
    # Message, :latest and stream agree.
    assert [entry for data in alerts for entry in data["entries"]] == entries(redis)
    assert [name.decode() for name, _ in redis.xrange(ALERT_LOG_KEY)] == [entry["id"] for entry in entries(redis)]


def test_collector_stands_by_when_another_holds_the_lease(start, redis):
    first = start()
    first.are(a=False)
    assert first.run_round()
    second = start()
    second.are(a=False, b=True)
    assert not second.run_round()
    assert not second.run_round()
    # The first collector dies; its lease expires.
    expire_lease(redis)
    assert second.run_round()
    # The first collector was only paused: the fence refuses its round.
    first.are(a=True)
    before = redis.get(latest_key(METRICS_CHANNEL)), entries(redis)
    assert not first.run_round()
    assert (redis.get(latest_key(METRICS_CHANNEL)), entries(redis)) == before
    assert not first.run_round()
    # It takes over when the lease has expired.
    first.are(a=False, b=True)
    expire_lease(redis)
    assert first.run_round()
    assert logged(redis) == [("started", None), ("firing", "a")]
    assert active(redis) == {"a"}


def test_takeover_changes_no_status_when_no_node_changed(start, redis):
    first = start()
    first.are(a=True, b=False)
    first.run_round()
    before = latest(redis, METRICS_CHANNEL, Snapshot), latest(redis, ALERTS_CHANNEL, Alerts)
    expire_lease(redis)
    second = start()
    second.run_round()
    unseen = latest(redis, METRICS_CHANNEL, Snapshot), latest(redis, ALERTS_CHANNEL, Alerts)
    second.are(a=True, b=False)
    second.run_round()
    seen = latest(redis, METRICS_CHANNEL, Snapshot), latest(redis, ALERTS_CHANNEL, Alerts)
    (snapshot, alerts), (unseen, unseen_alerts), (seen, seen_alerts) = before, unseen, seen
    assert unseen.epoch > snapshot.epoch
    assert unseen.nodes == seen.nodes == snapshot.nodes
    assert unseen_alerts.active_alerts == seen_alerts.active_alerts == alerts.active_alerts
    assert unseen_alerts.previous_alert_id == unseen_alerts.last_alert_id == alerts.last_alert_id
    assert logged(redis) == [("started", None), ("firing", "b")]


def incidents(redis):
    return [json.loads(fields[b"incident"]) for _, fields in redis.xrange(INCIDENTS_KEY) if b"incident" in fields]


@pytest.mark.parametrize("killed", ["before it published the end", "before it heard that the end is published"])
def test_incident_is_recorded_once_and_completely_when_the_collector_is_killed_at_its_end(start, redis, killed):
    # Given a firing alert of a collector that is killed in the round that ends the alert
    first = start()
    first.are(a=False)
    first.run_round()
    since = latest(redis, ALERTS_CHANNEL, Alerts).active_alerts[0].since
    first.link.mode = "unsent" if killed.startswith("before it published") else "unanswered"
    first.are(a=True)
    first.attempt()
    # When another collector takes over, for which the node is healthy
    expire_lease(redis)
    second = start()
    second.are(a=True)
    assert second.run_round()
    assert second.run_round()
    # Then there is one record with the start from the first collector
    [incident] = incidents(redis)
    assert (incident["id"], incident["began"]) == (f"node_down/a@{since}", since)
    assert incident["ended"] == entries(redis)[-1]["timestamp"]
    assert logged(redis) == [("started", None), ("firing", "a"), ("resolved", "a")]
    assert active(redis) == set()


def test_old_incidents_are_dropped_when_redis_is_full_and_history_was_refused(start, redis, monkeypatch):
    published = []

    collector = start()
    collector.are(a=True)
    collector.run_round()
    publish = collector.link.publish

    def note(publication):
        published.append(publication.incidents_length)
        return publish(publication)

    monkeypatch.setattr(collector.link, "publish", note)
    monkeypatch.setattr(time, "time", lambda real=time.time: real() + 60 * len(published))
    redis.config_set("maxmemory", "1")
    try:
        for _ in range(3):
            assert collector.run_round()
    finally:
        redis.config_set("maxmemory", "0")
    for _ in range(2):
        assert collector.run_round()
    full, usual = INCIDENTS_LENGTH_WHEN_FULL, INCIDENTS_LENGTH
    # A round is made before its history is written: history of round 2 is refused first, that of round 4 is accepted.
    assert published == [usual, usual, full, full, usual]


def test_health_and_a_gauge_name_degradations_until_they_end(start, redis, monkeypatch):
    def said():
        assert collector.run_round()
        health = latest(redis, HEALTH_CHANNEL, Health)
        told = [coded.code for coded in health.issues_coded if coded.code in health.degraded]
        lines = exposition()[0].decode().splitlines()
        gauge = [line.split('"')[1] for line in lines if line.startswith("dispycluster_degraded{")]
        assert sorted(gauge) == sorted(told) == sorted(health.degraded)
        return told

    turns = []
    collector = start()
    collector.are(a=True)
    monkeypatch.setattr(time, "time", lambda real=time.time: real() + 60 * len(turns))
    redis.config_set("maxmemory", "1")
    try:
        assert said() == []
        turns.append(1)
        assert said() == []  # history is refused after this round
        turns.append(2)
        assert said() == ["history_refused"]
        # other degradations come first
        collector.degradations.append(persistence_off())
        assert said() == ["persistence_off", "history_refused"]
        collector.are(a=False)
        assert said() == ["persistence_off", "history_refused"]
        collector.degradations.clear()
    finally:
        redis.config_set("maxmemory", "0")
    turns.append(3)
    said()
    assert said() == []
    for _ in range(LATE_ROUNDS):
        collector.pass_time(2 * INTERVAL_SECONDS)
        said()
    assert said() == ["rounds_missed"]
    expire_lease(redis)
    start("lab").run_round()
    assert not collector.run_round()
    assert "dispycluster_degraded{" not in exposition()[0].decode()


def test_collector_refuses_when_redis_serves_another_cluster_at_the_start(start, redis):
    first = start("lab")
    first.run_round()
    second = start("office")
    with pytest.raises(ClusterMismatch, match=r"serves the cluster 'lab'.*CLUSTER_NAME=lab"):
        second.run_round()
    # Without a valid lease, Redis accepts the new cluster's name.
    expire_lease(redis)
    third = start("office")
    assert third.run_round()
    # A mismatch after the start does not stop the collector.
    assert not first.run_round()
    assert not first.run_round()
    assert latest(redis, METRICS_CHANNEL, Snapshot).cluster == "office"


def test_transitions_are_logged_once_when_publications_or_their_answers_are_lost(start, redis):
    collector = start()
    collector.run_round()
    for mode, up in (("unsent", False), ("unanswered", True), ("unanswered", False), ("well", False)):
        collector.link.mode = mode
        collector.are(a=up)
        collector.attempt()
    assert logged(redis) == [("started", None), ("firing", "a"), ("resolved", "a"), ("firing", "a")]
    message = latest(redis, ALERTS_CHANNEL, Alerts)
    assert message.last_alert_id == entries(redis)[-1]["id"]


def test_collector_keeps_its_alerts_when_redis_was_emptied(start, redis):
    collector = start()
    collector.are(a=False, b=True)
    collector.run_round()
    first = latest(redis, METRICS_CHANNEL, Snapshot)
    since = latest(redis, ALERTS_CHANNEL, Alerts).active_alerts[0].since
    redis.flushall()
    collector.are(b=False)
    assert collector.run_round()
    snapshot, alerts = latest(redis, METRICS_CHANNEL, Snapshot), latest(redis, ALERTS_CHANNEL, Alerts)
    assert (snapshot.epoch > first.epoch, snapshot.seq) == (True, 1)
    assert logged(redis) == [("started", None), ("firing", "b")]
    assert {alert.node: alert.since for alert in alerts.active_alerts}["a"] == since
    assert redis.get(latest_key(HEALTH_CHANNEL)) is not None


@pytest.mark.parametrize("mode", ["unsent", "unanswered"])
def test_collector_keeps_its_alerts_when_redis_fails_again_while_it_takes_the_lease_back(start, redis, mode):
    collector = start()
    collector.are(a=False)
    collector.run_round()
    since = latest(redis, ALERTS_CHANNEL, Alerts).active_alerts[0].since
    redis.flushall()
    take_lease = collector.link.take_lease

    async def fail_once(lease, last_epoch):
        collector.link.take_lease = take_lease
        if mode == "unanswered":
            await take_lease(lease, last_epoch)
        raise RedisAway("again")

    collector.link.take_lease = fail_once
    assert not collector.attempt()
    assert collector.run_round()
    assert logged(redis) == [("started", None)]
    assert [alert.since for alert in latest(redis, ALERTS_CHANNEL, Alerts).active_alerts] == [since]


def test_collector_takes_over_the_older_state_when_redis_was_restored_from_a_copy(start, redis):
    old = start()
    old.are(a=False, b=False)
    old.run_round()
    keys = {key: (redis.dump(key), max(0, redis.pttl(key))) for key in redis.keys("*")}
    expire_lease(redis)
    collector = start()
    collector.are(a=True, b=False)
    collector.run_round()
    redis.flushall()
    for key, (value, ttl) in keys.items():
        redis.restore(key, ttl, value)
    expire_lease(redis)
    assert [collector.run_round() for _ in range(3)][-1]
    assert logged(redis) == [("started", None), ("firing", "a"), ("firing", "b"), ("resolved", "a")]
    assert active(redis) == {"b"}


@pytest.mark.parametrize("flaps", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_log_is_complete_when_collectors_and_redis_fail_in_any_order(start, redis, monkeypatch, seed, flaps):
    chance = random.Random(seed)
    if not flaps:
        monkeypatch.setattr("collector.alerts.flapping.FLAPPING_TIMES", 1000)

    collector = start()
    up = {"a": True, "b": True}
    for _ in range(60):
        up[chance.choice("ab")] ^= True
        collector.are(**up)
        collector.link.mode = chance.choice(["well", "well", "unsent", "unanswered"])
        collector.attempt()
        if chance.random() < 0.15:  # killed; another collector starts after the lease has expired
            expire_lease(redis)
            collector = start()
        elif chance.random() < 0.1:  # fenced by its own late attempt
            redis.hincrby(EPOCH_KEY, "epoch", 1)
    collector.link.mode = "well"
    collector.are(**up)
    for _ in range(3):
        collector.attempt()
    told = {}
    for entry in entries(redis):
        if entry["transition"] != "started":
            # No transition appears twice, and no end without a start.
            assert entry["transition"] == ("resolved" if told.get(entry["node"]) == "firing" else "firing")
            told[entry["node"]] = entry["transition"]
    assert [entry["transition"] for entry in entries(redis)].count("started") == 1
    down = {node for node, is_up in up.items() if not is_up}
    assert {node for node, transition in told.items() if transition == "firing"} == active(redis)
    flapping = {alert.node for alert in latest(redis, ALERTS_CHANNEL, Alerts).active_alerts if alert.flapping}
    assert flaps or not flapping
    assert active(redis) == down | flapping


def test_log_continues_when_latest_has_expired(start, redis):
    first = start()
    first.are(a=False)
    first.run_round()
    position = entries(redis)[-1]["id"]
    expire_lease(redis)
    redis.delete(latest_key(METRICS_CHANNEL), latest_key(ALERTS_CHANNEL), latest_key(HEALTH_CHANNEL))
    second = start()
    second.run_round()
    message = latest(redis, ALERTS_CHANNEL, Alerts)
    assert (message.previous_alert_id, message.last_alert_id) == (position, position)
    assert len(entries(redis)) == 2


@pytest.fixture
def clock(monkeypatch):
    """Return a function that sets the collector's clock, in seconds after a period of every resolution starts."""

    def set_to(seconds):
        moment = CurrentTime(time.monotonic(), 1_795_426_200 // 7200 * 7200 + seconds)
        monkeypatch.setattr("collector.collector._now", lambda: moment)

    set_to(0)
    return set_to


def samples(redis, node, step=10):
    """Return the number of samples of each entry of a node's history."""
    found = [fields[HISTORY_FIELD.encode()] for _, fields in redis.xrange(history_key(step, node))]
    return [json.loads(entry)[0] for entry in found]


def test_history_is_recorded_when_a_period_is_over(start, redis, clock):
    collector = start()
    collector.are(a=True, b=False)
    for seconds in range(0, 24, 2):
        clock(seconds)
        assert collector.run_round()
    collector.are(b=True)
    for seconds in range(24, 64, 2):
        clock(seconds)
        assert collector.run_round()
    assert samples(redis, "a") == samples(redis, CLUSTER_NODE) == [5] * 6
    assert samples(redis, "b") == [3, 5, 5, 5]
    assert (samples(redis, "a", 60), samples(redis, "b", 60)) == ([30], [18])
    assert json.loads(redis.xrange(history_key(60, "a"))[0][1][HISTORY_FIELD.encode()])[5] == 0.5


def test_history_has_no_gap_when_redis_was_away_for_a_while(start, redis, clock):
    collector = start()
    collector.are(a=True)
    for seconds in range(0, 62, 2):
        clock(seconds)
        collector.link.mode = "unsent" if 12 <= seconds < 38 else "well"
        collector.attempt()
    assert samples(redis, "a") == [5] * 6


def test_history_is_the_leading_collectors_when_another_has_taken_over(start, redis, clock):
    first = start()
    first.are(a=True)
    first.run_round()
    expire_lease(redis)
    second = start()
    second.are(a=True)
    for seconds in (2, 4):
        clock(seconds)
        second.run_round()
    clock(11)
    assert not first.run_round()
    assert second.run_round()
    expire_lease(redis)
    clock(12)
    assert first.run_round()
    clock(21)
    assert first.run_round()
    assert samples(redis, "a") == [2, 1]


def test_rounds_go_on_when_history_is_refused(start, redis, clock):
    collector = start()
    collector.are(a=True)
    collector.run_round()
    redis.config_set("maxmemory", "1")
    try:
        for seconds in (10, 20):
            clock(seconds)
            assert collector.run_round()
    finally:
        redis.config_set("maxmemory", "0")
    clock(30)
    assert collector.run_round()
    assert latest(redis, METRICS_CHANNEL, Snapshot).seq == 4
    assert samples(redis, "a") == [1]


def node_events(redis):
    found = [decode_node_event(fields[b"event"]) for _, fields in redis.xrange(NODE_EVENTS_KEY) if b"event" in fields]
    return [(event.kind, event.node) for event in found]


def test_node_events_continue_when_another_collector_takes_over(start, redis):
    # Given two nodes that a collector finds up and down at its start
    first = start()
    first.are(a=True, b=False)
    first.run_round()
    assert node_events(redis) == []
    first.are(a=False)
    first.run_round()
    assert node_events(redis) == [("offline", "a")]
    # When another collector takes over, which finds one of the nodes up
    expire_lease(redis)
    second = start()
    second.are(b=True)
    second.run_round()
    second.are(a=False)
    second.run_round()
    # Then the events continue, without a new start
    assert node_events(redis) == [("offline", "a"), ("online", "b")]
    assert len({fields[b"since"] for _, fields in redis.xrange(NODE_EVENTS_KEY)}) == 1


def test_node_events_are_recorded_with_their_times_when_redis_was_away(start, redis):
    process = start()
    process.are(a=True)
    process.run_round()
    process.link.mode = "unsent"
    for is_up in (False, True):
        process.are(a=is_up)
        process.attempt()
    process.link.mode = "well"
    process.run_round()
    assert node_events(redis) == [("offline", "a"), ("online", "a")]


def test_unfinished_periods_are_recorded_when_the_collector_stops(start, redis):
    process = start()
    process.are(a=True)

    async def run():
        stop = asyncio.Event()
        running = asyncio.create_task(process.collector.run(stop))
        await until(lambda: redis.exists(latest_key(METRICS_CHANNEL)))
        stop.set()
        await running

    process.runner.run(run())
    assert [samples(redis, "a", step.seconds) for step in RESOLUTIONS] == [[1]] * 4
    assert not redis.exists(LEASE_KEY)


def test_metrics_show_the_last_round_and_firing_alerts_until_another_collector_takes_over(start, redis):
    def told():
        lines = exposition()[0].decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    before = time.time()
    first = start()
    first.run_round()
    first.are(a=False, b=True)
    first.run_round()
    assert before <= float(told()["collector_last_published_timestamp_seconds"]) <= time.time()
    assert told()['collector_alerts_firing{severity="warning"}'] == "1.0"
    assert told()['collector_alerts_firing{severity="critical"}'] == "0.0"
    assert told()["collector_rounds_missed_total"] == "0.0"

    expire_lease(redis)
    start().run_round()
    first.attempt()
    assert not [name for name in told() if name.startswith("collector_alerts_firing")]
