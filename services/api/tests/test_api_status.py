"""``python -m api.status``: whether live data flow, with the data of collector and replicas in Redis."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from api.config import Config
from api.status import LiveDataStatus, StatusReader
from contract.names import HEALTH_CHANNEL, LEASE_KEY, METRICS_CHANNEL, REPLICAS_KEY, replica_key
from tests.drivers.process import ROOT
from tests.drivers.valkey import Valkey

SNAPSHOT: dict[str, Any] = json.loads((ROOT / "contract/golden/messages/metrics.json").read_bytes())


@pytest.fixture
def reader(valkey: Valkey) -> Iterator[StatusReader]:
    reader = StatusReader(Config(redis_url=valkey.url))
    yield reader
    reader.close()


@pytest.fixture
def live(redis: Redis, collector: Any) -> None:
    """A collector and a replica run."""
    collector.store_all()
    redis.hset(LEASE_KEY, mapping={"id": "one", "epoch": SNAPSHOT["epoch"], "cluster": "lab"})
    presence = {"connected_clients": 3, "started": "2026-08-01T12:00:00Z", "version": "0.8.0"}
    redis.hset(replica_key("two"), mapping={**presence, "messages": 1, "deliveries": 1})
    redis.zadd(REPLICAS_KEY, {"two": 1})


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.status", *arguments],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.usefixtures("live")
def test_status_is_live_when_collector_and_replica_run(reader: StatusReader) -> None:
    # when
    status = reader.read()
    # then
    assert (status.live, status.missing) == (True, None)
    assert status.health.status == "healthy"
    assert status.round is not None
    stats = SNAPSHOT["cluster_stats"]
    assert (status.round.nodes_online, status.round.nodes_total) == (stats["online_nodes"], stats["total_nodes"])
    assert (status.round.epoch, status.round.seq) == (SNAPSHOT["epoch"], SNAPSHOT["seq"])
    # and: issues are available as sentences and as codes
    health = json.loads((ROOT / "contract/golden/messages/health.json").read_bytes())
    assert list(status.issues) == health["issues"] != []
    assert list(msgspec.to_builtins(status.issues_coded)) == health["issues_coded"]


def without(key: str) -> Callable[[Redis, Any], object]:
    return lambda redis, _: redis.delete(key)


def storing(age_seconds: float = 0.0, **members: object) -> Callable[[Redis, Any], object]:
    raw = json.dumps({**SNAPSHOT, **members}).encode()
    return lambda _, collector: collector.store(METRICS_CHANNEL, raw, age_seconds)


def gone(redis: Redis, collector: Any) -> None:
    without(LEASE_KEY)(redis, collector)
    storing(age_seconds=60)(redis, collector)


UNKNOWN = [{**node, "status": "unknown", "is_healthy": False} for node in SNAPSHOT["nodes"]]


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (gone, "no collector runs on this Redis"),
        (without(LEASE_KEY), "no collector holds the lease at this moment"),
        (
            without(f"{METRICS_CHANNEL}:latest"),
            f"Nothing is stored under {METRICS_CHANNEL}:latest yet. Check that the coll",
        ),
        (storing(epoch=SNAPSHOT["epoch"] - 1), "the collector has not published yet"),
        (storing(age_seconds=7), "the collector's last publication is 7 s old"),
        (storing(nodes=UNKNOWN), "no node has been scraped yet"),
        (lambda _, collector: collector.store(METRICS_CHANNEL, b"garbage"), f"The value of {METRICS_CHANNEL}"),
        (without(replica_key("two")), "no ws replica runs, so the pages receive no changes"),
    ],
    ids=[
        "no collector",
        "no lease",
        "no snapshot",
        "an earlier run",
        "too old",
        "no scrape yet",
        "garbage",
        "no replica",
    ],
)
def test_status_explains_why_data_are_not_live(
    reader: StatusReader, redis: Redis, collector: Any, change: Callable[..., object], missing: str
) -> None:
    # given
    change(redis, collector)
    # when
    status = reader.read()
    # then
    assert not status.live
    assert status.missing is not None
    assert status.missing.startswith(missing)
    assert status.lines()[0] == f"live: no: {status.missing}"


@pytest.mark.usefixtures("live")
def test_cluster_without_nodes_is_live(reader: StatusReader, collector: Any) -> None:
    # given
    stats = {**SNAPSHOT["cluster_stats"], "online_nodes": 0, "total_nodes": 0}
    storing(nodes=[], cluster_stats=stats)(None, collector)
    # then
    assert reader.read().live


def test_status_reports_a_missing_redis_and_missing_functions(valkey: Valkey, reader: StatusReader) -> None:
    # given
    with valkey.client() as client:
        client.acl_setuser("nobody", enabled=True, nopass=True, keys=["*"], commands=["+@read"])
    limited = StatusReader(Config(redis_url=valkey.url.replace("redis://", "redis://nobody:x@")))
    # then
    assert "may not call functions" in (limited.read().missing or "")
    limited.close()
    # and when
    valkey.stop()
    # then
    assert reader.read().missing == "Redis does not answer"
    valkey.start()


@pytest.mark.usefixtures("live")
def test_waiting_ends_with_live_data_after_the_first_scrape_of_all_nodes(
    reader: StatusReader, collector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    known = [{**node, "status": "online"} for node in SNAPSHOT["nodes"]]
    storing(nodes=[*known[1:], *UNKNOWN[:1]])(None, collector)
    later = threading.Timer(0.5, storing(nodes=known), [None, collector])
    later.start()
    # when
    status = reader.wait(60)
    # then
    later.join()
    assert status.live
    assert status.round is not None
    assert status.round.nodes_unknown == 0
    # but
    storing(nodes=[*known[1:], *UNKNOWN[:1]])(None, collector)
    monkeypatch.setattr("api.status.FIRST_SCRAPE_SECONDS", 0.0)
    assert reader.wait(60).live


def test_command_prints_lines_or_json_and_sets_the_exit_code(
    valkey: Valkey, live: None, redis: Redis, collector: Any
) -> None:
    # when
    result = run(REDIS_URL=valkey.url)
    # then
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "live: yes"
    assert "ws replicas: 1, with 3 connected clients" in lines
    issues = json.loads((ROOT / "contract/golden/messages/health.json").read_bytes())["issues"]
    assert [line for line in lines if line.startswith("problem: ")] == [f"problem: {issue}" for issue in issues]
    # and when
    collector.store(HEALTH_CHANNEL)
    redis.delete(LEASE_KEY)
    result = run("--json", "--wait", "0.3", REDIS_URL=valkey.url)
    # then
    assert result.returncode == 1
    assert (
        msgspec.json.decode(result.stdout, type=LiveDataStatus).missing == "no collector holds the lease at this moment"
    )


def test_command_exits_with_2_and_a_sentence_when_a_setting_is_bad(tmp_path: Path) -> None:
    result = run(REDIS_URL="http://x")
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("REDIS_URL=")
    # and
    assert run("--wait", "soon").returncode == 2
