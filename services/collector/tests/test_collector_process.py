"""The collector as a process, with a real Redis and exporters that tests switch on and off."""

import json
import os
import signal
import socket
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY, LEASE_KEY, latest_key
from tests.drivers.copies import CopiedProcess
from tests.drivers.ports import free_port
from tests.drivers.process import python
from tests.drivers.raw_http import ask, request
from tests.drivers.waiting import eventually

DEADLINE_SECONDS = 30.0
INTERVAL_SECONDS = 0.3
# The exporters serve an old exposition with an old clock.
RULES = "node_down: {for_seconds: 0}\nclock_offset: {enabled: false}\n"


class Exporter:
    """Serves an exposition on a fixed port while switched on."""

    def __init__(self, body):
        self.port = free_port()
        self._body = body
        self._server = None

    def start(self):
        body = self._body

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def exporter(exposition):
    exporter = Exporter(exposition("node_exporter_1.5.0_collect"))
    yield exporter
    exporter.stop()


class Collector:
    """A collector process: a forked copy, or ``python -m collector``."""

    def __init__(self, directory, redis_url, copies, prelude="", **variables):
        self.port = free_port()
        settings = {
            "REDIS_URL": redis_url,
            "CLUSTER_NAME": "lab",
            "COLLECTOR_PORT": str(self.port),
            "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
            "COLLECTOR_TARGETS": str(directory / "nodes.yaml"),
            "COLLECTOR_RULES": str(directory / "alerts.yaml"),
        }
        env = settings | variables
        if copies is None:
            self.process = python("collector", "collector", env=env)
        else:
            self.process = CopiedProcess("collector", copies, env, prelude)
        self.process.start()

    @property
    def log(self):
        return self.process.log()

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return None, ""


@pytest.fixture
def start(valkey, tmp_path, exporter, copies):
    """Return a function that starts a collector with one exporter, in the test's own directory."""
    (tmp_path / "nodes.yaml").write_text(f"workers: [{{host: '127.0.0.1:{exporter.port}', name: pi}}]\n")
    (tmp_path / "alerts.yaml").write_text(RULES)
    started = []

    def make(copies=copies, **variables):
        started.append(Collector(tmp_path, valkey.url, copies, **variables))
        return started[-1]

    yield make
    for collector in started:
        collector.process.kill()


def until(condition, what):
    return eventually(condition, within_seconds=DEADLINE_SECONDS, what=what)


def latest(redis, channel):
    raw = redis.get(latest_key(f"cluster:{channel}"))
    return None if raw is None else json.loads(raw)


def status(redis):
    snapshot = latest(redis, "metrics")
    return None if snapshot is None else {node["node"]: node["status"] for node in snapshot["nodes"]}


def until_status(redis, expected):
    until(lambda: status(redis) == expected, f"status never became {expected}")


def entries(redis):
    return [json.loads(fields[ALERT_LOG_FIELD.encode()]) for _, fields in redis.xrange(ALERT_LOG_KEY)]


def transitions(redis):
    return [entry["transition"] for entry in entries(redis)]


def epoch(redis):
    return (latest(redis, "metrics") or {}).get("epoch")


def test_collector_publishes_a_node_when_its_exporter_runs(start, exporter, redis):
    exporter.start()
    collector = start(copies=None)

    until_status(redis, {"pi": "online"})

    assert collector.get("/livez") == (200, "live\n")
    assert collector.get("/readyz") == (200, "ready\nredis: up\n")
    code, metrics = collector.get("/metrics")
    assert code == 200
    assert 'collector_targets{status="online"} 1.0' in metrics
    assert 'collector_publications_total{outcome="published"}' in metrics
    node = latest(redis, "metrics")["nodes"][0]
    assert (node["memory_total_bytes"], node["disk_usage"], node["address"]) == (
        25276514304,
        13.6,
        f"127.0.0.1:{exporter.port}",
    )
    assert latest(redis, "health")["overall_status"] == "healthy"
    assert collector.process.stop() == 0
    # At a clean shutdown, the collector releases the lease.
    assert not redis.exists(LEASE_KEY)
    assert "Traceback" not in collector.log


