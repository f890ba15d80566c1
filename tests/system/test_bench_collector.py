"""The collector's benchmark: expositions like real ones, right counts, and no process that stays behind."""

import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from bench.collector.__main__ import options_of
from bench.collector.compare import Run, measure, notes, read_times
from bench.collector.endurance import endure, seen
from bench.collector.exporters import address
from bench.collector.expositions import SIZES, Kind, age_seconds
from bench.collector.processes import ExporterProcess
from bench.collector.rounds import Arrival, count_rounds, read_arrival
from collector.node_exporter import parse_exposition
from collector.sample import Sample
from tests.drivers.process import ROOT, Process, is_alive
from tests.drivers.waiting import eventually


@pytest.fixture(autouse=True)
def _cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def sample_of(text: bytes) -> Sample:
    return parse_exposition(text, monotonic_seconds=time.monotonic(), unix_seconds=time.time())


@pytest.mark.parametrize("size", SIZES)
def test_exposition_has_its_length_and_the_values_of_its_node(size: str) -> None:
    now = time.time()
    kind = Kind(0, size, now - 10)
    first, second = kind.at(now - 2), kind.at(now)
    text, other = first.text(1), first.text(3999)

    assert len(text) == len(other) == pytest.approx(1000 * float(size), rel=0.035)
    before, after, of_other = sample_of(text), sample_of(second.text(1)), sample_of(other)
    assert (before.host_name, of_other.host_name) == ("kind00-00000001", "kind00-00000f9f")
    assert before.network_bytes["eth0"] < after.network_bytes["eth0"]
    assert before.memory_total_bytes is not None
    assert age_seconds(int(before.memory_total_bytes)) < 60


@pytest.mark.parametrize("size", SIZES)
def test_exposition_raises_no_alert(size: str) -> None:
    now = time.time()

    for number in range(16):
        sample = sample_of(Kind(number, size, now).at(now).text(number))
        assert sample.memory_total_bytes is not None
        assert sample.memory_available_bytes is not None
        assert sample.memory_available_bytes > 0.15 * sample.memory_total_bytes
        assert abs(sample.clock_offset_seconds or 0) < 1
        assert all(each.available_bytes > 0.15 * each.size_bytes and not each.readonly for each in sample.filesystems)
        assert not sample.under_voltage
        assert not sample.remarks


def test_kubernetes_node_has_its_own_file_systems_and_interfaces() -> None:
    kind = Kind(0, "104", time.time())
    exposition = kind.at(time.time())
    one, two = ({line.rpartition(b" ")[0] for line in exposition.text(node).splitlines()} for node in (1, 2))

    sizes = [line for line in one if line.startswith(b"node_filesystem_size_bytes{")]
    received = [line for line in one if line.startswith(b"node_network_receive_bytes_total{")]
    assert (len(sizes), len(received)) == (44, 18)
    assert len([line for line in sizes if line in two]) == len([line for line in received if line in two]) == 2


def arrivals(*times: float, oldest: float = 2.0, age: float = 0.1) -> list[Arrival]:
    return [Arrival(at, seq, age, oldest, without_values=0) for seq, at in enumerate(times, 1)]


@pytest.mark.parametrize(
    ("times", "missed"),
    [
        ((9, 11, 13, 15, 17, 19), 0),
        ((9, 11.9, 13, 15.8, 17, 19), 0),
        ((9, 11, 13, 17, 19), 1),
        ((9, 11), 4),
        ((9,), 5),
        ((), 4),
    ],
    ids=str,
)
def test_round_is_missed_when_it_does_not_arrive_within_half_an_interval(times: tuple[float, ...], missed: int) -> None:
    assert count_rounds(arrivals(*times), 10, 20, 2).missed == missed


def test_subscriber_that_saw_every_round_once_has_no_problems() -> None:
    found = seen(arrivals(9, 11, 13, 15, 17, 19, oldest=2.1), 10, 20)

    assert found.problems == []
    assert (found.published, found.oldest_value) == (5, 2.1)
    assert (found.oldest_shown_snapshot, found.oldest_shown_value) == pytest.approx((2.1, 4.1))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (arrivals(9, 11, 13, 17, 19), "1 of 5 rounds are missing"),
        ([*arrivals(9, 11, 13, 15, 17), *arrivals(19)], "1 rounds are repeated or out of order"),
        (arrivals(9, 11, 13, 15, 17, 19, oldest=4.5), "values were 4.50 s old when they arrived"),
        ([*arrivals(9, 11, 13, 15, 17), Arrival(19, 6, 0.1, 2.0, 3)], "up to 3 nodes had no values"),
        (arrivals(9, 11, 13, 15, 17, 19, age=2.5), "a snapshot was 4.50 s old before the next arrived"),
    ],
)
def test_subscriber_reports_what_is_missing_or_old(given: list[Arrival], problem: str) -> None:
    assert problem in seen(given, 10, 20).problems


