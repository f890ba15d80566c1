"""Services of this release and of the last one on one Redis, as in a rolling update and a rollback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from contract.codec import TYPE_OF_CHANNEL, decode
from contract.library import LIBRARY
from contract.messages import Node
from contract.names import ALERT_LOG_KEY, ALERTS_CHANNEL, METRICS_CHANNEL, latest_key
from deploy.compose.env_file import parse_env_file
from runtime.catalogue import CONTAINERS
from runtime.settings_check import check
from tests.drivers.last_release import lay_out_last_release
from tests.drivers.process import ROOT, Process
from tests.drivers.redis_users import load_functions, url_of, users
from tests.drivers.rest import Rest
from tests.drivers.stack import Stack
from tests.drivers.transitions import require_numbered_without_a_gap, transitions
from tests.drivers.waiting import eventually

#: Fields of a node that the last release lacks.
NEW: set[str] = {"labels"}
GOLDEN_OF_CHANNEL = {channel: channel.removeprefix("cluster:") for channel in TYPE_OF_CHANNEL}
DOWN = "node_down/node02"

#: Messages of ``golden`` that are no channels' messages, by their types in the contract.
OTHER_MESSAGES = {"log_changed": "LogEntry", "log_pended": "LogEntry", "incident": "Incident", "rules": "RulesInForce"}
#: Python code for a release's folder: decodes the files of these names as messages.
DECODE = f"""
import sys
import msgspec
from contract import messages
from contract.codec import TYPE_OF_CHANNEL, decode
for path in sys.argv[1:]:
    name, raw = path.rpartition("/")[2].removesuffix(".json"), open(path, "rb").read()
    if name in {OTHER_MESSAGES}:
        msgspec.json.decode(raw, type=getattr(messages, {OTHER_MESSAGES}[name]))
    else:
        decode(raw, TYPE_OF_CHANNEL["cluster:" + name])
"""


@pytest.fixture(scope="module")
def last_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last release's files."""
    folder = tmp_path_factory.mktemp("last_release")
    lay_out_last_release(folder)
    return folder


@pytest.fixture
def fleet(stack: Stack) -> Stack:
    """A stack with two nodes, one of them offline."""
    stack.write_rules("node_down: {for_seconds: 0}\n")
    stack.start_simulator(2, "--fault", "node02=dead")
    return stack


class Releases:
    """Starts services of either release on one stack."""

    def __init__(self, stack: Stack, folders: dict[str, Path]) -> None:
        self._stack = stack
        self._folders = folders
        self._redis = stack.redis()

    def start(self, release: str, service: str, **env: str) -> Rest:
        self._stack.root = self._folders[release]
        rest: Rest = getattr(self._stack, f"start_{service}")(**env)
        self._stack.root = ROOT
        assert os.path.samefile(f"/proc/{self._stack.processes[-1].pid}/cwd", self._folders[release])
        return rest

    def start_collector(self, release: str) -> Process:
        """Start a collector and wait for its first round."""
        before = self.snapshot().get("epoch", 0)
        self.start(release, "collector")
        eventually(lambda: self.snapshot().get("epoch", 0) > before, within_seconds=60, what="its first round")
        eventually(lambda: self.snapshot()["seq"] > 3, within_seconds=60, what="some rounds")
        return self._stack.collector

    def snapshot(self) -> dict[str, Any]:
        raw = self._redis.get(latest_key(METRICS_CHANNEL))
        return json.loads(raw) if raw else {}

    def status(self, name: str) -> str:
        """Return the status of the node."""
        return next(str(node["status"]) for node in self.snapshot()["nodes"] if node["node"] == name)

    def alerts(self) -> dict[str, Any]:
        raw = self._redis.get(latest_key(ALERTS_CHANNEL)) or b"{}"
        return {alert["id"]: alert for alert in json.loads(raw).get("active_alerts", [])}

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(fields[b"entry"]) for _, fields in self._redis.xrange(ALERT_LOG_KEY)]

    def close(self) -> None:
        self._redis.close()


@pytest.fixture
def releases(fleet: Stack, last_release: Path) -> Iterator[Releases]:
    releases = Releases(fleet, {"this": ROOT, "last": last_release})
    yield releases
    releases.close()


