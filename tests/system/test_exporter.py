"""A real node_exporter as a node: its values are the machine's own."""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.drivers.certificate import make_certificate, make_dated_certificate
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


def test_real_exporter_without_pressure_tells_all_the_rest_and_is_not_asked_for_it(stack: Stack) -> None:
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
    assert "disabled collector" not in process.log()


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


#: What bcrypt makes of "hunter2".
HASHED = "$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm"


@pytest.fixture
def guarded(stack: Stack, tmp_path: Path) -> Callable[..., int]:
    """Starts a node_exporter on all addresses of loopback with a certificate and a user; returns its port."""
    make_certificate(tmp_path, *(f"IP:127.0.0.{number}" for number in range(1, 6)))
    make_dated_certificate(tmp_path, "expired", "20200101000000Z", "20210101000000Z")

    def start(certificate: str) -> int:
        port = free_port()
        config = tmp_path / f"{certificate}.yml"
        config.write_text(
            f"tls_server_config: {{cert_file: {certificate}.crt, key_file: server.key}}\n"
            f"basic_auth_users: {{prom: '{HASHED}'}}\n"
        )
        binary = find_exporter()
        assert binary is not None, "run `make test`, which gets one"
        command = [str(binary), f"--web.listen-address=:{port}", f"--web.config.file={config}"]
        stack.processes.append(Process("exporter", command))
        stack.processes[-1].start()
        return port

    return start


def test_real_exporter_is_read_by_https_with_a_password_and_what_is_wrong_is_said(
    stack: Stack, guarded: Callable[..., int], exporter: tuple[Process, str], tmp_path: Path
) -> None:
    # Given an exporter that wants a password, one whose certificate has expired, and one without TLS
    port, expired = guarded("server"), guarded("expired")
    folder = tmp_path / "credentials"
    (folder / "other").mkdir(parents=True)
    make_certificate(folder / "other", "IP:127.0.0.1")
    (folder / "ca.crt").write_bytes((tmp_path / "ca.crt").read_bytes())
    (folder / "password").write_text("hunter2\n")
    (folder / "wrong").write_text("hunter3\n")
    right = {"scheme": "https", "ca_file": "ca.crt", "username": "prom", "password_file": "password"}
    expected = {
        "right": (f"127.0.0.1:{port}", right, None),
        "password": (
            f"127.0.0.2:{port}",
            right | {"password_file": "wrong"},
            "HTTP 401: the user name or the password is wrong",
        ),
        "ca": (
            f"127.0.0.3:{port}",
            right | {"ca_file": "other/ca.crt"},
            "certificate is signed by no CA of ca_file",
        ),
        "plain": (f"127.0.0.4:{port}", {}, "speaks HTTPS (scheme: https is missing)"),
        "nobody": (
            f"127.0.0.5:{port}",
            {"scheme": "https", "ca_file": "ca.crt"},
            "HTTP 401: it wants a password or a token, and nodes.yaml names none",
        ),
        "expired": (f"127.0.0.1:{expired}", right, "certificate has expired"),
        "tls": (exporter[1], right, "speaks no HTTPS (is it plain HTTP? then remove scheme: https)"),
    }
    entries = [{"host": host, "name": name, **fields} for name, (host, fields, _) in expected.items()]
    stack.targets.write_text(json.dumps({"workers": entries}))
    # When they are collected
    stack.start_collector(COLLECTOR_CREDENTIALS_DIR=str(folder))
    api = stack.start_api()

    # Then each says what is wrong with it
    def told() -> bool:
        nodes = {node["node"]: node for node in api.json("/api/cluster/nodes")}
        errors = {name: node["error"] for name, node in nodes.items()}
        assert errors == {name: error for name, (_, _, error) in expected.items()}
        assert nodes["right"]["status"] == "online"
        return True

    eventually(told, within_seconds=30)
    # And nobody is told the password
    redis = stack.redis()
    stored = str([redis.get(key) for key in redis.keys("*latest*")])
    redis.close()
    for secret in ("hunter2", "hunter3", base64.b64encode(b"prom:hunter2").decode()):
        assert secret not in stack.collector.log()
        assert secret not in stored
