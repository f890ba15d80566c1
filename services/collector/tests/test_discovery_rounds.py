"""Rounds with discovered nodes and a real Redis: names, also after a takeover."""

import asyncio
import json
import socket
import threading
import time

import pytest

from collector.alerts.rules import RulesFile
from collector.collector import Collector
from collector.config import Config
from collector.fleet import Fleet
from collector.redis_client import RedisClient
from collector.sample import Sample, ScrapeFailed
from collector.scrape_manager import ScrapeManager
from collector.sentences import failures
from collector.targets.dns import DnsTargets
from collector.targets.files import TargetsFiles
from collector.targets.sources import TargetSources
from contract.codec import decode
from contract.messages import Snapshot
from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY, LEASE_KEY, METRICS_CHANNEL, latest_key
from runtime.readiness import Readiness
from tests.drivers.waiting import until

AWAY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


class Never:
    """A scraper that never finishes."""

    async def scrape(self):
        await asyncio.sleep(3600)


class Process:
    """A collector like a new process; tests run each round."""

    def __init__(self, runner, redis_url, folder, **variables):
        self.run = runner.run
        config = Config.from_environment({"REDIS_URL": redis_url, "CLUSTER_NAME": "lab", **variables})
        self.dns_says = []
        self.scrape_manager = ScrapeManager(lambda _: Never(), interval_seconds=config.interval_seconds)
        self.link = RedisClient(config.redis_url)
        self.sources = TargetSources(
            TargetsFiles([folder / "nodes.yaml"]), DnsTargets([("pis", 9100)], config.interval_seconds, self._look_up)
        )
        self.fleet = Fleet(self.scrape_manager, self.sources)
        self.collector = Collector(config, self.link, self.fleet, RulesFile(folder / "alerts.yaml"), Readiness())

    def _look_up(self, host):
        if isinstance(self.dns_says, Exception):
            raise self.dns_says
        return [(socket.AF_INET, address) for address in self.dns_says]

    def run_round(self):
        return self.run(self.collector.run_round())

    def look_up(self, *addresses, error=None):
        self.dns_says = error or list(addresses)
        for name in self.sources.dns.names:
            self.run(name.look_up())
        self.run(self.fleet.refresh())

    def follow(self):
        async def begin():
            self.scrape_manager.follow(self.sources.targets)

        self.run(begin())

    def see(self, names):
        """Set the host names of nodes; ``None`` for a node that does not answer."""
        for host, name in names.items():
            failed = ScrapeFailed("connect", failures.connection_refused())
            result = failed if name is None else Sample(monotonic_seconds=time.monotonic(), host_name=name)
            self.scrape_manager.states[f"{host}:9100"].update(result, unix_seconds=time.time())

    async def end(self):
        await self.scrape_manager.stop()
        await self.link.close()


@pytest.fixture
def start(valkey, tmp_path):
    (tmp_path / "alerts.yaml").write_text("node_down: {for_seconds: 0}\n")
    made = []
    with asyncio.Runner() as runner:

        def make():
            # Long enough that no lease expires and every scrape stays recent.
            made.append(Process(runner, valkey.url, tmp_path, COLLECTOR_SCRAPE_INTERVAL_SECONDS="60"))
            return made[-1]

        yield make
        for process in made:
            runner.run(process.end())


def nodes(redis):
    snapshot = decode(redis.get(latest_key(METRICS_CHANNEL)), Snapshot)
    return {node.node: node.status for node in snapshot.nodes}


def since(redis):
    snapshot = decode(redis.get(latest_key(METRICS_CHANNEL)), Snapshot)
    return {node.node: (node.address, node.status, node.status_since) for node in snapshot.nodes}


def logged(redis):
    entries = [json.loads(fields[ALERT_LOG_FIELD.encode()]) for _, fields in redis.xrange(ALERT_LOG_KEY)]
    return [(entry["transition"], entry["node"]) for entry in entries if entry["node"] is not None]


def issues(redis):
    return json.loads(redis.get("cluster:health:latest"))["issues"]


def labels(redis):
    snapshot = decode(redis.get(latest_key(METRICS_CHANNEL)), Snapshot)
    return {node.node: node.labels for node in snapshot.nodes}


def test_labels_follow_the_file_and_the_state_of_the_node_stays(start, redis, tmp_path):
    one = start()
    path = tmp_path / "nodes.yaml"

    def write(text):
        path.write_text(text)
        one.run(one.fleet.refresh())

    write(f"groups: [{{labels: {{rack: '07'}}, workers: [{A}, {B}]}}]")
    one.see({A: "a", B: None})
    one.run_round()
    assert labels(redis) == {A: {"rack": "07"}, B: {"rack": "07"}}
    before, state = since(redis), one.scrape_manager.states[f"{A}:9100"]

    write(f"groups: [{{labels: {{rack: '08'}}, workers: [{A}]}}, {{workers: [{B}]}}]")
    one.run_round()

    assert labels(redis) == {A: {"rack": "08"}, B: {}}
    assert since(redis) == before
    assert one.scrape_manager.states[f"{A}:9100"] is state
    # An error in the file keeps the nodes and their labels.
    write(f"groups: [{{labels: {{rack: 07}}, workers: [{A}]}}]")
    one.run_round()
    assert labels(redis) == {A: {"rack": "08"}, B: {}}
    assert any("quote it" in issue for issue in issues(redis))
    # The next collector has the labels before its first scrape.
    write(f"groups: [{{labels: {{rack: '09'}}, workers: [{A}, {B}]}}]")
    second = start()
    second.follow()
    redis.delete(LEASE_KEY)
    second.run_round()
    assert labels(redis) == {A: {"rack": "09"}, B: {"rack": "09"}}
    assert {node: status for node, (_, status, _) in since(redis).items()} == {A: "online", B: "offline"}


