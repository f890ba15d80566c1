"""One of two collectors is active; when it fails, the other takes over, and no messages contradict each other."""

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
import redis as redis_client
import requests

from contract.names import ALERT_LOG_KEY, INCIDENTS_KEY, LEASE_KEY, METRICS_CHANNEL, lease_ttl_seconds
from tests.drivers.disturbances import DISTURBANCES
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.rest import Rest
from tests.drivers.stack import Stack, own_stack
from tests.drivers.transitions import require_numbered_without_a_gap, transitions
from tests.drivers.waiting import eventually

#: Longer than in other tests: a busy machine delays nodes, and a node without an answer within it is offline.
INTERVAL_SECONDS = 2.0
LEASE_SECONDS = lease_ttl_seconds(INTERVAL_SECONDS)
#: Additional time on a busy machine.
MARGIN_SECONDS = 4.0

#: Nodes that get hot in turn: so many that no alert flaps.
HOT_NODES = [f"node{number:02}" for number in range(2, 13)]

RULES = """
node_down: {for_seconds: 1}
temperature: {for_seconds: 4}
"""


@dataclass(frozen=True)
class Arrival:
    """A snapshot with the time of its arrival."""

    at: float
    message: dict[str, Any]

    @property
    def order(self) -> tuple[int, int]:
        return self.message["epoch"], self.message["seq"]

    @property
    def statuses(self) -> dict[str, tuple[str, str]]:
        return {node["node"]: (node["status"], node["status_since"]) for node in self.message["nodes"]}


class Recorder:
    """Records every snapshot that Redis publishes."""

    def __init__(self, redis: redis_client.Redis) -> None:
        self.arrivals: list[Arrival] = []
        self._ended = threading.Event()
        self._subscription = redis.pubsub()
        self._subscription.subscribe(METRICS_CHANNEL)
        confirmed = self._subscription.get_message(timeout=20)
        assert confirmed is not None
        self._thread = threading.Thread(target=self._record)
        self._thread.start()

    def _record(self) -> None:
        while not self._ended.is_set():
            message = self._subscription.get_message(timeout=0.2)
            if message is not None and message["type"] == "message":
                self.arrivals.append(Arrival(time.monotonic(), json.loads(message["data"])))

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._subscription.close()

    def gaps(self) -> list[float]:
        """Return the seconds between consecutive messages."""
        return [after.at - before.at for before, after in itertools.pairwise(self.arrivals)]

    def takeovers(self) -> list[float]:
        """Return the seconds between the last message of each epoch and the first of the next."""
        pairs = itertools.pairwise(self.arrivals)
        return [after.at - before.at for before, after in pairs if before.order[0] != after.order[0]]

    def assert_one_publisher_at_a_time(self) -> None:
        """Check that no older epoch follows a newer one, and that each epoch has all rounds once and in order."""
        orders = [arrival.order for arrival in self.arrivals]
        for (epoch, seq), (next_epoch, next_seq) in itertools.pairwise(orders):
            assert (next_epoch, next_seq) == (epoch, seq + 1) or (next_epoch > epoch and next_seq == 1), orders

    def assert_statuses_stay(self) -> None:
        """Check that every node keeps its first status and its time."""
        first, *others = self.arrivals
        for arrival in others:
            assert arrival.statuses == first.statuses, f"{arrival.order} is not {first.order}"


