"""The route /api/history/moment with the data of a collector in Redis."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from api.history_moment import step_at
from api.tests.conftest import get_json, golden_message, problem_detail
from api.tests.history_writer import EPOCH, NOW, HistoryWriter, floor
from contract.history import CLUSTER_NODE, FOUR_MINUTES, HALF_HOUR, MEASURES, MINUTE, RESOLUTIONS, TEN_SECONDS
from contract.history import Resolution as R
from contract.names import HISTORY_FIELD, METRICS_CHANNEL, history_key
from runtime.clock import timestamp, unix_seconds


@pytest.fixture
def recorded(redis: Redis, collector: Any) -> HistoryWriter:
    """A writer of history, and a snapshot with the nodes a to c."""
    snapshot = golden_message("metrics")
    nodes = [snapshot["nodes"][0] | {"node": name, "address": f"{name}:9100"} for name in "abc"]
    collector.store(METRICS_CHANNEL, snapshot | {"nodes": nodes})
    return HistoryWriter(redis)


@pytest.mark.parametrize(
    ("age_seconds", "step"), [(600, TEN_SECONDS), (5000, MINUTE), (50_000, FOUR_MINUTES), (500_000, HALF_HOUR)]
)
def test_moment_has_the_averages_of_the_finest_kept_step(
    client: FlaskClient, recorded: HistoryWriter, age_seconds: int, step: R
) -> None:
    at = NOW - age_seconds
    for resolution in RESOLUTIONS:
        for shift in (-1, 0, 1):
            recorded.entry(resolution, floor(at, resolution.seconds) + shift * resolution.seconds, 90.0 + shift)
    start = floor(at, step.seconds)
    recorded.entry(step, start, (1.0, 2.5, 70.0), node="c", load1=0.5)

    body = get_json(client, f"/api/history/moment?at={timestamp(at)}")

    assert (body["at"], body["step_seconds"]) == (timestamp(start), step.seconds)
    assert [node["node"] for node in body["nodes"]] == ["a", "c"]
    assert [list(node["measures"]) for node in body["nodes"]] == [list(MEASURES)] * 2
    assert body["nodes"][0]["measures"] == dict.fromkeys(MEASURES) | {"cpu_usage": 90.0}
    assert body["nodes"][1]["measures"] == dict.fromkeys(MEASURES) | {"cpu_usage": 2.5, "load1": 0.5}


def test_entries_of_two_collectors_in_one_step_are_merged(client: FlaskClient, recorded: HistoryWriter) -> None:
    start = floor(NOW - 5000, 60)
    recorded.entry(MINUTE, start, 10.0, samples=20)
    recorded.entry(MINUTE, start, 40.0, samples=10, epoch=EPOCH + 1)
    [node] = get_json(client, f"/api/history/moment?at={timestamp(start + 59)}")["nodes"]
    assert node["measures"]["cpu_usage"] == 20.0


@pytest.mark.parametrize("query", ["", f"?at={timestamp(NOW)}", f"?at={timestamp(NOW + 5)}"])
def test_present_is_the_newest_complete_step(client: FlaskClient, recorded: HistoryWriter, query: str) -> None:
    # The golden snapshot is of second 7, and the step before may not be written yet.
    body = get_json(client, f"/api/history/moment{query}")
    assert (unix_seconds(body["at"]), body["step_seconds"]) == (floor(NOW, 10) - 10, 10)


def test_time_after_the_last_snapshot_is_empty(client: FlaskClient, recorded: HistoryWriter, collector: Any) -> None:
    # Given a collector that stopped twenty minutes ago
    now = int(time.time())
    collector.store(METRICS_CHANNEL, timestamp=timestamp(now - 1200))
    recorded.entry(TEN_SECONDS, floor(now - 1220, 10), 1.0, node="node6.lan")
    body = get_json(client, f"/api/history/moment?at={timestamp(now - 300)}")
    assert (body["at"], body["nodes"]) == (timestamp(floor(now - 300, 10)), [])


@pytest.mark.parametrize(("interval", "step"), [(5.0, 10), (6.0, 60), (30.0, 60), (45.0, 240), (600.0, 1800)])
def test_step_covers_two_intervals_when_scraping_is_slow(interval: float, step: int) -> None:
    assert step_at(1000 * (NOW - 600), 1000 * NOW, interval).resolution.seconds == step


@pytest.mark.parametrize("seconds", [61, 3600, 10**9])
def test_future_is_refused(client: FlaskClient, recorded: HistoryWriter, seconds: int) -> None:
    at = timestamp(max(time.time(), NOW) + seconds)
    assert "in the past" in problem_detail(client.get(f"/api/history/moment?at={at}"), 400)


def test_moment_before_history_is_empty_and_tells_since_when_it_is_known(
    client: FlaskClient, recorded: HistoryWriter
) -> None:
    assert get_json(client, "/api/history/moment")["known_since"] is None
    oldest = floor(NOW - 7000, 60)
    recorded.entry(MINUTE, oldest, 1.0, node=CLUSTER_NODE)
    recorded.entry(TEN_SECONDS, floor(NOW - 3000, 10), 1.0, node=CLUSTER_NODE)
    body = get_json(client, "/api/history/moment?at=2020-01-01T00:00:00Z")
    assert (body["nodes"], body["known_since"]) == ([], timestamp(oldest))
    # Entries that are too old go in blocks.
    recorded.entry(HALF_HOUR, floor(NOW - 8 * 86_400, 1800), 1.0, node=CLUSTER_NODE)
    assert unix_seconds(get_json(client, "/api/history/moment")["known_since"]) == pytest.approx(
        NOW - 7 * 86_400, abs=1
    )


def test_garbage_entries_are_omitted_and_counted(client: FlaskClient, recorded: HistoryWriter, redis: Redis) -> None:
    start = floor(NOW - 600, 10)
    redis.xadd(history_key(10, "a"), {HISTORY_FIELD: b"\xff"}, id=f"{start}000-1")
    redis.xadd(history_key(10, "a"), {"other": b"x"}, id=f"{start}000-2")
    recorded.entry(TEN_SECONDS, start, 3.0, node="b")
    assert [node["node"] for node in get_json(client, f"/api/history/moment?at={timestamp(start)}")["nodes"]] == ["b"]
    assert b'api_stored_invalid_total{key="cluster:history"} 2.0' in client.get("/metrics").data


def test_all_nodes_are_read_in_one_round_trip(client: FlaskClient, recorded: HistoryWriter, redis: Redis) -> None:
    redis.config_resetstat()
    get_json(client, "/api/history/moment")
    stats = redis.info("commandstats")
    # Three nodes, and the cluster at each resolution
    assert stats["cmdstat_xrange"]["calls"] == 3 + len(RESOLUTIONS)