def test_collector_publishes_a_node_when_uvloop_is_not_installed(start, exporter, redis):
    exporter.start()
    collector = start(prelude="import sys; sys.modules['uvloop'] = None", LOG_LEVEL="DEBUG")

    until_status(redis, {"pi": "online"})

    assert "the event loop is asyncio's" in collector.log
    assert collector.process.stop() == 0
    assert not redis.exists(LEASE_KEY)


# Each scrape occupies the event loop as a long exposition does; a thousand of them take far longer than an interval.
OCCUPIED = """
import collector.__main__ as service
class Occupying:
    async def scrape(self):
        import time
        from collector.sample import Sample
        time.sleep(0.01)
        return Sample(monotonic_seconds=time.monotonic(), load1=0.5)
service.make_scraper = lambda *_, scraper=Occupying(), **__: scraper
"""


@pytest.fixture
def overloaded(start, tmp_path, redis):
    """A collector that has published a round and has more nodes than it can scrape."""
    nodes = [{"host": f"127.0.0.1:{20_000 + number}", "name": f"n{number}"} for number in range(1000)]
    (tmp_path / "nodes.yaml").write_text(json.dumps({"workers": nodes}))
    collector = start(prelude=OCCUPIED)
    until(lambda: "online" in (status(redis) or {}).values(), "no round after a scrape")
    return collector


def test_collector_publishes_in_every_interval_when_its_core_cannot_scrape_all_nodes(overloaded, redis):
    seq = latest(redis, "metrics")["seq"]
    until(lambda: latest(redis, "metrics")["seq"] >= seq + 6, "no rounds")
    statuses = status(redis).values()
    # The late scrapes have no consequence but their age: no node is blamed.
    assert "offline" not in statuses
    assert list(statuses).count("online") < len(statuses)


def test_collector_ends_in_time_and_releases_the_lease_when_its_core_cannot_scrape_all_nodes(overloaded, redis):
    begun = time.monotonic()
    assert overloaded.process.stop() == 0
    assert time.monotonic() - begun < 5.0
    assert not redis.exists(LEASE_KEY)
    assert "Traceback" not in overloaded.log


def test_port_refuses_other_host_names(start):
    collector = start(PUBLIC_URL="http://cluster.example")
    until(lambda: collector.get("/livez")[0] == 200, "an answer")

    def status(target, *headers, host="evil.example"):
        return ask(collector.port, request("GET", target, *headers, host=host), ends=False).status

    for path in ("/metrics", "/readyz", "/livez", "/nowhere"):
        answer = ask(collector.port, request("GET", path, host="evil.example"), ends=False)
        assert (answer.status, b"PUBLIC_URL" in answer.body) == (421, True)
        without = ask(collector.port, f"GET {path} HTTP/1.0\r\n\r\n".encode(), ends=False)
        assert without.status == (200 if path in ("/livez", "/readyz") else 421)
    assert status("/metrics", host="cluster.example:8002") == 200
    assert status("http://evil.example/metrics", host="localhost") == 421
    assert status("http://[::1]:8002/metrics") == 200
    for first, second in (("localhost", "evil.example"), ("evil.example", "localhost")):
        assert status("/metrics", f"Host: {first}", f"Host: {second}") in (400, 421)


def test_alert_follows_the_node_when_its_exporter_stops_and_starts(start, exporter, redis):
    exporter.start()
    collector = start()
    until_status(redis, {"pi": "online"})

    exporter.stop()
    until_status(redis, {"pi": "offline"})
    until(lambda: latest(redis, "alerts")["alert_count"] == 1, "no alert")
    # The first scrape after the exporter's stop may still use a connection from its backlog.
    until(lambda: latest(redis, "metrics")["nodes"][0]["error"] == "connection refused", "another error")
    assert latest(redis, "metrics")["nodes"][0]["memory_usage"] is None
    assert latest(redis, "health")["issues"][-1] == "pi is offline: connection refused"

    exporter.start()
    until_status(redis, {"pi": "online"})
    until(lambda: latest(redis, "alerts")["alert_count"] == 0, "the alert stays")

    assert transitions(redis) == ["started", "firing", "resolved"]
    assert collector.process.stop() == 0


