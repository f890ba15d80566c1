"""The nodes of a deployment: this host, other hosts, simulated nodes; and the files that list them."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.deployment import Deployment
from tests.drivers.fleet import listening
from tests.drivers.listener import javascript_command
from tests.drivers.process import Process, python
from tests.drivers.waiting import eventually

#: Prefixes of the interfaces that container engines create; the exporter's image leaves them out.
OF_CONTAINERS = ("veth", "cali", "lxc", "cilium", "cni", "flannel", "docker", "br-", "nodelocaldns")


def traffic() -> dict[str, tuple[int, int]]:
    """Return the bytes received and sent by each of the host's interfaces, according to the kernel."""
    rows = [line.split(":") for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    return {name.strip(): (int(row.split()[0]), int(row.split()[8])) for name, row in rows}


def exporter_page(deployment: Deployment) -> str:
    return deployment.python(
        "collector", "import urllib.request as r; print(r.urlopen('http://exporter:9100/metrics').read().decode())"
    )


def test_host_appears_under_its_own_name_with_the_values_of_proc_and_df(deployment: Deployment) -> None:
    node = deployment.snapshot()["nodes"][0]
    assert node["node"] == os.uname().nodename
    meminfo = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    assert node["memory_total_bytes"] == int(meminfo["MemTotal"].split()[0]) * 1024
    size = os.statvfs("/")
    assert node["disk_total_bytes"] == size.f_blocks * size.f_frsize
    assert node["cpu_count"] == os.cpu_count()
    boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    assert f"node_boot_time_seconds {float(boot.split()[1]):.9e}".split("e")[0] in exporter_page(deployment)


def test_host_has_the_iowait_and_pressure_of_its_kernel(deployment: Deployment) -> None:
    is_counted = Path("/proc/pressure/io").exists()

    def has_figures() -> bool:
        node = deployment.snapshot()["nodes"][0]
        pressures = (node["pressure_io"], node["pressure_memory"])
        return node["iowait"] is not None and all((pressure is not None) == is_counted for pressure in pressures)

    eventually(has_figures, what="the figures of two scrapes")


def test_network_counters_are_the_hosts_and_not_the_containers(deployment: Deployment) -> None:
    before = traffic()
    page = exporter_page(deployment)
    after = traffic()
    counters = {
        line.split('device="')[1].split('"')[0]: float(line.rpartition(" ")[2])
        for line in page.splitlines()
        if line.startswith("node_network_receive_bytes_total{")
    }
    # Some node_exporters leave out loopback. All others appear, except those of containers.
    names = {name for name in set(before) & set(after) - {"lo"} if not name.startswith(OF_CONTAINERS)}
    assert not any(name.startswith(OF_CONTAINERS) for name in counters)
    assert any(name.startswith(("eth", "en", "wl")) and before[name][0] > 0 for name in names)
    for name in names:
        assert before[name][0] <= counters[name] * (1 + 1e-6), name
        assert counters[name] * (1 - 1e-6) <= after[name][0], name


@pytest.fixture
def elsewhere(deployment: Deployment, tmp_path: Path) -> Iterator[tuple[Process, list[str]]]:
    """Exporters outside the project's networks, at the host's LAN address as the collector sees it."""
    host = deployment.network("lan").attrs["IPAM"]["Config"][0]["Gateway"]
    targets = tmp_path / "targets.yaml"
    process = python(
        "simulator", "simulator", "--nodes", "3", "--host", host, "--port", "0", "--write-targets", str(targets)
    )
    process.start()
    eventually(targets.exists, what="the simulator listens")
    lines = [line for line in targets.read_text().splitlines() if "host:" in line]
    yield process, [json.loads(line.split("host: ")[1].split(",")[0]) for line in lines]
    process.kill()


def test_node_added_with_sed_appears_within_two_rounds(
    deployment: Deployment, elsewhere: tuple[Process, list[str]]
) -> None:
    deployment.write_config("nodes.yaml", "workers:\n  - local\n")
    deployment.next_round(3)
    with listening(deployment, 2, ((javascript_command, False, 10),)) as [client, *_]:
        for count, address in enumerate(elsewhere[1], 1):
            subprocess.run(["sed", "-i", f"$ a\\  - {address}", str(deployment.config / "nodes.yaml")], check=True)
            edited = deployment.newest()

            def first_with_it(nodes: int = 1 + count) -> int | None:
                snapshots = client.of("redis_cluster_metrics")[0]
                return next((one["seq"] for one in snapshots if len(one["nodes"]) == nodes), None)

            # The next two rounds, and the round in progress at the edit
            assert eventually(first_with_it, what="a page has the node") - edited[1] <= 3
    eventually(lambda: set(deployment.statuses().values()) == {"online"})


def test_invalid_file_is_named_and_the_previous_nodes_stay(deployment: Deployment) -> None:
    eventually(lambda: list(deployment.statuses().values()) == ["online"], what="this host alone")
    deployment.write_config("nodes.yaml", "workers: [local\n")
    eventually(
        lambda: any("/config/nodes.yaml" in issue for issue in deployment.rest.json("/api/cluster/health")["issues"]),
        what="an issue that names the file",
    )
    assert list(deployment.statuses().values()) == ["online"]


def test_demo_profile_adds_simulated_nodes_to_the_real_ones(deployment: Deployment) -> None:
    deployment.up(profile="demo")
    try:
        eventually(lambda: len(deployment.statuses()) == 51, within_seconds=60, what="50 nodes and this host")
        eventually(
            lambda: sum(1 for status in deployment.statuses().values() if status == "online") > 40,
            within_seconds=60,
            what="most of them online",
        )
        assert deployment.statuses()[os.uname().nodename] == "online"
    finally:
        deployment.compose("--profile", "demo", "rm", "-sf", "simulator")
    # They leave no trace: the list of their nodes is gone with them
    eventually(lambda: list(deployment.statuses()) == [os.uname().nodename], what="this host alone again")
