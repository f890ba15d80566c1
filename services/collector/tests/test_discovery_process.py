"""The collector as a process, with simulated nodes that come and go in Prometheus files and under DNS names."""

import json
import re
import threading

import pytest

from contract.names import METRICS_CHANNEL, latest_key
from tests.drivers.copies import CopiedProcess
from tests.drivers.ports import free_port
from tests.drivers.process import python
from tests.drivers.waiting import eventually

INTERVAL_SECONDS = 0.5
#: Two rounds, and the one that was under way.
ROUNDS = 3


class Follower:
    """Every snapshot that is published."""

    def __init__(self, redis):
        self.snapshots = []
        self._ended = threading.Event()
        self._subscription = redis.pubsub(ignore_subscribe_messages=False)
        self._subscription.subscribe(METRICS_CHANNEL)
        assert self._subscription.get_message(timeout=20)["type"] == "subscribe"
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self):
        while not self._ended.is_set():
            message = self._subscription.get_message(timeout=0.2)
            if message is not None:
                self.snapshots.append(json.loads(message["data"]))

    def close(self):
        self._ended.set()
        self._thread.join()
        self._subscription.close()

    @property
    def names(self):
        return {} if not self.snapshots else {node["node"]: node["status"] for node in self.snapshots[-1]["nodes"]}

    @property
    def newest(self):
        return self.snapshots[-1]["seq"]

    def first(self, after, addresses):
        """The seq of the first snapshot after that one that has exactly these addresses."""
        for snapshot in self.snapshots:
            if snapshot["seq"] > after and {node["address"] for node in snapshot["nodes"]} == set(addresses):
                return snapshot["seq"]
        return None


@pytest.fixture
def follower(redis):
    follower = Follower(redis)
    yield follower
    follower.close()


@pytest.fixture
def start():
    """Starts a process."""
    processes = []

    def make(process):
        processes.append(process)
        process.start()
        return process

    yield make
    for process in processes:
        process.kill()
        assert "Traceback" not in process.log()


@pytest.fixture
def simulate(start, tmp_path):
    """Starts so many simulated nodes, node01 and so on; returns their addresses."""

    def make(count):
        targets = tmp_path / f"simulated-{free_port()}.yaml"
        options = ("--nodes", str(count), "--port", "0", "--write-targets", str(targets))
        start(python("simulator", "simulator", *options))
        eventually(targets.exists, what="the simulator listens")
        return re.findall(r'host: "([^"]*)"', targets.read_text())

    return make


@pytest.fixture
def collector(start, valkey, tmp_path, copies):
    def make(**variables):
        settings = {
            "REDIS_URL": valkey.url,
            "CLUSTER_NAME": "lab",
            "COLLECTOR_PORT": str(free_port()),
            "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
            "COLLECTOR_TARGETS": str(tmp_path / "nodes.yaml"),
        }
        return start(CopiedProcess("collector", copies, settings | variables))

    return make


def write(path, addresses):
    new = path.with_suffix(".new")
    new.write_text(json.dumps([{"targets": addresses, "labels": {"job": "node"}}]))
    new.replace(path)


def test_nodes_come_and_go_within_two_rounds_when_prometheus_files_do(collector, simulate, follower, redis, tmp_path):
    first, second = simulate(2), simulate(3)
    folder = tmp_path / "file_sd"
    folder.mkdir()
    (tmp_path / "nodes.yaml").write_text(f"workers: [{{host: '{first[0]}', name: oven}}]\n")
    write(folder / "first.json", first)
    collector(COLLECTOR_TARGETS=f"{tmp_path / 'nodes.yaml'},{folder}/*.json")
    # What is listed has its name from there, and stands once; the other has its own.
    eventually(lambda: follower.names == {"oven": "online", "node02": "online"}, within_seconds=30)

    def within_two_rounds(change, addresses):
        before = follower.newest
        change()
        # As Redis has it: the follower may be behind.
        at = json.loads(redis.get(latest_key(METRICS_CHANNEL)))["seq"]
        found = eventually(lambda: follower.first(before, addresses), within_seconds=30, what=f"{len(addresses)} nodes")
        assert found - at <= ROUNDS

    # A file appears, changes, disappears.
    within_two_rounds(lambda: write(folder / "second.json", second[:2]), {*first, *second[:2]})
    taken = f"node02@{second[1]}"
    eventually(lambda: set(follower.names) == {"oven", "node01", "node02", taken}, within_seconds=30)
    within_two_rounds(lambda: write(folder / "second.json", second[1:]), {*first, *second[1:]})
    eventually(lambda: set(follower.names) == {"oven", "node02", taken, "node03"}, within_seconds=30)
    within_two_rounds((folder / "first.json").unlink, {first[0], *second[1:]})
    # The name stays, although the shorter one is free now.
    before = follower.newest
    eventually(lambda: follower.newest > before + 2)
    assert follower.names == {"oven": "online", taken: "online", "node03": "online"}
    assert len({snapshot["epoch"] for snapshot in follower.snapshots}) == 1

    (folder / "second.json").write_text("[{")
    eventually(lambda: "second.json is not valid" in redis.get(latest_key("cluster:health")).decode())
    assert follower.names == {"oven": "online", taken: "online", "node03": "online"}


def test_node_under_a_dns_name_is_called_as_it_calls_itself(collector, simulate, follower):
    [address] = simulate(1)
    port = address.rpartition(":")[2]

    collector(COLLECTOR_DNS_TARGETS=f"localhost:{port}")

    eventually(lambda: follower.names.get("node01") == "online", within_seconds=30)
    assert any(node["address"] == f"127.0.0.1:{port}" for node in follower.snapshots[-1]["nodes"])
    # The very first round had it already, under its address.
    assert [node["node"] for node in follower.snapshots[0]["nodes"] if "127" in node["address"]] in (
        [f"127.0.0.1:{port}"],
        ["node01"],
    )


def test_this_machine_has_the_name_that_is_set(collector, follower, tmp_path):
    (tmp_path / "nodes.yaml").write_text("workers: [local]")

    collector(COLLECTOR_LOCAL_NAME="edge")

    eventually(lambda: follower.names == {"edge": "online"}, within_seconds=30)
