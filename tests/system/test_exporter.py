"""A real node_exporter as a node: its values are the machine's own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.stack import INTERVAL_SECONDS, Stack
from tests.drivers.waiting import eventually
from tests.prepare import find_exporter


def meminfo() -> dict[str, int]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}


@pytest.fixture
def exporter(stack: Stack) -> tuple[Process, str]:
    return start_exporter(stack)


def start_exporter(stack: Stack, *arguments: str) -> tuple[Process, str]:
    binary = find_exporter()
    assert binary is not None, "run `make test`, which gets one"
    address = f"127.0.0.1:{free_port()}"
    process = Process("exporter", [str(binary), f"--web.listen-address={address}", *arguments])
    stack.processes.append(process)
    process.start()
    return process, address


def kernel_tells_pressure() -> bool:
    try:
        return "some" in Path("/proc/pressure/io").read_text()
    except OSError:
        return False


def root_is_of_a_container() -> bool:
    """Whether ``/`` is made of a container's layers, of which node_exporter tells nothing."""
    types = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    return types["/"] == "overlay"


def test_real_exporter_appears_with_the_values_of_proc_and_df(stack: Stack, exporter: tuple[Process, str]) -> None:
    stack.write_targets([exporter[1], "local"])
    stack.start_collector()
    api = stack.start_api()

    def measured() -> list[dict[str, object]]:
        nodes: list[dict[str, object]] = api.json("/api/cluster/nodes")
        assert len(nodes) == 2
        assert all(node["status"] == "online" and node["cpu_usage"] is not None for node in nodes), nodes
        return nodes

    memory = meminfo()
    for node in eventually(measured, within_seconds=30):
        disk = shutil.disk_usage("/")
        memory_usage = 100 * (1 - memory["MemAvailable"] / memory["MemTotal"])
        assert node["memory_total_bytes"] == memory["MemTotal"]
        assert node["memory_usage"] == pytest.approx(memory_usage, abs=5)
        if not (root_is_of_a_container() and node["disk_total_bytes"] is None):
            assert node["disk_total_bytes"] == disk.total
            assert node["disk_usage"] == pytest.approx(100 * disk.used / (disk.used + disk.free), abs=1)
        assert node["cpu_count"] == Path("/proc/cpuinfo").read_text().count("processor\t")
        assert 0 <= float(str(node["cpu_usage"])) <= 100
        assert 0 <= float(str(node["iowait"])) <= 100
        assert (node["pressure_io"] is not None, node["pressure_memory"] is not None) == (kernel_tells_pressure(),) * 2
        if memory["SwapTotal"] == 0:
            assert node["swap_usage"] is None
        else:
            swap_usage = 100 * (1 - memory["SwapFree"] / memory["SwapTotal"])
            assert node["swap_usage"] == pytest.approx(swap_usage, abs=5)
        assert node["load1"] == pytest.approx(float(Path("/proc/loadavg").read_text().split()[0]), abs=2)


def test_real_exporter_without_pressure_tells_all_the_rest_and_is_asked_for_it_once(stack: Stack) -> None:
    process, address = start_exporter(stack, "--no-collector.pressure")
    stack.write_targets([address])
    stack.start_collector()
    api = stack.start_api()

    def measured() -> bool:
        [node] = api.json("/api/cluster/nodes")
        assert node["pressure_io"] is None
        return node["cpu_usage"] is not None and node["iowait"] is not None

    eventually(measured, within_seconds=30)
    # It says so at every request for what it does not have.
    assert process.log().count("disabled collector: pressure") == 1
    assert "disabled collector" not in process.log().replace("disabled collector: pressure", "")


def test_node_goes_and_comes_back_when_its_exporter_is_stopped_and_started(
    stack: Stack, exporter: tuple[Process, str]
) -> None:
    process, address = exporter
    stack.write_targets([address])
    stack.write_rules("node_down: {for_seconds: 1}\n")
    stack.start_collector()
    api, replica = stack.start_api(), stack.start_replica()
    client = stack.client(replica)

    def status(wanted: str) -> Callable[[], dict[str, object] | None]:
        def look() -> dict[str, object] | None:
            node: dict[str, object] = api.json("/api/cluster/snapshot")["nodes"][0]
            return node if node["status"] == wanted else None

        return look

    eventually(status("online"))
    # When it stops, it is offline with its error within two rounds; health and an alert follow
    before = api.json("/api/cluster/snapshot")["seq"]
    process.stop()
    rounds_at_stop = max(before, api.json("/api/cluster/snapshot")["seq"])
    node = eventually(status("offline"))
    assert node["error"]

    def first_offline() -> dict[str, int] | None:
        came = client.all("redis_cluster_metrics")
        return next((s for s in came if s["nodes"][0]["status"] == "offline" and s["seq"] > before), None)

    offline = eventually(first_offline)
    assert offline is not None
    assert offline["seq"] - rounds_at_stop <= 3  # two rounds, and the one that may have been under way
    assert node["cpu_usage"] is None
    eventually(lambda: client.last("redis_cluster_health")["overall_status"] == "critical")
    eventually(lambda: api.json("/api/alerts")["alert_count"] == 1, within_seconds=40)
    # When it starts again, it comes back and the alert resolves
    process.start()
    eventually(status("online"))
    eventually(lambda: api.json("/api/alerts")["active_alerts"] == [])
    eventually(lambda: client.last("redis_cluster_health")["overall_status"] == "healthy")
    entries = [e for e in api.json("/api/alerts/log")["entries"] if e["rule"] == "node_down"]
    assert [entry["transition"] for entry in entries] == ["pending", "firing", "resolved"]
    assert INTERVAL_SECONDS < 2