class Pair:
    """Two collectors of the same nodes; ``begin`` and ``end`` enclose each test."""

    recorder: Recorder

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._redis = stack.redis()
        self._told = 0
        stack.write_rules(RULES)
        self.control = stack.start_simulator(1 + len(HOT_NODES), "--fault", "node01=dead")
        self.probes: dict[str, Rest] = {}
        self.processes = [self._start(name) for name in ("collector1", "collector2")]
        for process in self.processes:
            self.wait_until_ready(process)
        eventually(lambda: self.state("node_down/node01") == "firing", within_seconds=60, what="the alert of node01")

    def begin(self) -> None:
        """Record publications and log entries from now on."""
        self._told = self._redis.xlen(ALERT_LOG_KEY)
        self.recorder = Recorder(self._redis)
        eventually(lambda: self.recorder.arrivals, what="a snapshot")

    def end(self) -> None:
        """Wait until both collectors are ready and every node except the dead one is online."""
        self.recorder.close()
        for node in HOT_NODES:
            self.fault(node, "none")
        for process in self.processes:
            if process.running:
                process.resume()
            else:
                process.start()
            self.wait_until_ready(process)
        eventually(lambda: self.alerts().keys() == {"node_down/node01"}, within_seconds=60, what="one alert left")

    def _start(self, name: str) -> Process:
        port = free_port()
        self.probes[name] = self._stack.rest(port)
        return self._stack.start(
            name,
            "collector",
            COLLECTOR_PORT=str(port),
            COLLECTOR_SCRAPE_INTERVAL_SECONDS=str(INTERVAL_SECONDS),
        )

    def wait_until_ready(self, process: Process) -> None:
        eventually(lambda: self.probes[process.name].status("/readyz") == 200, within_seconds=60, what=process.name)
        # It has scraped the nodes, like a long-running standby.
        eventually(
            lambda: self.probes[process.name].metric("collector_scrape_duration_seconds_count") >= 4, within_seconds=60
        )

    def active(self) -> Process:
        """Return the process with the lease."""

        def holder() -> Process | None:
            raw = self._redis.hget(LEASE_KEY, "id")
            pid = 0 if raw is None else int(raw.decode().split("-")[-2])
            return next((each for each in self.processes if each.running and each.pid == pid), None)

        return eventually(holder, within_seconds=30, what="the holder of the lease")

    def other(self, process: Process) -> Process:
        return next(each for each in self.processes if each is not process)

    def epoch(self) -> int:
        return int(self._redis.hget("cluster:collector:epoch", "epoch") or 0)

    def alerts(self) -> dict[str, dict[str, Any]]:
        raw = self._redis.get("cluster:alerts:latest")
        return {} if raw is None else {alert["id"]: alert for alert in json.loads(raw)["active_alerts"]}

    def state(self, alert: str) -> str | None:
        found = self.alerts().get(alert)
        return None if found is None else found["state"]

    def fault(self, node: str, name: str) -> None:
        assert requests.put(f"{self.control.origin}/nodes/{node}/fault", data=name, timeout=10).ok

    def after_takeover(self, disturb: Callable[[], object]) -> None:
        """Disturb the active collector, and wait until the other has published."""
        before = self.epoch()
        disturb()
        eventually(
            lambda: self.recorder.arrivals[-1].order > (before + 1, 0), within_seconds=60, what="the next collector"
        )

    def log(self) -> list[dict[str, Any]]:
        """Return every entry of the alert log."""
        return [json.loads(fields[b"entry"]) for _, fields in self._redis.xrange(ALERT_LOG_KEY)]

    def incidents(self) -> dict[str, dict[str, Any]]:
        """Return every record of an incident by its position."""
        rows = self._redis.xrange(INCIDENTS_KEY)
        return {name.decode(): json.loads(fields[b"incident"]) for name, fields in rows if b"incident" in fields}

    def new_entries(self) -> list[dict[str, Any]]:
        """Return the entries since ``begin``."""
        return self.log()[self._told :]

    def close(self) -> None:
        self._redis.close()


@pytest.fixture(scope="module")
def collectors() -> Iterator[Pair]:
    with own_stack() as stack, closing(Pair(stack)) as pair:
        yield pair


@pytest.fixture
def pair(collectors: Pair) -> Iterator[Pair]:
    collectors.begin()
    yield collectors
    collectors.end()