def test_messages_of_each_release_are_decoded_by_the_other(last_release: Path) -> None:
    for channel, name in GOLDEN_OF_CHANNEL.items():
        decode(
            (last_release / "contract" / "golden" / "messages" / f"{name}.json").read_bytes(), TYPE_OF_CHANNEL[channel]
        )
    names = (*GOLDEN_OF_CHANNEL.values(), *OTHER_MESSAGES)
    ours = [str(ROOT / "contract" / "golden" / "messages" / f"{name}.json") for name in names]
    done = subprocess.run(
        [sys.executable, "-c", DECODE, *ours],
        cwd=last_release,
        env={**os.environ, "PYTHONPATH": str(last_release)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_replica_of_the_last_release_forwards_all_messages_of_this_collector(fleet: Stack, releases: Releases) -> None:
    releases.start_collector("this")
    replica = releases.start("last", "replica")

    client = fleet.client(replica, "/monitoring")
    delta = fleet.client(replica, "/monitoring", auth={"subscribe": {"mode": "delta"}})

    newest = client.wait_for("cluster_metrics", 3)[-1]
    assert newest["nodes"][0].keys() == set(Node.__struct_fields__)
    assert {alert["id"] for alert in client.wait_for("alerts_update")[0]["active_alerts"]} == {DOWN}
    assert delta.wait_for("cluster_metrics")[-1]["nodes"][0].keys() == set(Node.__struct_fields__)
    # The transition is newer than the replica.
    fleet.write_rules("node_down: {for_seconds: 0, severity: critical}\n")
    eventually(
        lambda: "changed" in {each["transition"] for sent in client.all("alerts_update") for each in sent["entries"]},
        within_seconds=60,
        what="the change of severity",
    )
    # A delta would lack new fields: the replica then sends whole snapshots.
    delta.wait_for(*(("cluster_metrics", 3) if NEW else ("cluster_metrics_delta", 2)))
    # The replica counts messages that it forwarded without decoding them.
    counts = [line for line in replica.get("/metrics").text.splitlines() if line.startswith("ws_messages_total{")]
    assert any('outcome="state"' in line for line in counts)
    assert [line for line in counts if 'outcome="passed_on"' in line and not line.endswith(" 0.0")] == []


def test_this_release_shows_all_messages_of_the_last_collector(
    fleet: Stack, releases: Releases, last_release: Path
) -> None:
    releases.start_collector("last")
    replica, api = releases.start("this", "replica"), releases.start("this", "api")

    client = fleet.client(replica, "/monitoring")
    delta = fleet.client(replica, "/monitoring", auth={"subscribe": {"mode": "delta"}})
    some = fleet.client(replica, "/monitoring", auth={"subscribe": {"nodes": ["node01"]}})

    whole = client.wait_for("cluster_metrics", 3)[-1]
    assert whole["nodes"][0].keys() >= set(Node.__struct_fields__) - NEW
    assert {alert["id"] for alert in client.wait_for("alerts_update")[0]["active_alerts"]} == {DOWN}
    assert delta.wait_for("cluster_metrics_delta", 2)[0]["changed"][0]["node"] == "node01"
    assert [node["node"] for node in some.wait_for("cluster_metrics", 2)[-1]["nodes"]] == ["node01"]
    assert api.json("/api/cluster/nodes/node01")["status"] == "online"
    assert api.status("/nodes/node01") == 200
    incidents = api.json("/api/incidents")
    assert [(incident["alert_id"], incident["ended"]) for incident in incidents["incidents"]] == [(DOWN, None)]
    records_events = (last_release / "contract" / "node_events.py").exists()
    assert (api.json("/api/history/marks")["known_since"] is not None) == records_events
    assert api.json("/api/history/top")["measure"] == "cpu_usage"
    assert api.json("/api/history/moment")["step_seconds"] >= 10


def test_incident_is_complete_when_this_collector_takes_over_from_the_last_one(
    fleet: Stack, releases: Releases
) -> None:
    previous_collector = releases.start_collector("last")
    since = eventually(lambda: releases.alerts().get(DOWN), what="the alert of the dead node")["since"]
    previous_collector.stop()
    releases.start_collector("this")
    fleet.write_rules("node_down: {enabled: false}\n")
    eventually(lambda: DOWN not in releases.alerts(), within_seconds=60, what="the end of the alert")
    api = releases.start("this", "api")
    [incident] = [each for each in api.json("/api/incidents")["incidents"] if each["alert_id"] == DOWN]
    assert (incident["began"], incident["ended"] is None) == (since, False)
    assert api.json("/api/history/marks")["known_since"] is not None


@pytest.mark.parametrize("release", ["last", "this"])
def test_services_of_both_releases_run_with_the_users_and_functions_of_this_one(
    fleet: Stack, last_release: Path, releases: Releases, release: str
) -> None:
    # Given Redis after an update: with the functions that the last release loaded
    printed = subprocess.run(
        [sys.executable, "-m", "contract.library"], cwd=last_release, capture_output=True, text=True, check=True
    )
    with users(fleet.valkey):
        for library in {printed.stdout, LIBRARY}:
            load_functions(fleet.valkey, library)
        # When
        started = {
            service: releases.start(release, service, REDIS_URL=url_of(fleet.valkey, user))
            for service, user in (("collector", "collector"), ("replica", "ws"), ("api", "api"))
        }
        # Then
        fleet.client(started["replica"], "/monitoring").wait_for("cluster_metrics", 3)
        eventually(lambda: started["api"].json("/api/health")["status"] == "healthy", what="health")
        with fleet.redis() as redis:
            assert redis.execute_command("ACL LOG") == []
        fleet.close()


@pytest.mark.parametrize(("first", "second"), [("last", "this"), ("this", "last")])
def test_alerts_log_and_history_continue_when_a_collector_of_the_other_release_takes_over(
    releases: Releases, first: str, second: str
) -> None:
    previous_collector = releases.start_collector(first)
    since = eventually(lambda: releases.alerts().get(DOWN), what="the alert of the dead node")["since"]
    previous_collector.stop()

    releases.start_collector(second)

    assert releases.alerts()[DOWN]["since"] == since
    require_numbered_without_a_gap(releases.log())
    assert transitions(releases.log()) == {None: ["started"], DOWN: ["firing"]}
    for release in ("this", "last"):
        api = releases.start(release, "api")

        def known(api: Rest = api) -> int:
            history = api.json("/api/history?node=node01&measure=memory_usage&range_seconds=60&points=60")
            return sum(value is not None for value in history["series"][0]["measures"]["memory_usage"]["avg"])

        # The interval in which the second collector took over, and its records since.
        eventually(lambda known=known: known() >= 2, within_seconds=60, what="history of both")  # type: ignore[misc]


def test_flapping_alert_stays_firing_when_a_collector_of_the_last_release_takes_over(
    stack: Stack, last_release: Path
) -> None:
    # Given a flapping alert of an online node
    stack.write_rules("node_down: {for_seconds: 0}\n")
    control = stack.start_simulator(2)
    releases = Releases(stack, {"this": ROOT, "last": last_release})
    this_collector = releases.start_collector("this")
    for _ in range(6):
        for fault, status in (("dead", "offline"), ("none", "online")):
            assert requests.put(f"{control.origin}/nodes/node02/fault", data=fault, timeout=10).ok
            eventually(lambda wanted=status: releases.status("node02") == wanted, within_seconds=60)  # type: ignore[misc]
    eventually(lambda: releases.alerts()[DOWN].get("flapping") == 6, within_seconds=30, what="an alert that flaps")
    this_collector.stop()
    # When the last release leads, and then this one again
    last_collector = releases.start_collector("last")
    assert releases.alerts()[DOWN]["flapping"] == 6
    last_collector.stop()
    releases.start_collector("this")
    # Then the alert stays firing without a new log entry
    assert releases.alerts()[DOWN]["flapping"] == 6
    require_numbered_without_a_gap(releases.log())
    assert transitions(releases.log()) == {None: ["started"], DOWN: [*["firing", "resolved"] * 4, "firing"]}
    releases.close()


def test_settings_of_the_last_release_are_still_valid(last_release: Path) -> None:
    # given: an .env with all settings of the last release at their defaults
    lines = (last_release / "deploy/compose/.env.example").read_text().splitlines()
    settings = "\n".join(line[1:] for line in lines if line.startswith("#") and line[1:2].isupper())
    # when
    written = parse_env_file(settings, {})
    report = check(written, CONTAINERS, written)
    # then
    assert len(written) > 30
    assert report.faults == ()
    assert all("was removed in" in note for note in report.notes)
