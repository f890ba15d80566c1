"""The whole product as ``make run`` starts it."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from runtime.catalogue import RUN
from tests.drivers.last_release import lay_out_last_release
from tests.drivers.local_product import READY_SECONDS, LocalProduct
from tests.drivers.ports import inner_ports
from tests.drivers.process import is_alive, run_module
from tests.drivers.raw_client import RawClient
from tests.drivers.raw_http import ask, request
from tests.drivers.waiting import eventually
from tests.drivers.wrong_settings import all_wrong_in


@contextmanager
def run(data_dir: Path, **options: Any) -> Iterator[LocalProduct]:
    """Run the product; yield it when it is ready, and stop it afterwards."""
    product = LocalProduct(data_dir, **options)
    try:
        product.wait_until_ready()
        yield product
    finally:
        product.stop()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[LocalProduct]:
    """A product that chooses its internal ports by itself, like ``make run``."""
    with run(tmp_path / "data", DEMO_NODES="4", **dict.fromkeys(inner_ports(), "")) as product:
        yield product


def snapshot_of(product: LocalProduct) -> dict[str, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)) as connection:
        connection.request("GET", "/api/cluster/snapshot")
        snapshot: dict[str, Any] = json.loads(connection.getresponse().read())
    return snapshot


def redis_of(folder: Path) -> redis.Redis:
    """Yield a client of the embedded Valkey in the data folder ``data``."""
    return redis.Redis.from_url((folder / "valkey" / "url").read_text().strip())


def test_product_serves_data_refuses_a_second_instance_and_stops_completely(running: LocalProduct) -> None:
    # then: the page has the simulated nodes, of a cluster with the name of this host
    snapshot = snapshot_of(running)
    assert [node["node"] for node in snapshot["nodes"]] == ["node01", "node02", "node03", "node04"]
    assert (snapshot["simulated"], snapshot["cluster"]) == (True, socket.gethostname())
    # and: the output names the page, and the demo's node that is down
    assert f"http://localhost:{running.port}" in running.output
    assert re.search(r"^  - node0\d is offline", running.output, re.MULTILINE)
    # and: the printed redis-cli command works
    [line] = [line for line in running.output.splitlines() if line.startswith("    redis-cli -u ")]
    if shutil.which("redis-cli"):
        done = subprocess.run(["sh", "-c", f"{line} PING"], capture_output=True, text=True, timeout=30)
        assert (done.stdout, done.returncode) == ("PONG\n", 0), done.stderr
    # and: a second instance is refused
    code, output = running.start_second()
    assert code == 1
    assert output.startswith(f"Process {running.process.pid} already runs with DATA_DIR=")
    # when
    processes = running.processes()
    assert set(processes) == {"valkey-server", "simulator", "collector", "api", "gateway"}
    assert running.stop(signal.SIGINT) == 0
    # then
    assert not any(map(is_alive, processes.values()))
    assert running.output.rstrip().endswith("Everything has stopped.")
    assert "Traceback" not in running.output
    assert "is killed" not in running.output


def test_two_instances_that_start_together_find_different_ports(tmp_path: Path) -> None:
    # given: two products without set ports
    unnamed = dict.fromkeys(inner_ports(), "")
    # when
    products = [LocalProduct(tmp_path / name, DEMO_NODES="2", **unnamed) for name in ("one", "two")]
    try:
        # then
        for product in products:
            product.wait_until_ready()
            assert len(snapshot_of(product)["nodes"]) == 2
        urls = [(tmp_path / name / "demo" / "valkey" / "url").read_text() for name in ("one", "two")]
        assert urls[0].split(":")[-1] != urls[1].split(":")[-1]
    finally:
        for product in products:
            product.stop()


def test_gateway_runs_on_the_loop_of_the_setting(tmp_path: Path) -> None:
    with run(tmp_path / "data", DEMO_NODES="2", WS_LOOP="gevent") as product:
        processes = product.processes()
        # Only gevent has compiled modules, which the process maps.
        with_gevent = {name for name, pid in processes.items() if "/gevent/" in Path(f"/proc/{pid}/maps").read_text()}
        assert with_gevent == {"gateway"}
        assert len(snapshot_of(product)["nodes"]) == 2
        with closing(RawClient(product.port, "/")) as client:
            client.event("redis_cluster_metrics")
        assert "Traceback" not in product.output


def test_data_of_the_last_release_stay_after_an_update_and_beside_a_demo(tmp_path: Path) -> None:
    # given: data of the last release, with a user and a nodes file
    lay_out_last_release(tmp_path / "previous")
    data = tmp_path / "data"
    with run(data, root=tmp_path / "previous") as previous, redis_of(data) as kept:
        cluster = snapshot_of(previous)["cluster"]
        kept.set("kept", "yes")
        (data / "nodes.yaml").write_text("workers: [local]\n")
        (data / "access" / "users" / "ada").write_text("as it was")
    files = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert data / "valkey" / "dump.rdb" in files
    # when
    with run(data, DEMO_NODES="4") as demo:
        # then: the demo has its own data folder, and prints that
        assert snapshot_of(demo)["simulated"]
        assert f"the data in {data} stay unchanged" in demo.output
        with redis_of(data / "demo") as store:
            assert store.get("kept") is None
    assert {path: path.read_bytes() for path in files} == files
    # when
    with run(data) as real, redis_of(data) as store:
        # then: the product uses the data, under the previous cluster name
        snapshot = snapshot_of(real)
        assert [node["address"] for node in snapshot["nodes"]] == ["local"]
        assert (snapshot["simulated"], snapshot["cluster"]) == (False, cluster)
        assert store.get("kept") == b"yes"
        assert (data / "access" / "users" / "ada").read_text() == "as it was"


def test_demo_does_not_start_when_the_redis_serves_real_nodes(tmp_path: Path) -> None:
    # given
    with run(tmp_path / "real") as real:
        url = (tmp_path / "real" / "valkey" / "url").read_text().strip()
        # when
        demo = LocalProduct(tmp_path / "other", DEMO_NODES="4", REDIS_URL=url)
        # then
        assert demo.process.wait(READY_SECONDS) == 1
        demo.stop()
        assert f"serves the cluster '{socket.gethostname()}', which is not a demo." in demo.output
        assert not snapshot_of(real)["simulated"]
        assert demo.output.count("\n") < 5, demo.output


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB, if this machine allows the mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine mounts nothing for us")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk of ``folder``; return the file that fills it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))
    return filler


def test_full_disk_is_reported_in_health_and_at_the_stop(small_disk: Path) -> None:
    # given
    data = small_disk / "data"

    def issues() -> list[str]:
        answer = ask(product.port, request("GET", "/api/cluster/health"))
        found: list[str] = json.loads(answer.body)["issues"]
        return [issue for issue in found if issue.startswith(f"The disk of {data / 'valkey'} is full: 0.0 MB are free")]

    with run(data) as product:
        assert issues() == []
        # when
        filler = fill(small_disk)
        eventually(lambda: len(issues()) == 1, within_seconds=30, what="the disk in health")
        filler.unlink()
        # then
        eventually(lambda: issues() == [], within_seconds=30, what="the disk no longer in health")
        # when the disk is full at the stop
        fill(small_disk)
        assert product.stop() == 0
    # then
    full = f"the disk of {data / 'valkey'} is full, so the data that Valkey received cannot be saved"
    assert f"valkey cannot stop: {full}; trying again for 10 s\n" in product.output
    assert f"valkey is killed: {full}\n" in product.output
    assert "did not stop in time" not in product.output


def test_start_reports_a_full_disk(small_disk: Path) -> None:
    # given
    fill(small_disk)
    # when
    product = LocalProduct(small_disk / "data")
    # then
    assert product.process.wait(READY_SECONDS) == 1
    product.stop()
    assert re.search(r"(?m)^The disk of .* is full: free some space, then start again\.$", product.output), (
        product.output
    )
    assert "Traceback" not in product.output


def test_product_stops_and_names_the_process_that_died(running: LocalProduct) -> None:
    # given
    processes = running.processes()
    # when
    os.kill(processes["collector"], signal.SIGKILL)
    # then
    assert running.process.wait(60) == 1
    running.stop()
    assert "collector was killed by SIGKILL. Its last lines:\n    " in running.output
    assert not any(map(is_alive, processes.values()))


def test_all_processes_stop_when_the_supervisor_is_killed(running: LocalProduct) -> None:
    # given
    processes = running.processes()
    # when
    running.stop(signal.SIGKILL)
    # then
    eventually(lambda: not any(map(is_alive, processes.values())), within_seconds=30, what="all processes gone")


def test_product_answers_only_to_its_own_host_names_when_access_is_not_set(tmp_path: Path) -> None:
    # given
    product = LocalProduct(tmp_path / "data", DEMO_NODES="4", PUBLIC_URL="http://cluster.example")
    try:
        product.wait_until_ready()
        inner = [int(product.env[f"{service}_PORT"]) for service in ("API", "WS", "COLLECTOR")]
        # when a page of another site sends requests, under a name that resolves to this machine
        for port in (product.port, *inner):
            for path in ("/", "/metrics", "/api/cluster/snapshot", "/socket.io/?EIO=4&transport=polling"):
                answer = ask(port, request("GET", path, host=f"evil.example:{port}"), ends=False)
                # then
                assert (answer.status, b"PUBLIC_URL" in answer.body) == (421, True), (port, path)
        # and
        for host in ("localhost:1", "cluster.example", f"127.0.0.1:{product.port}"):
            assert ask(product.port, request("GET", "/api/cluster/snapshot", host=host)).status == 200, host
        without = ask(product.port, b"GET /api/cluster/snapshot HTTP/1.0\r\n\r\n")
        assert without.status == 421
    finally:
        product.stop()


def test_invalid_setting_of_the_local_mode_is_one_line() -> None:
    done = run_module("deploy.local", PORT="web")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "PORT='web' is not valid: it takes a whole number from 1 to 65535\n"


def test_all_invalid_settings_are_reported_before_the_start(tmp_path: Path) -> None:
    # given an invalid value for each setting
    variables = all_wrong_in(RUN)
    # when
    done = run_module("deploy.local", DATA_DIR=str(tmp_path / "data"), **variables)
    # then
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert [name for name in variables if f"{name}=" not in done.stderr] == []
    assert not (tmp_path / "data").exists()
