"""The route /api/history/top with the data of a collector in Redis."""

import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from api import history_top
from api.history_top import Rankings, TopQuery
from api.tests.conftest import get_json, golden_message
from api.tests.history_writer import EPOCH, NOW, HistoryWriter, floor
from contract.history import FOUR_MINUTES, HALF_HOUR, MINUTE, TEN_SECONDS, Resolution
from contract.names import HISTORY_FIELD, METRICS_CHANNEL, history_key
from runtime.clock import timestamp, unix_seconds
from tests.drivers.valkey import Valkey


@pytest.fixture
def recorded(redis: Redis, collector: Any) -> HistoryWriter:
    """A writer of history, and a snapshot with the nodes a to d."""
    snapshot = golden_message("metrics")
    nodes = [snapshot["nodes"][0] | {"node": name, "address": f"{name}:9100"} for name in "abcd"]
    collector.store(METRICS_CHANNEL, snapshot | {"nodes": nodes})
    return HistoryWriter(redis)


def ranked(body: dict[str, Any]) -> list[tuple[str, float]]:
    return [(node["node"], node["value"]) for node in body["nodes"]]


def test_nodes_are_ranked_by_their_average_over_a_day(client: FlaskClient, recorded: HistoryWriter) -> None:
    last = floor(NOW, 1800) - 1800
    recorded.entry(HALF_HOUR, last - 1800, (10.0, 20.0, 90.0), node="a", samples=300)
    recorded.entry(HALF_HOUR, last, 50.0, node="a", samples=600)
    recorded.entry(HALF_HOUR, last - 86_400, 99.0, node="b")
    recorded.entry(HALF_HOUR, last, 45.0, node="b")
    recorded.entry(HALF_HOUR, last, None, node="c", load1=1.0)

    response = client.get("/api/history/top")

    assert (response.headers["Cache-Control"], "Age" in response.headers) == ("no-cache", False)
    assert response.get_json() == {
        "measure": "cpu_usage",
        "by": "avg",
        "start": "2026-11-22T09:30:00.000Z",
        "end": "2026-11-23T10:00:00.000Z",
        "computed_at": "2026-11-23T09:41:07.120Z",
        "nodes": [{"node": "b", "value": 45.0, "at": None}, {"node": "a", "value": 40.0, "at": None}],
    }


def test_nodes_are_ranked_by_their_maximum_with_its_time(client: FlaskClient, recorded: HistoryWriter) -> None:
    last = floor(NOW, 1800) - 1800
    for start, cpu in ((last - 3600, (1.0, 2.0, 80.0)), (last - 1800, 80.0), (last, 5.0)):
        recorded.entry(HALF_HOUR, start, cpu, node="a")
    recorded.entry(HALF_HOUR, last, 80.0, node="d")
    recorded.entry(HALF_HOUR, last, (1.0, 2.0, 81.5), node="c")
    body = get_json(client, "/api/history/top?by=max&measure=cpu_usage")
    assert body["nodes"] == [
        {"node": "c", "value": 81.5, "at": timestamp(last)},
        # The first of equal maxima; equal nodes by name
        {"node": "a", "value": 80.0, "at": timestamp(last - 3600)},
        {"node": "d", "value": 80.0, "at": timestamp(last)},
    ]
    assert ranked(get_json(client, "/api/history/top?by=max&limit=1")) == [("c", 81.5)]


@pytest.mark.parametrize(("measure", "value"), [("load1", 0.33), ("disk_read_bytes_per_second", 667), ("iowait", 0.7)])
def test_average_is_rounded_like_the_measure(
    client: FlaskClient, recorded: HistoryWriter, measure: str, value: float
) -> None:
    last = floor(NOW, 1800) - 1800
    low, high = {"load1": (0.0, 1.0), "disk_read_bytes_per_second": (0, 2000), "iowait": (0.0, 2.0)}[measure]
    for number in range(3):
        recorded.entry(HALF_HOUR, last + 1800 * (number - 2), 1.0, **{measure: low if number else high})
    assert ranked(get_json(client, f"/api/history/top?measure={measure}")) == [("a", value)]


