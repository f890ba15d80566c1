"""A quarter of the exporters is hostile; the other nodes stay fresh, and memory stays bounded."""

import json
import time
from pathlib import Path

import psutil
import pytest

from contract.names import METRICS_CHANNEL, latest_key
from tests.drivers.attacks import ATTACK_SECONDS
from tests.drivers.ports import free_port
from tests.drivers.process import python
from tests.drivers.waiting import eventually

#: Seconds of measurement.
SECONDS = max(8.0, ATTACK_SECONDS)
INTERVAL_SECONDS = 2.0
#: Longest round, and longest gap between scrapes of a healthy node, in seconds of the collector's CPU time. Without
#: limits for exporters, this was more than eight. CPU time does not depend on the load of the machine.
LATE_CPU_SECONDS = 5.0
#: The collector's memory limit in compose.yaml.
MEMORY_LIMIT_BYTES = 256 * 2**20
WELL = 75


@pytest.fixture
def exporters():
    """Return a function that starts exporters of some kinds as processes, and returns their ports by kind."""
    started = []

    def start(**counts):
        process = python(
            "exporters", "tests.drivers.hostile_exporters", *(f"{kind}={count}" for kind, count in counts.items())
        )
        started.append(process)
        process.start()
        return json.loads(eventually(lambda: process.log().partition("\n")[0], within_seconds=60))

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def collect(valkey, tmp_path):
    """Return a function that starts a collector of nodes by name and port."""
    started = []

    def start(nodes):
        targets = tmp_path / "nodes.yaml"
        targets.write_text(
            json.dumps({"workers": [{"host": f"127.0.0.1:{port}", "name": name} for name, port in nodes.items()]})
        )
        process = python(
            "collector",
            "collector",
            env={
                "REDIS_URL": valkey.url,
                "COLLECTOR_PORT": str(free_port()),
                "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
                "COLLECTOR_TARGETS": str(targets),
            },
        )
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


def cpu_seconds(pid):
    """Return the CPU time of the process in seconds."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def peak_bytes(pid):
    """Return the peak memory of the process in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize(
    "attack",
    [
        {"processors": 25},
        {"mounts": 9, "series": 8, "disks": 8},
        {"drip": 5, "head": 3, "fields": 4, "body": 3, "chunks": 2, "gzip": 2, "bomb": 4, "redirect": 2},
    ],
    ids=" ".join,
)
def test_other_nodes_stay_fresh_when_a_quarter_of_the_exporters_is_hostile(exporters, collect, redis, attack):
    # Given nodes, three quarters of them healthy
    well = {f"well{number}": port for number, port in enumerate(exporters(well=WELL)["well"])}
    hostile = {
        f"{kind}{number}": port for kind, ports in exporters(**attack).items() for number, port in enumerate(ports)
    }
    process = collect(well | hostile)

    def snapshot():
        raw = redis.get(latest_key(METRICS_CHANNEL))
        return None if raw is None else json.loads(raw)

    def all_scraped():
        nodes = (snapshot() or {"nodes": []})["nodes"]
        return nodes and all(node["status"] != "unknown" for node in nodes)

    eventually(all_scraped, within_seconds=60, what="each node was scraped")
    # When some time passes
    until = time.monotonic() + SECONDS
    now, cpu, scraped, scraped_at = snapshot(), cpu_seconds(process.pid), {}, {}
    seen, rounds, ages = now["seq"], [], []
    while time.monotonic() < until:
        now = eventually(lambda: (found := snapshot())["seq"] != seen and found, within_seconds=60)  # noqa: B023
        before, cpu = cpu, cpu_seconds(process.pid)
        rounds.append((cpu - before) / (now["seq"] - seen))
        seen = now["seq"]
        for node in now["nodes"]:
            if node["node"] in well:
                if node["status"] == "online" and scraped.get(node["node"]) != node["load1"]:
                    scraped[node["node"]], scraped_at[node["node"]] = node["load1"], cpu
                ages.append(cpu - scraped_at.setdefault(node["node"], before))
    # Then rounds and healthy nodes are fresh, and memory is bounded
    assert max(rounds) < LATE_CPU_SECONDS
    assert max(ages) < LATE_CPU_SECONDS
    assert peak_bytes(process.pid) < MEMORY_LIMIT_BYTES
    assert "Traceback" not in process.log()