def test_no_entry_is_lost_repeated_or_false_when_the_active_collector_is_killed_or_paused(pair: Pair) -> None:
    # Given a dead node whose alert fires, and nodes whose temperatures rise and fall in turn
    random.seed(5)
    down = "node_down/node01"
    since = pair.alerts()[down]["since"]
    turns = itertools.cycle(HOT_NODES)
    was_hot: Counter[str] = Counter()
    node, is_hot = next(turns), False

    def state() -> str | None:
        return pair.state(f"temperature/{node}")

    for number in range(DISTURBANCES):
        if number % 4 == 0:
            eventually(lambda: state() is None, within_seconds=60)
            node, is_hot = next(turns), True
            was_hot[f"temperature/{node}"] += 1
            pair.fault(node, "hot")
            eventually(lambda: state() == "pending", within_seconds=60)
        elif number % 4 == 2:
            eventually(lambda: state() == "firing", within_seconds=60)
            pair.fault(node, "none")
            is_hot = False
        # When the active collector is killed and started again, or paused and resumed
        time.sleep(random.uniform(0, 1))
        process = pair.active()
        if random.random() < 0.5:
            pair.after_takeover(process.kill)
            process.start()
            pair.wait_until_ready(process)
        else:
            pair.after_takeover(process.pause)
            time.sleep(random.uniform(0, 2))
            process.resume()
        assert pair.state(down) == "firing"
    if is_hot:
        eventually(lambda: state() == "firing", within_seconds=60)
        pair.fault(node, "none")
    eventually(lambda: state() is None, within_seconds=60)
    # Then one collector published at a time, with no gap longer than the lease and two rounds
    pair.recorder.assert_one_publisher_at_a_time()
    assert len(pair.recorder.takeovers()) >= DISTURBANCES
    assert max(pair.recorder.gaps()) <= LEASE_SECONDS + 2 * INTERVAL_SECONDS + MARGIN_SECONDS
    pair.recorder.assert_statuses_stay()
    # And the log has each transition once, numbered without a gap in every epoch
    require_numbered_without_a_gap(pair.log())
    assert transitions(pair.new_entries()) == {
        alert: ["pending", "firing", "resolved"] * times for alert, times in was_hot.items()
    }
    # And each time that the alert fired is one incident, recorded with its last entry
    ends = {entry["id"]: entry for entry in pair.new_entries() if entry["transition"] == "resolved"}
    incidents = pair.incidents()
    assert {position: (each["began"], each["ended"]) for position, each in incidents.items() if position in ends} == {
        position: (entry["since"], entry["timestamp"]) for position, entry in ends.items()
    }
    assert len({each["id"] for each in incidents.values()}) == len(incidents)
    assert all(
        each["peak"] >= max(80, ends[position]["value"]) for position, each in incidents.items() if position in ends
    )
    assert pair.alerts()[down]["since"] == since


def test_other_collector_takes_over_immediately_when_the_active_one_is_stopped(pair: Pair) -> None:
    for _ in range(3):
        process = pair.active()
        pair.after_takeover(process.stop)
        process.start()
        pair.wait_until_ready(process)
    pair.recorder.assert_one_publisher_at_a_time()
    takeovers = pair.recorder.takeovers()
    assert len(takeovers) == 3
    # The lease was returned: otherwise it ends LEASE_SECONDS after the last message
    assert min(takeovers) < LEASE_SECONDS
    pair.recorder.assert_statuses_stay()
    assert pair.new_entries() == []


def test_collector_continues_when_it_is_paused_for_less_than_its_lease(pair: Pair) -> None:
    process, epoch = pair.active(), pair.epoch()
    for _ in range(DISTURBANCES):
        process.pause()
        time.sleep(random.uniform(0.5, 1.5))
        process.resume()
        newest = pair.recorder.arrivals[-1].order
        eventually(lambda newest=newest: pair.recorder.arrivals[-1].order > newest)  # type: ignore[misc]
    pair.recorder.assert_one_publisher_at_a_time()
    if pair.epoch() == epoch:  # else the machine was too busy to end the pause in time
        assert pair.active() is process
    pair.recorder.assert_statuses_stay()
    assert pair.new_entries() == []


def test_log_has_each_transition_once_when_two_collectors_start_together(pair: Pair) -> None:
    own = [entry["transition"] for entry in pair.log() if entry["alert_id"] in (None, "node_down/node01")]
    assert own == ["started", "pending", "firing"]
