"""Test the fleet over HTTP, in its own process."""

import gzip
import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from simulator.fleet import Fleet, node_names, targets_text, write_targets
from simulator.options import Options
from tests.drivers.certificate import make_certificate
from tests.drivers.process import ROOT, python
from tests.drivers.waiting import eventually

LISTENING = re.compile(r".*simulated nodes listen.*\n")


class RunningFleet:
    """A simulator process on free ports with its control endpoint."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.targets = folder / "nodes.yaml"
        options = ("--port", "0", "--control-port", "0", "--seed", "5", "--write-targets", str(self.targets))
        self.process = python("simulator", "simulator", *options, *arguments)
        self.process.start()

        def listens() -> bool:
            assert self.process.running, self.process.log()
            return bool(LISTENING.search(self.process.log()))

        eventually(listens, within_seconds=30, what="the simulator listens")
        self.control = self.process.log().split("control endpoint at http://")[1].split("/")[0]

    @property
    def later_log(self) -> str:
        """The log since the simulator listens."""
        return LISTENING.split(self.process.log())[1]

    def addresses(self) -> dict[str, str]:
        workers = yaml.safe_load(self.targets.read_text())["workers"]
        return {worker["name"]: worker["host"] for worker in workers}

    def get(self, name: str, path: str = "/metrics", timeout: float = 20) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection(self.addresses()[name], timeout=timeout)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()

    def put_fault(self, name: str, fault: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection(self.control, timeout=20)) as connection:
            connection.request("PUT", f"/nodes/{name}/fault", body=fault)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def faults(self) -> dict[str, str]:
        with closing(http.client.HTTPConnection(self.control, timeout=20)) as connection:
            connection.request("GET", "/nodes")
            return {node["name"]: node["fault"] for node in json.loads(connection.getresponse().read())}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        return self.process.stop(number)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFleet]:
    running = RunningFleet(tmp_path_factory.mktemp("fleet"), "--nodes", "4", "--fault", "node04=hot")
    yield running
    assert running.stop() == 0


def test_node_serves_its_own_exposition(fleet: RunningFleet) -> None:
    # when
    expositions = {name: fleet.get(name) for name in fleet.addresses()}
    # then
    assert sorted(expositions) == ["node01", "node02", "node03", "node04"]
    for name, (status, exposition) in expositions.items():
        assert status == 200
        assert f'nodename="{name}"'.encode() in exposition
        assert b"node_memory_MemTotal_bytes " in exposition


def families(exposition: bytes) -> set[str]:
    return {line.split()[2] for line in exposition.decode().splitlines() if line.startswith("# TYPE ")}


def test_exposition_has_only_the_requested_collectors(fleet: RunningFleet) -> None:
    # when
    status, exposition = fleet.get("node01", "/metrics?collect[]=cpu&collect[]=uname&collect[]=zfs")
    # then
    assert (status, families(exposition)) == (200, {"node_cpu_seconds_total", "node_uname_info"})
    # an unknown collector is refused
    status, exposition = fleet.get("node01", "/metrics?collect[]=cpu&collect[]=thermal")
    assert (status, exposition) == (400, b"Couldn't create filtered metrics handler: missing collector: thermal")


def test_hung_node_answers_when_its_file_systems_are_left_out(fleet: RunningFleet) -> None:
    # given
    fleet.put_fault("node02", "hung")
    # then
    for path in ("/metrics", "/metrics?collect[]=cpu&collect[]=filesystem"):
        with pytest.raises(TimeoutError):
            fleet.get("node02", path, timeout=0.5)
    assert fleet.get("node02", "/metrics?collect[]=cpu")[0] == 200
    fleet.put_fault("node02", "none")


def test_exposition_is_the_same_when_its_transfer_is_unusual(fleet: RunningFleet) -> None:
    known = families(fleet.get("node02")[1])
    with closing(http.client.HTTPConnection(fleet.addresses()["node02"], timeout=20)) as connection:

        def get(path: str) -> tuple[http.client.HTTPResponse, bytes]:
            connection.request("GET", path)
            response = connection.getresponse()
            return response, response.read()

        # gzip
        fleet.put_fault("node02", "gzip")
        response, body = get("/metrics")
        assert response.headers["Content-Encoding"] == "gzip"
        assert families(gzip.decompress(body)) == known
        # a redirect, to a path that exists only then
        assert get("/moved/metrics")[0].status == 404
        fleet.put_fault("node02", "redirect")
        response, _ = get("/metrics")
        assert (response.status, response.headers["Location"]) == (302, "/moved/metrics")
        assert families(get("/moved/metrics")[1]) == known
        # no last line feed
        fleet.put_fault("node02", "unended")
        _, body = get("/metrics")
        assert families(body) == known
        assert not body.endswith(b"\n")
        # a collector of another name
        fleet.put_fault("node02", "misnamed")
        assert "node_thermal_zone_temp" in families(get("/metrics")[1])
        assert families(get("/metrics?collect[]=thermal_zone&collect[]=time")[1]) == {"node_time_seconds"}
    fleet.put_fault("node02", "none")


def test_nodes_serve_full_expositions_over_https_when_options_ask_for_them(tmp_path: Path) -> None:
    # given
    make_certificate(tmp_path, "IP:127.0.0.1")
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "server.crt").read_bytes() + (tmp_path / "server.key").read_bytes())
    fleet = RunningFleet(tmp_path, "--nodes", "1", "--full-page", "--certificate", str(both))
    # when
    [node] = yaml.safe_load(fleet.targets.read_text())["workers"]
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    with closing(http.client.HTTPSConnection(node["host"], timeout=20, context=context)) as connection:
        connection.request("GET", "/metrics")
        exposition = connection.getresponse().read()
    # then
    assert fleet.stop() == 0
    assert (node["scheme"], node["ca_file"]) == ("https", "both.pem")
    assert 30_000 < len(exposition) < 33_000


def test_node_has_the_fault_of_the_command_line_from_the_start(fleet: RunningFleet) -> None:
    assert fleet.faults()["node04"] == "hot"


def test_other_paths_are_not_found(fleet: RunningFleet) -> None:
    assert fleet.get("node01", "/")[0] == 404


def test_dead_node_refuses_connections_and_comes_back_on_its_port(fleet: RunningFleet) -> None:
    # when
    assert fleet.put_fault("node01", "dead")[0] == 204
    # then
    with pytest.raises(ConnectionRefusedError):
        fleet.get("node01")
    # when
    assert fleet.put_fault("node01", "none")[0] == 204
    # then
    assert fleet.get("node01")[0] == 200


def test_open_connection_ends_when_its_node_dies(fleet: RunningFleet) -> None:
    # given
    with closing(http.client.HTTPConnection(fleet.addresses()["node02"], timeout=20)) as connection:
        connection.request("GET", "/metrics")
        connection.getresponse().read()
        # when
        fleet.put_fault("node02", "dead")
        # then
        assert connection.sock.recv(1) == b""
    fleet.put_fault("node02", "none")


def test_broken_node_answers_with_bytes_that_are_not_text(fleet: RunningFleet) -> None:
    # when
    fleet.put_fault("node02", "broken")
    # then
    status, exposition = fleet.get("node02")
    assert status == 200
    with pytest.raises(UnicodeDecodeError):
        exposition.decode()
    fleet.put_fault("node02", "none")


def test_flapping_node_answers_and_fails_in_turn(fleet: RunningFleet) -> None:
    # when
    fleet.put_fault("node02", "flapping")
    # then
    for wanted in (503, 200, 503):
        eventually(lambda status=wanted: fleet.get("node02")[0] == status, within_seconds=60)  # type: ignore[misc]
    fleet.put_fault("node02", "none")


def test_huge_node_answers_100_megabytes(fleet: RunningFleet) -> None:
    # given
    fleet.put_fault("node03", "huge")
    received = 0
    with closing(http.client.HTTPConnection(fleet.addresses()["node03"], timeout=20)) as connection:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        # when
        while chunk := response.read(1 << 20):
            received += len(chunk)
    # then
    assert received >= 100_000_000
    fleet.put_fault("node03", "none")


def test_streaming_node_logs_nothing_when_a_client_closes_its_connection(tmp_path: Path) -> None:
    # given
    fleet = RunningFleet(tmp_path, "--nodes", "2", "--fault", "node01=huge", "--fault", "node02=drip")
    # when
    for _ in range(40):
        for address in fleet.addresses().values():
            with closing(http.client.HTTPConnection(address, timeout=20)) as connection:
                connection.request("GET", "/metrics")
                connection.getresponse().read(1)
    # then
    assert fleet.stop() == 0
    assert fleet.later_log == ""


def test_drip_and_slow_nodes_do_not_hold_up_the_others(fleet: RunningFleet) -> None:
    # given
    fleet.put_fault("node01", "drip")
    fleet.put_fault("node02", "slow")
    with closing(http.client.HTTPConnection(fleet.addresses()["node01"], timeout=20)) as connection:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        # when
        with pytest.raises(TimeoutError):
            fleet.get("node02", timeout=1.5)
        # then
        assert response.read(2) == b"# "
        assert fleet.get("node03")[0] == 200
        assert int(response.headers["Content-Length"]) > 1000
    fleet.put_fault("node01", "none")
    fleet.put_fault("node02", "none")


def test_control_refuses_unknown_nodes_and_faults_with_a_sentence(fleet: RunningFleet) -> None:
    assert fleet.put_fault("node99", "hot") == (404, "there is no node 'node99'; there are node01 to node04\n")
    status, text = fleet.put_fault("node01", "purple")
    assert (status, text.partition(";")[0]) == (400, "there is no fault 'purple'")
    assert fleet.put_fault("node01", "x" * 5000)[0] == 413


def test_demo_sets_faults_of_three_nodes(tmp_path: Path) -> None:
    # given
    running = RunningFleet(tmp_path, "--nodes", "8", "--demo")
    try:
        # when
        deadline = time.monotonic() + 20
        while (faults := sorted(set(running.faults().values()))) != ["dead", "full", "hot", "none"]:
            # then
            assert time.monotonic() < deadline, faults
            time.sleep(0.05)
    finally:
        assert running.stop() == 0


def test_simulator_fails_with_a_sentence_when_a_port_is_in_use(tmp_path: Path) -> None:
    # given
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        base = taken.getsockname()[1] - 1
        # when
        done = subprocess.run(
            [sys.executable, "-m", "simulator", "--nodes", "1", "--port", str(base)],
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    # then
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_node_names_sort_as_they_count() -> None:
    assert node_names(3) == ["node01", "node02", "node03"]
    assert node_names(1000)[::999] == ["node0001", "node1000"]
    assert sorted(node_names(1000)) == node_names(1000)


def test_targets_file_is_replaced_whole_and_readable_by_others(tmp_path: Path) -> None:
    # given
    path = tmp_path / "nodes.yaml"
    path.write_text("old")
    # when
    write_targets(Fleet(count=2, host="127.0.0.1", port=19100, seed=1), path)
    # then
    assert yaml.safe_load(path.read_text()) == {
        "workers": [{"host": "127.0.0.1:19101", "name": "node01"}, {"host": "127.0.0.1:19102", "name": "node02"}]
    }
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_targets_file_marks_nodes_as_simulated_in_the_demo(tmp_path: Path) -> None:
    # when
    running = RunningFleet(tmp_path, "--nodes", "2", "--demo")
    # then
    try:
        assert yaml.safe_load(running.targets.read_text())["simulated"] is True
    finally:
        assert running.stop() == 0


def test_targets_file_has_racks_as_labels_when_they_are_wanted() -> None:
    fleet = Fleet(count=5, host="127.0.0.1", port=19100, seed=1)

    workers = yaml.safe_load(targets_text(fleet, racks=3))["workers"]

    assert [worker["labels"] for worker in workers] == [
        {"rack": "01", "room": "north"},
        {"rack": "01", "room": "north"},
        {"rack": "02", "room": "north"},
        {"rack": "02", "room": "north"},
        {"rack": "03", "room": "south"},
    ]
    assert not any("labels" in worker for worker in yaml.safe_load(targets_text(fleet))["workers"])


@pytest.mark.parametrize(
    ("arguments", "racks"),
    [([], 0), (["--demo"], 5), (["--demo", "--racks", "0"], 0), (["--racks", "40", "--nodes", "1000"], 40)],
)
def test_demo_has_racks_of_ten_nodes(arguments: list[str], racks: int) -> None:
    assert Options.parse(arguments).racks == racks


def test_command_line_is_rejected_when_there_are_more_racks_than_nodes() -> None:
    with pytest.raises(SystemExit, match="2"):
        Options.parse(["--nodes", "3", "--racks", "4"])


def test_targets_file_is_valid_yaml_when_the_host_is_ipv6() -> None:
    fleet = Fleet(count=1, host="::1", port=19100, seed=1)
    assert yaml.safe_load(targets_text(fleet))["workers"][0]["host"] == "[::1]:19101"


def test_targets_file_names_the_advertised_host_when_the_fleet_listens_everywhere(tmp_path: Path) -> None:
    # when
    running = RunningFleet(tmp_path, "--nodes", "2", "--host", "0.0.0.0", "--advertise", "localhost")
    # then
    try:
        assert [address.partition(":")[0] for address in running.addresses().values()] == ["localhost"] * 2
        assert running.get("node02")[0] == 200
    finally:
        assert running.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_targets_file_is_removed_when_the_simulator_stops(tmp_path: Path, number: signal.Signals) -> None:
    # given
    running = RunningFleet(tmp_path, "--nodes", "1")
    assert running.targets.exists()
    # when
    code = running.stop(number)
    # then
    assert code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["--nodes", "0"], ["--port", "65530"], ["--fault", "node01"], ["--fault", "node01=purple"], ["--port", "-1"]],
)
def test_options_refuse_invalid_values(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Options.parse(arguments)
    assert "error:" in capsys.readouterr().err