def test_alerts_continue_when_the_collector_is_killed_repeatedly(start, exporter, redis, tmp_path):
    (tmp_path / "alerts.yaml").write_text(RULES + "filesystem_full: {threshold: 10, for_seconds: 3600}\n")
    (tmp_path / "nodes.yaml").write_text(
        f"workers: [{{host: '127.0.0.1:{exporter.port}', name: pi}}, {{host: '127.0.0.1:1', name: dead}}]\n"
    )
    exporter.start()
    # A long interval: the exporter is a thread of this process, and slow on a busy machine.
    interval = {"COLLECTOR_SCRAPE_INTERVAL_SECONDS": "1.5"}
    collector = start(**interval)
    until(lambda: sorted(transitions(redis)) == ["firing", "pending", "started"], "no alerts")
    before = {alert["id"]: alert["since"] for alert in latest(redis, "alerts")["active_alerts"]}
    since = {node["node"]: node["status_since"] for node in latest(redis, "metrics")["nodes"]}

    for turn in range(3):
        former = epoch(redis)
        collector.process.kill()
        if turn:
            redis.delete(LEASE_KEY)  # as it does by itself: to wait for that once is enough
        collector = start(**interval)
        until(lambda: epoch(redis) != former, "no takeover")  # noqa: B023 (awaited in this turn)
        # The new collector has scraped the nodes itself.
        until(lambda: "scrape_duration_seconds_count 0.0" not in collector.get("/metrics")[1], "no scrape")  # noqa: B023
        seq = latest(redis, "metrics")["seq"]
        until(lambda: latest(redis, "metrics")["seq"] > seq + 2, "no rounds")  # noqa: B023

    assert {alert["id"]: alert["since"] for alert in latest(redis, "alerts")["active_alerts"]} == before
    assert {node["node"]: node["status_since"] for node in latest(redis, "metrics")["nodes"]} == since
    assert sorted(transitions(redis)) == ["firing", "pending", "started"]


def test_collector_is_live_again_when_redis_comes_back_empty(start, exporter, redis, valkey):
    collector = start()
    until(lambda: latest(redis, "alerts") and latest(redis, "alerts")["alert_count"] == 1, "no alert")
    since = latest(redis, "alerts")["active_alerts"][0]["since"]

    valkey.stop()
    until(lambda: "redis: down since" in collector.get("/readyz")[1], "never noticed")
    assert collector.get("/readyz")[0] == 200
    assert collector.get("/livez")[0] == 200
    exporter.start()  # while Redis is away
    until(lambda: "collector_queued_log_entries 1.0" in collector.get("/metrics")[1], "not queued")
    valkey.start()

    until(lambda: transitions(redis) == ["started", "resolved"], "the log did not go on")
    until_status(redis, {"pi": "online"})
    assert entries(redis)[1]["since"] == since
    assert collector.get("/readyz") == (200, "ready\nredis: up\n")
    assert "Traceback" not in collector.log


def test_each_transition_is_logged_once_when_redis_hangs_meanwhile(start, exporter, redis, valkey):
    exporter.start()
    collector = start()
    until_status(redis, {"pi": "online"})

    valkey.pause()
    try:
        exporter.stop()
        until(lambda: "collector_queued_log_entries 1.0" in collector.get("/metrics")[1], "not queued")
        until(lambda: 'outcome="failed"' in collector.get("/metrics")[1], "no failed round")
    finally:
        valkey.resume()

    until(lambda: transitions(redis) == ["started", "firing"], "the log did not go on")
    exporter.start()
    until(lambda: transitions(redis) == ["started", "firing", "resolved"], "the log did not go on")
    assert collector.process.stop() == 0


def test_collector_waits_when_redis_is_away_at_the_start(start, exporter, redis, valkey):
    valkey.stop()
    exporter.start()
    collector = start()

    until(lambda: collector.get("/readyz")[0] == 503, "no answer")
    assert "no contact with Redis yet" in collector.get("/readyz")[1]
    until(lambda: "Redis does not answer, retrying" in collector.log, "nothing said")
    valkey.start()

    until_status(redis, {"pi": "online"})
    assert collector.log.count("Redis does not answer, retrying") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_collector_stops_cleanly_when_redis_is_away(start, valkey, number):
    valkey.stop()
    collector = start()
    until(lambda: collector.get("/livez")[0] == 200, "not started")

    code = collector.process.stop(number)

    assert code == 0
    assert "Traceback" not in collector.log