def test_labels_stay_when_a_discovered_node_gets_its_name(start, redis, tmp_path):
    one = start()
    one.dns_says = [A]
    (tmp_path / "nodes.yaml").write_text(f'[{{"targets": ["{A}:9100"], "labels": {{"zone": "north"}}}}]')
    one.look_up(A, B)
    one.see({A: "pi"})
    one.run_round()

    assert labels(redis) == {"pi": {"zone": "north"}, f"{B}:9100": {}}


def test_alert_under_an_address_ends_when_its_node_reports_a_host_name(start, redis):
    one = start()
    one.look_up(A)
    one.see({A: None})
    one.run_round()
    assert nodes(redis) == {"10.0.0.1:9100": "offline"}
    one.see({A: "pi"})
    one.run_round()
    assert nodes(redis) == {"pi": "online"}
    one.see({A: None})
    one.run_round()
    assert nodes(redis) == {"pi": "offline"}
    assert logged(redis) == [
        ("firing", "10.0.0.1:9100"),
        ("resolved", "10.0.0.1:9100"),
        ("firing", "pi"),
    ]


def test_takeover_renames_nothing_and_changes_no_status_when_nodes_are_discovered(start, redis):
    first, second = start(), start()
    # The first collector scraped the higher address first, and a node that is offline now.
    first.look_up(B, C)
    first.see({B: "pi", C: "oven"})
    first.run_round()
    first.look_up(A, B, C)
    first.see({A: "pi", B: "pi", C: None})
    first.run_round()
    before = since(redis)
    assert {name: address for name, (address, _, _) in before.items()} == {
        "pi": "10.0.0.2:9100",
        "pi@10.0.0.1:9100": "10.0.0.1:9100",
        "oven": "10.0.0.3:9100",
    }
    # The second collector alone would give other names, and never scraped the third node.
    second.look_up(A, B, C)
    second.see({A: "pi", B: "pi", C: None})
    assert not second.run_round()
    redis.delete(LEASE_KEY)
    for _ in range(2):
        assert second.run_round()
        assert since(redis) == before
    # A third collector has scraped no node yet.
    redis.delete(LEASE_KEY)
    third = start()
    third.look_up(A, B, C)
    assert third.run_round()
    assert since(redis) == before
    # The first collector was only paused, and returns with its own names.
    redis.delete(LEASE_KEY)
    assert not first.run_round()
    assert first.run_round()
    assert since(redis) == before
    assert logged(redis) == [("firing", "oven")]


def test_takeover_ends_no_alert_when_dns_is_away(start, redis):
    first = start()
    first.look_up(A, B)
    first.see({A: "pi", B: None})
    first.run_round()
    before = since(redis)
    redis.delete(LEASE_KEY)

    second = start()
    second.look_up(error=AWAY)
    assert second.run_round()
    assert since(redis) == before
    assert issues(redis)[0] == ("The DNS name pis cannot be looked up: Temporary failure in name resolution")
    second.see({A: "pi", B: None})
    assert second.run_round()
    assert since(redis) == before
    # When DNS is back, targets that DNS no longer lists are removed.
    second.look_up(A)
    assert second.run_round()
    assert since(redis) == {"pi": before["pi"]}
    assert logged(redis) == [("firing", "10.0.0.2:9100"), ("resolved", "10.0.0.2:9100")]


@pytest.mark.parametrize("says", ["answer", "failure", "nothing in time"])
def test_first_round_waits_until_dns_has_answered_or_failed(start, redis, monkeypatch, says):
    release = threading.Event()
    if says == "nothing in time":
        monkeypatch.setattr("collector.targets.dns.LOOKUP_SECONDS", 0.3)

    one = start()

    def look_up(host):
        if says == "nothing in time":
            release.wait(60)
        time.sleep(0.1)
        if says == "failure":
            raise AWAY
        return [(socket.AF_INET, A)]

    async def run():
        one.sources.dns.names[0]._look_up = look_up
        one.sources.dns.start()
        stop = asyncio.Event()
        running = asyncio.create_task(one.collector.run(stop))
        await until(lambda: redis.exists(latest_key(METRICS_CHANNEL)))
        first = nodes(redis)
        release.set()
        stop.set()
        await running
        await one.sources.dns.stop()
        return first

    assert one.run(run()) == ({"10.0.0.1:9100": "unknown"} if says == "answer" else {})


def test_wait_for_dns_ends_when_the_collector_stops(start):
    one = start()  # without any lookup

    async def run():
        stop = asyncio.Event()
        running = asyncio.create_task(one.collector.run(stop))
        await asyncio.sleep(0.05)
        assert not running.done()
        stop.set()
        await asyncio.wait_for(running, 30)

    one.run(run())
