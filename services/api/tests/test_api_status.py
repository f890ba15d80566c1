"""``python -m api.status``: whether live data flow, read from what collector and replicas leave in Redis."""

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
    """A collector and a replica are at work."""
    collector.leave_all()
    redis.hset(LEASE_KEY, mapping={"id": "one", "epoch": SNAPSHOT["epoch"], "cluster": "lab"})
    presence = {"connected_clients": 3, "started": "2026-08-01T12:00:00Z", "version": "0.6.0"}
    redis.hset(replica_key("two"), mapping={**presence, "messages": 1, "deliveries": 1})
    redis.zadd(REPLICAS_KEY, {"two": 1})


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.status", *arguments],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.usefixtures("live")
def test_status_is_live_when_collector_and_replica_are_at_work(reader: StatusReader) -> None:
    # when
    status = reader.read()
    # then
    assert (status.live, status.missing) == (True, None)
    assert status.health.status == "healthy"
    assert status.round is not None
    stats = SNAPSHOT["cluster_stats"]
    assert (status.round.nodes_online, status.round.nodes_total) == (stats["online_nodes"], stats["total_nodes"])
    assert (status.round.epoch, status.round.seq) == (SNAPSHOT["epoch"], SNAPSHOT["seq"])
    # and: problems come as sentences and as codes
    health = json.loads((ROOT / "contract/golden/messages/health.json").read_bytes())
    assert list(status.issues) == health["issues"] != []
    assert list(msgspec.to_builtins(status.issues_coded)) == health["issues_coded"]


def without(key: str) -> Callable[[Redis, Any], object]:
    return lambda redis, _: redis.delete(key)


def leaving(age_seconds: float = 0.0, **members: object) -> Callable[[Redis, Any], object]:
    raw = json.dumps({**SNAPSHOT, **members}).encode()
    return lambda _, collector: collector.leave(METRICS_CHANNEL, raw, age_seconds)


def gone(redis: Redis, collector: Any) -> None:
    without(LEASE_KEY)(redis, collector)
    leaving(age_seconds=60)(redis, collector)


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
        (leaving(epoch=SNAPSHOT["epoch"] - 1), "the collector has not published yet"),
        (leaving(age_seconds=7), "the collector's last publication is 7 s old"),
        (leaving(nodes=UNKNOWN), "no node has been scraped yet"),
        (lambda _, collector: collector.leave(METRICS_CHANNEL, b"garbage"), f"The value of {METRICS_CHANNEL}"),
        (without(replica_key("two")), "no ws replica runs, so the pages receive no changes"),
    ],
    ids=[
        "no collector",
        "no lease",
        "no snapshot",
        "an earlier run",
        "too old",
        "no look yet",
        "garbage",
        "no replica",
    ],
)
def test_status_says_what_live_data_wait_for(
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
    leaving(nodes=[], cluster_stats=stats)(None, collector)
    # then
    assert reader.read().live


def test_status_says_that_redis_does_not_answer_or_lacks_the_functions(valkey: Valkey, reader: StatusReader) -> None:
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
def test_waiting_ends_with_live_data_and_gives_all_nodes_the_time_of_a_first_look(
    reader: StatusReader, collector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    known = [{**node, "status": "online"} for node in SNAPSHOT["nodes"]]
    leaving(nodes=[*known[1:], *UNKNOWN[:1]])(None, collector)
    later = threading.Timer(0.5, leaving(nodes=known), [None, collector])
    later.start()
    # when
    status = reader.wait(60)
    # then
    later.join()
    assert status.live
    assert status.round is not None
    assert status.round.nodes_unknown == 0
    # but
    leaving(nodes=[*known[1:], *UNKNOWN[:1]])(None, collector)
    monkeypatch.setattr("api.status.FIRST_SCRAPE_SECONDS", 0.0)
    assert reader.wait(60).live


def test_command_says_a_line_a_fact_or_json_and_ends_with_what_that_means(
    valkey: Valkey, live: None, redis: Redis, collector: Any
) -> None:
    # when
    said = run(REDIS_URL=valkey.url)
    # then
    assert (said.returncode, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    assert lines[0] == "live: yes"
    assert "ws replicas: 1, with 3 connected clients" in lines
    issues = json.loads((ROOT / "contract/golden/messages/health.json").read_bytes())["issues"]
    assert [line for line in lines if line.startswith("problem: ")] == [f"problem: {issue}" for issue in issues]
    # and when
    collector.leave(HEALTH_CHANNEL)
    redis.delete(LEASE_KEY)
    said = run("--json", "--wait", "0.3", REDIS_URL=valkey.url)
    # then
    assert said.returncode == 1
    assert (
        msgspec.json.decode(said.stdout, type=LiveDataStatus).missing == "no collector holds the lease at this moment"
    )


def test_command_ends_with_2_and_a_sentence_when_a_setting_is_bad(tmp_path: Path) -> None:
    said = run(REDIS_URL="http://x")
    assert (said.returncode, said.stdout) == (2, "")
    (line,) = said.stderr.splitlines()
    assert line.startswith("REDIS_URL=")
    # and
    assert run("--wait", "soon").returncode == 2
