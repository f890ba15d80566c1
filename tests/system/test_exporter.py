"""A real node_exporter as a node: its values are the machine's own."""

import base64
import json
import shutil
from pathlib import Path

import psutil
import pytest

from tests.drivers.certificate import make_certificate
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually
from tests.prepare import find_exporter


def meminfo() -> dict[str, int]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}


def start_exporter(stack: Stack, *arguments: str, host: str = "127.0.0.1") -> tuple[Process, str]:
    binary = find_exporter()
    assert binary is not None, "run `make test`, which gets one"
    address = f"{host}:{free_port()}"
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
    """Whether ``/`` is an overlay of a container, which node_exporter does not report."""
    types = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    return types["/"] == "overlay"


def test_real_exporter_appears_with_the_values_of_proc_and_df(stack: Stack) -> None:
    stack.write_targets([start_exporter(stack)[1], "local"])
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


def test_real_exporter_without_pressure_reports_all_other_values_and_is_not_asked_for_it(stack: Stack) -> None:
    process, address = start_exporter(stack, "--no-collector.pressure")
    stack.write_targets([address])
    stack.start_collector()
    api = stack.start_api()

    def measured() -> bool:
        [node] = api.json("/api/cluster/nodes")
        assert node["pressure_io"] is None
        return node["cpu_usage"] is not None and node["iowait"] is not None

    eventually(measured, within_seconds=30)
    # node_exporter logs this at every request for a missing collector.
    assert "disabled collector" not in process.log()


#: The bcrypt hash of "hunter2".
HASHED = "$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm"


def test_real_exporter_with_https_and_a_password_is_read_and_errors_are_named(stack: Stack, tmp_path: Path) -> None:
    # Given an exporter on all addresses of loopback, with a certificate and a user
    make_certificate(tmp_path, *(f"IP:127.0.0.{number}" for number in range(1, 4)))
    config = tmp_path / "web.yml"
    config.write_text(
        f"tls_server_config: {{cert_file: server.crt, key_file: server.key}}\nbasic_auth_users: {{prom: '{HASHED}'}}\n"
    )
    _, address = start_exporter(stack, f"--web.config.file={config}", host="")
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "wrong").write_text("hunter3\n")
    right = {"scheme": "https", "ca_file": "ca.crt", "username": "prom", "password_file": "password"}
    wrong = right | {"password_file": "wrong"}
    expected = {
        "right": ("127.0.0.1", right, None),
        "password": ("127.0.0.2", wrong, "HTTP 401: the user name or the password is wrong"),
        "plain": ("127.0.0.3", {}, "the exporter uses HTTPS (add scheme: https)"),
    }
    entries = [{"host": host + address, "name": name, **fields} for name, (host, fields, _) in expected.items()]
    stack.targets.write_text(json.dumps({"workers": entries}))
    # When the collector runs
    stack.start_collector(COLLECTOR_CREDENTIALS_DIR=str(tmp_path))
    api = stack.start_api()

    # Then each node has its error
    def errors_are_named() -> bool:
        nodes = {node["node"]: node for node in api.json("/api/cluster/nodes")}
        errors = {name: node["error"] for name, node in nodes.items()}
        assert errors == {name: error for name, (_, _, error) in expected.items()}
        assert nodes["right"]["status"] == "online"
        return True

    eventually(errors_are_named, within_seconds=30)
    # And no one gets the password
    redis = stack.redis()
    stored = str([redis.get(key) for key in redis.keys("*latest*")])
    redis.close()
    for secret in ("hunter2", "hunter3", base64.b64encode(b"prom:hunter2").decode()):
        assert secret not in stack.collector.log()
        assert secret not in stored