def test_targets_change_and_health_reports_a_problem_when_the_file_is_edited(start, exporter, redis, tmp_path):
    exporter.start()
    start()
    until_status(redis, {"pi": "online"})

    with (tmp_path / "nodes.yaml").open("a") as file:
        file.write("master: localhost:1\n")
    until_status(redis, {"pi": "online", "localhost:1": "offline"})

    (tmp_path / "nodes.yaml").write_text("workers: [")
    until(lambda: any("nodes.yaml is not valid" in issue for issue in latest(redis, "health")["issues"]), "not told")
    assert set(status(redis)) == {"pi", "localhost:1"}

    (tmp_path / "nodes.yaml").unlink()
    until_status(redis, {})
    until(lambda: latest(redis, "health")["issues"][0].startswith("No targets: list your nodes in /"), "not told")
    # An alert ends when its node is removed.
    until(lambda: latest(redis, "alerts")["active_alerts"] == [], "the alert stays")


def test_this_machine_is_a_node_when_the_targets_file_lists_local(start, redis, tmp_path):
    (tmp_path / "nodes.yaml").write_text("workers: [{host: local, name: here}]\n")
    start()

    until_status(redis, {"here": "online"})
    until(lambda: latest(redis, "metrics")["nodes"][0]["cpu_usage"] is not None, "no rates")
    node = latest(redis, "metrics")["nodes"][0]
    assert node["address"] == "local"
    assert node["cpu_count"] == os.cpu_count()


def test_this_machine_is_scraped_through_an_exporter_when_the_setting_names_one(start, exporter, redis, tmp_path):
    exporter.start()
    (tmp_path / "nodes.yaml").write_text("workers: [local]\n")

    start(COLLECTOR_LOCAL_EXPORTER=f"127.0.0.1:{exporter.port}")

    until_status(redis, {socket.gethostname(): "online"})
    node = latest(redis, "metrics")["nodes"][0]
    assert (node["address"], node["load1"]) == ("local", 0.04)


def test_nodes_are_those_of_all_files_when_there_are_several(start, exporter, redis, tmp_path):
    exporter.start()
    second = tmp_path / "demo.yaml"

    start(COLLECTOR_TARGETS=f"{tmp_path / 'nodes.yaml'},{second}")
    until_status(redis, {"pi": "online"})

    second.write_text(f"workers: [{{host: 'localhost:{exporter.port}', name: demo}}]\n")
    until_status(redis, {"pi": "online", "demo": "online"})
    second.unlink()
    until_status(redis, {"pi": "online"})


def test_collector_exits_with_a_sentence_when_redis_serves_another_cluster(start, redis):
    start()
    until(lambda: epoch(redis), "not published")

    other = start(CLUSTER_NAME="office")

    assert other.process.wait(DEADLINE_SECONDS) == 3
    assert "collector: this Redis serves the cluster 'lab'" in other.log
    assert "Traceback" not in other.log


@pytest.mark.parametrize(
    ("variables", "code", "told"),
    [
        ({"COLLECTOR_PORT": "none"}, 2, "collector: COLLECTOR_PORT='none' is not valid"),
        ({"COLLECTOR_RULES": "/nowhere.yaml"}, 2, "rules file /nowhere.yaml is not valid: there is no such file"),
        ({"COLLECTOR_HOST": "192.0.2.1"}, 1, "collector: cannot listen on 192.0.2.1:"),
    ],
)
def test_collector_exits_with_a_sentence_when_it_cannot_start(start, variables, code, told):
    collector = start(**variables)

    assert collector.process.wait(DEADLINE_SECONDS) == code
    assert told in collector.log
    assert "Traceback" not in collector.log
    assert len([line for line in collector.log.splitlines() if " INFO " not in line]) == 1


def test_collector_refuses_to_start_when_the_targets_file_is_broken(start, tmp_path):
    (tmp_path / "nodes.yaml").write_text("workers: [{host: }]\n")

    process = start()

    assert process.process.wait(DEADLINE_SECONDS) == 2
    assert "Traceback" not in process.log
    assert str(tmp_path / "nodes.yaml") in process.log