@pytest.mark.parametrize(
    ("range_seconds", "age_seconds", "step"),
    [
        (60, 0, TEN_SECONDS), (600, 0, TEN_SECONDS), (601, 0, MINUTE), (3600, 0, MINUTE), (3601, 0, FOUR_MINUTES),
        (14_400, 0, FOUR_MINUTES), (14_401, 0, HALF_HOUR), (604_800, 0, HALF_HOUR),
        # Old data have only coarse steps.
        (600, 7200, MINUTE), (3600, 30_000, FOUR_MINUTES), (600, 90_000, HALF_HOUR),
    ],
)  # fmt: skip
def test_resolution_is_fine_for_short_ranges_and_coarse_for_old_ones(
    client: FlaskClient, recorded: HistoryWriter, range_seconds: int, age_seconds: int, step: Resolution
) -> None:
    end = NOW - age_seconds
    start = floor(end - range_seconds // 2, step.seconds)
    recorded.entry(step, start, 7.0)
    query = f"range_seconds={range_seconds}&end={timestamp(end)}&by=max"
    body = get_json(client, f"/api/history/top?{query}")
    assert body["nodes"] == [{"node": "a", "value": 7.0, "at": timestamp(start)}]
    begin, until = unix_seconds(body["start"]), unix_seconds(body["end"])
    assert (begin, until) == (floor(end - range_seconds, step.seconds), -(-end // step.seconds) * step.seconds)


def test_finer_entries_fill_the_step_that_is_not_stored_yet(client: FlaskClient, recorded: HistoryWriter) -> None:
    current = floor(NOW, 1800)
    # Given a stored step with its finer entries, and another collector's finer entries in that step
    recorded.entry(HALF_HOUR, current - 1800, 10.0, samples=10)
    recorded.range(MINUTE, current - 1800, current, 90.0)
    recorded.range(MINUTE, current, floor(NOW, 60), 20.0)
    body = get_json(client, "/api/history/top")
    minutes = (floor(NOW, 60) - current) // 60
    assert ranked(body) == [("a", round((10 * 10.0 + minutes * 5 * 20.0) / (10 + minutes * 5), 1))]
    assert get_json(client, "/api/history/top?by=max")["nodes"][0]["at"] == timestamp(current)


def test_finer_entries_of_another_collector_count_in_a_stored_step(
    client: FlaskClient, recorded: HistoryWriter
) -> None:
    # Given a collector that stored a part of the current step, and its successor
    current = floor(NOW, 1800)
    recorded.range(MINUTE, current, current + 300, 99.0)
    recorded.entry(HALF_HOUR, current, 10.0, samples=25)
    recorded.entry(MINUTE, current + 300, 40.0, samples=25, epoch=EPOCH + 1)
    assert ranked(get_json(client, "/api/history/top")) == [("a", 25.0)]


@pytest.mark.parametrize(
    "query", ["end=2026-11-23T09:00:00Z", "start=1970-01-01T00:00:00Z", "end=1970-01-01T00:00:10Z"]
)
def test_every_range_is_answered(client: FlaskClient, recorded: HistoryWriter, query: str) -> None:
    recorded.range(HALF_HOUR, floor(NOW, 1800) - 3600, floor(NOW, 1800), 4.0)
    body = get_json(client, f"/api/history/top?{query}")
    assert ranked(body) == ([] if "end=1970" in query else [("a", 4.0)])


def test_table_has_a_row_for_each_node(client: FlaskClient, recorded: HistoryWriter) -> None:
    last = floor(NOW, 1800) - 1800
    recorded.entry(HALF_HOUR, last, 1.5)
    recorded.entry(HALF_HOUR, last, 2.5, node="b")
    response = client.get("/api/history/top?format=csv&by=max&limit=1")
    assert response.mimetype == "text/csv"
    assert response.text == f"node,value,at\r\nb,2.5,{timestamp(last)}\r\n"
    assert client.get("/api/history/top?format=csv").text == "node,value,at\r\nb,2.5,\r\na,1.5,\r\n"


def test_garbage_entries_are_omitted_and_counted(client: FlaskClient, recorded: HistoryWriter, redis: Redis) -> None:
    last = floor(NOW, 1800) - 1800
    recorded.entry(HALF_HOUR, last - 1800, 8.0)
    for number, raw in enumerate((b"\xff", b"[0,1]", b'[5,"x"]', b"{}")):
        redis.xadd(history_key(1800, "a"), {HISTORY_FIELD: raw}, id=f"{last}000-{number + 1}")
    assert ranked(get_json(client, "/api/history/top")) == [("a", 8.0)]
    assert b'api_stored_invalid_total{key="cluster:history"} 4.0' in client.get("/metrics").data


def test_ranking_is_kept_for_a_while_for_each_query(
    app: Flask, client: FlaskClient, recorded: HistoryWriter, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = floor(NOW, 1800) - 1800
    recorded.entry(HALF_HOUR, last, 1.0)
    assert ranked(get_json(client, "/api/history/top")) == [("a", 1.0)]
    recorded.entry(HALF_HOUR, last, 9.0, node="b")
    redis.config_resetstat()
    response = client.get("/api/history/top?range_seconds=86399&limit=5")
    assert (ranked(response.get_json()), response.headers["Age"]) == ([("a", 1.0)], "0")
    assert "cmdstat_xrange" not in redis.info("commandstats")
    # Another measure, value or range is another ranking.
    for query in ("by=max", "range_seconds=172800", "end=2026-11-23T09:30:00Z"):
        assert len(get_json(client, f"/api/history/top?{query}")["nodes"]) == 2
    monkeypatch.setattr(history_top, "CACHE_SECONDS", 0.0)
    assert len(get_json(client, "/api/history/top")["nodes"]) == 2


def test_cached_ranking_is_answered_when_redis_is_away(
    client: FlaskClient, recorded: HistoryWriter, valkey: Valkey
) -> None:
    recorded.entry(HALF_HOUR, floor(NOW, 1800) - 1800, 1.0)
    body = get_json(client, "/api/history/top")
    valkey.stop()
    assert get_json(client, "/api/history/top") == body
    response = client.get("/api/history/top?by=max")
    assert (response.status_code, int(response.headers["Retry-After"]) > 0) == (503, True)


class SlowStreams:
    """Answers each query with no entries once ``go`` is set, and notes how many queries run at the same time."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.queries = self.running = self.most_running = 0

    def ask(self, query: object) -> list[list[object]]:
        self.queries += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.begun.release()
        assert self.go.wait(30)
        self.running -= 1
        return [[]]


def test_one_ranking_is_computed_at_a_time_and_shared_by_those_who_wait() -> None:
    streams = SlowStreams()
    rankings = Rankings(streams)  # type: ignore[arg-type]
    queries = [TopQuery("cpu_usage", "avg", HALF_HOUR, 0, 1_800_000 * number) for number in (1, 1, 1, 1, 2)]
    ages: list[float | None] = []
    threads = [
        threading.Thread(target=lambda query=query: ages.append(rankings.get(query, ["a"], 10**12)[1]))
        for query in queries
    ]
    for thread in threads:
        thread.start()
    assert streams.begun.acquire(timeout=30)
    streams.go.set()
    for thread in threads:
        thread.join(30)
    assert (streams.queries, streams.most_running) == (2, 1)
    # Two requests computed a ranking.
    assert ages.count(None) == 2
    assert all(age is None or age == 0.0 for age in ages)


def test_few_rankings_are_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = SlowStreams()
    streams.go.set()
    rankings = Rankings(streams)  # type: ignore[arg-type]
    monkeypatch.setattr(history_top, "CACHE_LENGTH", 3)
    queries = [TopQuery("cpu_usage", "avg", HALF_HOUR, 0, 1_800_000 * number) for number in range(1, 8)]
    for query in queries:
        rankings.get(query, ["a"], 10**12)
    ages = [rankings.get(query, ["a"], 10**12)[1] for query in reversed(queries)]
    assert [age is not None for age in ages[:4]] == [True, True, True, False]


def test_ranking_is_read_in_pieces(
    client: FlaskClient, recorded: HistoryWriter, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for node in "abcd":
        recorded.entry(HALF_HOUR, floor(NOW, 1800) - 1800, 1.0, node=node)
    monkeypatch.setattr(history_top, "ENTRIES_PER_READ", 100)
    sizes: list[int] = []
    read = Rankings._read

    def note(self: Rankings, query: TopQuery, nodes: Any, now_ms: int) -> Any:
        sizes.append(len(nodes))
        return read(self, query, nodes, now_ms)

    monkeypatch.setattr(Rankings, "_read", note)
    assert len(get_json(client, "/api/history/top")["nodes"]) == 4
    assert sizes == [2, 2]
