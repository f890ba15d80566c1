"""The route /api/history with the data of a collector in Redis."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from api.tests.conftest import get_json, problem_detail
from api.tests.history_writer import EPOCH, NOW, HistoryWriter, floor
from contract.history import (
    CLUSTER_NODE,
    FOUR_MINUTES,
    HALF_HOUR,
    MEASURES,
    MINUTE,
    RESOLUTIONS,
    TEN_SECONDS,
    Resolution,
)
from contract.names import HISTORY_FIELD, METRICS_CHANNEL, distribution_key, history_key
from runtime.clock import timestamp, unix_seconds


@pytest.fixture
def recorded(redis: Redis, collector: Any) -> HistoryWriter:
    collector.store(METRICS_CHANNEL)
    return HistoryWriter(redis)


def cells(body: dict[str, Any], measure: str = "cpu_usage", kind: str = "avg", series: int = 0) -> dict[int, float]:
    """Return the known cells, by the start of their step in Unix seconds."""
    start = int(unix_seconds(body["start"]))
    values = body["series"][series]["measures"][measure][kind]
    return {start + number * body["step_seconds"]: value for number, value in enumerate(values) if value is not None}


def test_last_hour_of_the_cluster_is_answered_without_parameters(client: FlaskClient, recorded: HistoryWriter) -> None:
    first, second = floor(NOW - 1800, 10), floor(NOW - 10, 10)
    recorded.entry(TEN_SECONDS, first, (10.0, 12.5, 20.0), node=CLUSTER_NODE)
    recorded.entry(TEN_SECONDS, second, 7.0, node=CLUSTER_NODE, load1=0.5)
    response = client.get("/api/history")
    assert response.headers["Cache-Control"] == "no-cache"
    body = response.get_json()
    assert (body["end"], body["step_seconds"]) == ("2026-11-23T09:41:10.000Z", 10)
    assert unix_seconds(body["end"]) - unix_seconds(body["start"]) == 3600
    assert [series["node"] for series in body["series"]] == [None]
    assert list(body["series"][0]["measures"]) == list(MEASURES)
    for values in body["series"][0]["measures"].values():
        assert [len(values[kind]) for kind in ("min", "avg", "max")] == [360, 360, 360]
    assert cells(body, kind="min") == {first: 10.0, second: 7.0}
    assert cells(body) == {first: 12.5, second: 7.0}
    assert cells(body, kind="max") == {first: 20.0, second: 7.0}
    assert cells(body, "load1") == {second: 0.5}
    assert cells(body, "temperature") == {}


def write_distribution(redis: Redis, step: Resolution, start: int, *raws: str, epoch: int = EPOCH) -> None:
    """Write a distribution of the cluster."""
    raw = f"[5,{','.join(raws)}]"
    redis.xadd(distribution_key(step.seconds), {HISTORY_FIELD: raw}, id=f"{start}000-{epoch}")


def test_cluster_history_has_a_distribution_beside_its_averages(
    client: FlaskClient, recorded: HistoryWriter, redis: Redis
) -> None:
    start = floor(NOW - 60, 10)
    for moment in (start, start + 10):
        recorded.entry(TEN_SECONDS, moment, 30.0, node=CLUSTER_NODE)
    # The first step has only averages: an older release recorded it.
    write_distribution(redis, TEN_SECONDS, start + 10, '[1.0,2.5,80,99.5,"=n1"]', "null", "null", '[-5,0.0,5,6,"n2"]')
    body = get_json(
        client, "/api/history?range_seconds=60&measure=temperature&measure=cpu_usage&measure=memory_usage&measure=load1"
    )
    found = body["distribution"]["measures"]
    assert list(found) == ["temperature", "cpu_usage", "memory_usage"]
    number = int(start + 10 - unix_seconds(body["start"])) // 10
    assert {kind: values[number] for kind, values in found["cpu_usage"].items()} == {
        "p10": 1.0, "median": 2.5, "p90": 80.0, "max": 99.5, "max_node": "=n1",
    }  # fmt: skip
    assert [values[number - 1] for values in found["cpu_usage"].values()] == [None] * 5
    assert [values[number] for values in found["temperature"].values()] == [-5.0, 0.0, 5.0, 6.0, "n2"]
    steps = len(body["series"][0]["measures"]["cpu_usage"]["avg"])
    for values in found.values():
        assert [len(column) for column in values.values()] == [steps] * 5
    assert set(found["memory_usage"]["max_node"]) == {None}


def test_longer_step_averages_the_percentiles_and_keeps_the_maximum(
    client: FlaskClient, recorded: HistoryWriter, redis: Redis
) -> None:
    start = floor(NOW - 1200, 120)
    write_distribution(redis, MINUTE, start, '[0,10,20,30,"a"]')
    write_distribution(redis, MINUTE, start + 60, '[4,20,60,50,"b"]', epoch=EPOCH + 1)
    # The current minute has only entries of ten seconds.
    newest = floor(NOW - 10, 10)
    write_distribution(redis, TEN_SECONDS, newest, '[1,2,3,4,"c"]', epoch=EPOCH + 1)
    body = get_json(client, f"/api/history?start={timestamp(start)}&end={timestamp(NOW)}&points=11&measure=cpu_usage")
    assert body["step_seconds"] == 120
    columns = body["distribution"]["measures"]["cpu_usage"].values()
    known = [row for row in zip(*columns, strict=True) if row[0] is not None]
    assert known == [(2.0, 15.0, 40.0, 50.0, "b"), (1.0, 2.0, 3.0, 4.0, "c")]


@pytest.mark.parametrize("query", ["", "node=node6.lan", "measure=load1"])
def test_distribution_is_null_for_steps_without_one(
    client: FlaskClient, recorded: HistoryWriter, redis: Redis, query: str
) -> None:
    if query:
        write_distribution(redis, TEN_SECONDS, floor(NOW - 60, 10), '[1,2,3,4,"a"]')
    assert get_json(client, f"/api/history?{query}")["distribution"] is None


def test_history_is_answered_without_a_distribution_when_its_key_has_another_type(
    client: FlaskClient, recorded: HistoryWriter, redis: Redis
) -> None:
    recorded.entry(TEN_SECONDS, floor(NOW - 60, 10), 30.0, node=CLUSTER_NODE)
    redis.set(distribution_key(10), b"x")
    body = get_json(client, "/api/history?range_seconds=600")
    assert (body["distribution"], list(cells(body).values())) == (None, [30.0])


def test_nodes_are_answered_in_the_requested_order_and_an_unknown_one_is_empty(
    client: FlaskClient, recorded: HistoryWriter
) -> None:
    start = floor(NOW - 60, 10)
    names = [f"n{number}/é ." for number in range(25)]
    for number, name in enumerate(names):
        recorded.entry(TEN_SECONDS, start, float(number), node=name)
    query = "&".join(f"node={name.replace('/', '%2F').replace(' ', '+')}" for name in [*names, "nobody", names[0]])
    body = get_json(client, f"/api/history?{query}&measure=cpu_usage&measure=load1&range_seconds=60")
    assert [series["node"] for series in body["series"]] == [*names, "nobody"]
    assert [list(series["measures"]) for series in body["series"]] == [["cpu_usage", "load1"]] * 26
    assert [cells(body, series=number) for number in range(26)] == [{start: float(n)} for n in range(25)] + [{}]


@pytest.mark.parametrize(
    ("step", "age_seconds"), [(TEN_SECONDS, 20), (MINUTE, 4000), (FOUR_MINUTES, 30_000), (HALF_HOUR, 600_000)]
)
def test_history_is_not_found_when_no_node_is_in_the_snapshot_or_in_history(
    client: FlaskClient, recorded: HistoryWriter, step: Resolution, age_seconds: int
) -> None:
    # Given a node that is no longer a target, with history in one resolution
    recorded.entry(step, floor(NOW - age_seconds, step.seconds), 1.0, node="former")
    for known in ("former", "node6.lan", "nobody&node=former"):
        assert client.get(f"/api/history?node={known}").status_code == 200
    assert r"'no\nbody'" in problem_detail(client.get("/api/history?node=no%0Abody&node=nemo"), 404)
    # Invalid parameters are reported first.
    assert client.get("/api/history?node=nobody&points=1").status_code == 400


def test_history_of_a_node_is_empty_without_a_snapshot(client: FlaskClient) -> None:
    assert cells(get_json(client, "/api/history?node=nobody")) == {}


@pytest.mark.parametrize(
    ("range_seconds", "step"),
    [(900, TEN_SECONDS), (3600, TEN_SECONDS), (21600, MINUTE), (86400, FOUR_MINUTES), (604800, HALF_HOUR)],
)
def test_chart_range_has_a_point_for_each_entry_and_keeps_its_gap(
    client: FlaskClient, recorded: HistoryWriter, range_seconds: int, step: Resolution
) -> None:
    end = floor(NOW, step.seconds)
    begin = floor(NOW - range_seconds, step.seconds) + step.seconds
    gap = floor(begin + (end - begin) // 2, step.seconds)
    recorded.range(step, begin, gap, 10.0)
    recorded.range(step, gap + 3 * step.seconds, end, 20.0)
    body = get_json(client, f"/api/history?node=a&range_seconds={range_seconds}")
    assert body["step_seconds"] == step.seconds
    known = cells(body)
    expected = set(range(begin, end, step.seconds)) - {gap + number * step.seconds for number in range(3)}
    assert set(known) == expected
    assert (known[begin], known[end - step.seconds]) == (10.0, 20.0)


def test_step_merges_entries_of_several_collectors_and_resolutions(
    client: FlaskClient, recorded: HistoryWriter
) -> None:
    start = floor(NOW - 1200, 120)
    recorded.entry(MINUTE, start, (10.0, 20.0, 40.0), samples=10)
    recorded.entry(MINUTE, start, 50.0, samples=5, epoch=EPOCH + 1)
    recorded.entry(MINUTE, start + 60, (5.0, 30.0, 35.0), samples=15, epoch=EPOCH + 1)
    body = get_json(client, f"/api/history?node=a&start={timestamp(start)}&end={timestamp(start + 1200)}&points=10")
    assert body["step_seconds"] == 120
    assert [cells(body, kind=kind) for kind in ("min", "avg", "max")] == [{start: 5.0}, {start: 30.0}, {start: 50.0}]


@pytest.mark.parametrize("range_seconds", [21600, 86400, 604800])
def test_coarse_steps_are_completed_with_finer_entries_without_repetition(
    client: FlaskClient, collector: Any, recorded: HistoryWriter, range_seconds: int
) -> None:
    now = NOW // 1800 * 1800 + 1800 - 90 - 7
    collector.store(METRICS_CHANNEL, timestamp=timestamp(now))
    # A collector that has run for a long time: each resolution is recorded up to the last complete period.
    for step in RESOLUTIONS:
        recorded.range(step, now // 1800 * 1800 - 1800, floor(now, step.seconds), float(step.seconds))
    body = get_json(client, f"/api/history?node=a&range_seconds={range_seconds}")
    base = body["step_seconds"]
    known, newest = cells(body), floor(now, base)
    # The coarsest entry of each period counts.
    assert sorted(known) == list(range(now // 1800 * 1800 - 1800, newest + base, base))
    assert all(value == base for moment, value in known.items() if moment < newest)
    parts = [(60.0, floor(now, 60) - newest), (10.0, floor(now, 10) - floor(now, 60))]
    weight = sum(seconds / value for value, seconds in parts)
    assert known[newest] == round(sum(seconds for _, seconds in parts) / weight, 1)
    assert cells(body, kind="min")[newest] == 10.0


def test_newest_step_has_data_when_it_has_just_begun(client: FlaskClient, recorded: HistoryWriter) -> None:
    recorded.entry(TEN_SECONDS, floor(NOW - 10, 10), 33.0)
    body = get_json(client, "/api/history?node=a&range_seconds=604800&points=20")
    assert body["step_seconds"] == 17 * 1800
    assert list(cells(body).values()) == [33.0]


def test_step_merges_both_parts_when_the_collector_restarted_during_it(
    client: FlaskClient, recorded: HistoryWriter
) -> None:
    start = floor(NOW, 1800)
    # The first collector has written its incomplete periods when it stopped.
    recorded.entry(HALF_HOUR, start, 10.0, samples=150)
    for moment in range(start, start + 300, 60):
        recorded.entry(MINUTE, moment, 10.0, samples=30)
    recorded.entry(MINUTE, start + 600, 30.0, samples=90, epoch=EPOCH + 1)
    recorded.entry(TEN_SECONDS, start + 600, 99.0, samples=5, epoch=EPOCH + 1)
    recorded.entry(TEN_SECONDS, start + 660, 60.0, samples=60, epoch=EPOCH + 1)
    body = get_json(client, "/api/history?node=a&range_seconds=604800")
    assert cells(body) == {start: 26.0}
    assert cells(body, kind="max") == {start: 60.0}


def test_whole_numbers_stay_whole_when_they_are_averaged(client: FlaskClient, recorded: HistoryWriter) -> None:
    start = floor(NOW - 300, 120)
    for number, rate in enumerate((1000, 1001)):
        recorded.entry(MINUTE, start + 60 * number, None, disk_read_bytes_per_second=rate)
    response = client.get("/api/history?node=a&range_seconds=900&points=10&measure=disk_read_bytes_per_second")
    assert b'"avg":[null' in response.data
    assert b"1000.0" not in response.data
    assert list(cells(response.get_json(), "disk_read_bytes_per_second").values()) == [1000]


@pytest.mark.parametrize(("interval", "step"), [(5.0, 10), (6.0, 20), (30.0, 60), (45.0, 120), (600.0, 1200)])
def test_step_is_two_intervals_at_least_when_scraping_is_slow(
    client: FlaskClient, collector: Any, interval: float, step: int
) -> None:
    collector.store(METRICS_CHANNEL, interval_seconds=interval)
    assert get_json(client, "/api/history?")["step_seconds"] == step


def test_past_range_uses_the_finest_stored_resolution(client: FlaskClient, recorded: HistoryWriter) -> None:
    def step(age_seconds: int) -> int:
        end = NOW - age_seconds
        body = get_json(client, f"/api/history?start={timestamp(end - 60)}&end={timestamp(end)}")
        assert unix_seconds(body["start"]) <= end - 60
        assert unix_seconds(body["end"]) >= end
        found: int = body["step_seconds"]
        return found

    assert [step(age) for age in (60, 3500, 3700, 21000, 22000, 80000, 90000, 600000, 700000)] == [
        10, 10, 60, 60, 240, 240, 1800, 1800, 1800,
    ]  # fmt: skip


def test_end_without_start_moves_the_range(client: FlaskClient, recorded: HistoryWriter) -> None:
    body = get_json(client, f"/api/history?end={timestamp(NOW - 7200)}&range_seconds=600")
    assert body["end"] == timestamp(floor(NOW - 7200, 60) + 60)
    assert body["start"] == timestamp(floor(NOW - 7800, 60))


@pytest.mark.parametrize(
    "query",
    [
        "start=1970-01-01T00:00:00Z&points=2", "start=1970-01-01T00:00:00Z&end=1970-01-01T00:00:00.001Z",
        "end=1970-01-01T00:00:10Z", "start=1970-01-01T00:00:00Z&end=2999-12-31T23:59:59Z&points=2",
        "start=2999-12-31T23:59:59Z&end=2999-12-31T23:59:59.9Z", "range_seconds=608400&points=1000",
        "range_seconds=60&points=2",
    ],
)  # fmt: skip
def test_every_range_is_answered_within_its_points(client: FlaskClient, recorded: HistoryWriter, query: str) -> None:
    body = get_json(client, f"/api/history?{query}&node=node6.lan&measure=load1")
    count = len(body["series"][0]["measures"]["load1"]["avg"])
    points = int(query.partition("points=")[2] or 360)
    assert 1 <= count <= points
    length = unix_seconds(body["end"]) - unix_seconds(body["start"])
    assert length == count * body["step_seconds"]


def test_present_is_the_clocks_time_without_a_snapshot(client: FlaskClient, redis: Redis) -> None:
    now = int(time.time())
    HistoryWriter(redis).entry(TEN_SECONDS, floor(now - 20, 10), 12.0)
    body = get_json(client, "/api/history?node=a&range_seconds=600")
    assert list(cells(body).values()) == [12.0]
    assert 0 <= unix_seconds(body["end"]) - now < 600


def test_garbage_entries_are_omitted_and_counted(client: FlaskClient, recorded: HistoryWriter, redis: Redis) -> None:
    start = floor(NOW - 60, 10)
    recorded.entry(TEN_SECONDS, start, 12.0)
    redis.xadd(history_key(10, "a"), {"other": "x"}, id=f"{start + 10}000-1")
    redis.xadd(history_key(10, "a"), {"entry": b"\xff"}, id=f"{start + 20}000-1")
    assert cells(get_json(client, "/api/history?node=a")) == {start: 12.0}
    assert b'api_stored_invalid_total{key="cluster:history"} 2.0' in client.get("/metrics").data