def test_arrival_has_the_age_of_the_oldest_value() -> None:
    now = time.monotonic()
    totals = [int(4e8 + (1000 * (now - age)) % 10**8) for age in (0.5, 3.0)]
    nodes = [{"memory_total_bytes": total} for total in (*totals, None)]

    arrival = read_arrival(
        json.dumps({"seq": 7, "timestamp": "2026-01-01T00:00:00Z", "nodes": nodes}).encode(), time.monotonic()
    )

    assert (arrival.seq, arrival.without_values) == (7, 1)
    assert arrival.oldest == pytest.approx(3.0, abs=0.4)


def run_with(**fields: float) -> Run:
    usual = {
        "seconds": 10.0, "cpu_seconds": 1.0, "scrapes": 100, "rss_bytes": 1, "rounds_expected": 5,
        "rounds_published": 5, "oldest": 2.0, "without_values": 0, "is_settled": True,
        "exporters_share": 0.1, "exporters_late_ms": 1.0,
    }  # fmt: skip
    return Run(**{**usual, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "noted"),
    [
        ({}, False),
        ({"exporters_share": 0.81}, True),
        ({"exporters_late_ms": 51.0}, True),
        ({"is_settled": False}, True),
        ({"without_values": 1}, True),
    ],
    ids=str,
)
def test_row_notes_what_limits_its_figures(fields: dict[str, float], noted: bool) -> None:
    assert bool(notes([run_with(), run_with(**fields)])) is noted


def get(host: str, port: int, path: str) -> bytes:
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        received = connection.recv(4096)
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        return body


def test_exporters_answer_for_each_node_and_count(tmp_path: Path) -> None:
    with ExporterProcess(3, "5.5", tmp_path) as exporters:
        port = int(re.findall(r':(\d+)"', exporters.targets.read_text())[0])
        bodies = [get(address(node), port, "/metrics?collect[]=cpu") for node in (0, 1, 2, 2)]
        counted = exporters.stats()
        exporters.reset()
        after = exporters.stats()
        first = sample_of(bodies[0]).disk_bytes
        eventually(lambda: sample_of(get(address(0), port, "/metrics")).disk_bytes != first, what="the next exposition")

    names = [sample_of(body).host_name for body in bodies]
    assert names == ["kind00-00000000", "kind01-00000001", "kind02-00000002", "kind02-00000002"]
    assert (counted.answers, counted.fewest, after.answers) == (4, 1, 0)
    assert counted.cpu_seconds > 0


def test_collector_is_measured_while_it_scrapes_the_exporters(tmp_path: Path) -> None:
    with ExporterProcess(4, "31", tmp_path) as exporters:
        run = measure(ROOT, exporters, seconds=4.5)

    assert run.is_settled
    assert run.scrapes >= 4
    assert run.rounds_published >= 1
    assert run.without_values == 0
    assert 0 < run.oldest < 60
    assert run.cpu_seconds > 0
    assert run.rss_bytes > 10_000_000


def test_readers_of_an_exposition_are_measured(tmp_path: Path) -> None:
    times = read_times({"this release": ROOT}, "5.5", 1, tmp_path)["this release"]

    assert times["prometheus_client"] > times["full"] > 0
    assert ("template" in times) is (find_spec("collector.exposition_template") is not None)


def test_long_run_prints_what_redis_and_a_page_saw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ExporterProcess(3, "5.5", tmp_path) as exporters:
        code = endure(exporters, "5.5", seconds=5)

    printed = capsys.readouterr().out
    assert "| rounds expected / arrived / missed | " in printed
    assert ("Every round arrived" in printed) is (code == 0)


@pytest.mark.parametrize("arguments", [["--sizes", "31,7"], ["--minutes", "1", "--write", "page.md"]], ids=str)
def test_command_line_refuses_what_the_benchmark_cannot_do(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        options_of(arguments)

    assert error.value.code == 2


def test_benchmark_stops_its_processes_when_it_is_interrupted() -> None:
    bench = Process("bench", [sys.executable, "-m", "bench.collector", "--quick", "--nodes", "2", "--sizes", "5.5"])
    bench.start()
    children: list[int] = []
    try:
        own = psutil.Process(bench.pid)

        def collector_scrapes() -> bool:
            running = [child for child in own.children() if "collector" in child.cmdline()[-1:]]
            return any(
                connection.raddr and connection.raddr.ip == address(0)
                for child in running
                for connection in child.net_connections()
            )

        eventually(collector_scrapes, within_seconds=60, what="a scrape")
        children = [child.pid for child in own.children(recursive=True)]
        bench.send_signal(signal.SIGINT)

        assert bench.wait() == 130, bench.log()
        assert not any(map(is_alive, children))
    finally:
        bench.kill()
        for pid in filter(is_alive, children):
            os.kill(pid, signal.SIGKILL)
