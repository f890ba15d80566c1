"""The route /api/history/marks with the data of a collector in Redis."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from api import history_marks, incidents
from api.tests.conftest import get_json, golden_message, problem_detail
from api.tests.history_writer import NOW, HistoryWriter, floor
from contract.history import HALF_HOUR
from contract.names import (
    ALERTS_CHANNEL,
    INCIDENTS_FIELD,
    INCIDENTS_KEY,
    METRICS_CHANNEL,
    NODE_EVENTS_FIELD,
    NODE_EVENTS_KEY,
    NODE_EVENTS_SINCE_FIELD,
)
from runtime.clock import timestamp, unix_seconds
from tests.drivers.valkey import Valkey

SINCE = "2026-11-01T07:00:00.000Z"
#: Start of the default range.
START = NOW - 86_400


class MarksWriter:
    """Writes ended incidents and node events like a collector, in the order of time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._count = 0
        self._example = golden_message("incident")

    def begin(self, since: str = SINCE) -> None:
        self._add(NODE_EVENTS_KEY, {NODE_EVENTS_SINCE_FIELD: since})

    def event(self, kind: str, at: float, node: str = "node6.lan", since: str = SINCE) -> None:
        event = {"node": node, "at": timestamp(at), "kind": kind}
        self._add(NODE_EVENTS_KEY, {NODE_EVENTS_FIELD: json.dumps(event), NODE_EVENTS_SINCE_FIELD: since})

    def incident(self, began: float, ended: float, node: str = "node6.lan") -> None:
        own = {"id": f"x/{node}@{began}", "node": node, "began": timestamp(began), "ended": timestamp(ended)}
        self._add(INCIDENTS_KEY, {INCIDENTS_FIELD: json.dumps(self._example | own)})

    def _add(self, key: str, fields: dict[Any, Any]) -> None:
        self._count += 1
        self._redis.xadd(key, fields, id=f"1795426867-{self._count}")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small limits, so that a test needs few records."""
    monkeypatch.setattr(history_marks, "MARKS_LIMIT", 50)
    monkeypatch.setattr(history_marks, "RECORDS_PER_READ", 20)
    monkeypatch.setattr(incidents, "RECORDS_PER_READ", 20)


@pytest.fixture
def recorded(redis: Redis, collector: Any) -> MarksWriter:
    collector.store(METRICS_CHANNEL)
    return MarksWriter(redis)


def marks(body: dict[str, Any]) -> list[tuple[str, str, float]]:
    """Return kind, node and age of each mark."""
    return [(mark["kind"], mark["node"], round(NOW - unix_seconds(mark["at"]))) for mark in body["marks"]]


def test_alerts_and_node_events_are_answered_in_the_order_of_time(
    client: FlaskClient, recorded: MarksWriter, collector: Any
) -> None:
    recorded.begin()
    recorded.event("offline", NOW - 500)
    recorded.event("online", NOW - 300)
    recorded.event("reboot", NOW - 320)
    recorded.incident(NOW - 450, NOW - 310)
    collector.store(ALERTS_CHANNEL)

    body = get_json(client, "/api/history/marks")

    assert (body["end"], body["known_since"], body["is_complete"]) == ("2026-11-23T09:41:07.120Z", SINCE, True)
    assert unix_seconds(body["end"]) - unix_seconds(body["start"]) == 86_400
    kinds = ["offline", "alert_began", "reboot", "alert_ended", "online", "alert_began"]
    assert [kind for kind, _, _ in marks(body)] == kinds
    assert body["marks"][0] == {
        "node": "node6.lan", "at": timestamp(NOW - 500), "kind": "offline",
        "rule": None, "severity": None, "message": None, "code": None, "args": {},
    }  # fmt: skip
    ended = body["marks"][3]
    example = golden_message("incident")
    assert {key: ended[key] for key in ("rule", "severity", "message", "code", "args")} == {
        key: example[key] for key in ("rule", "severity", "message", "code", "args")
    }
    # The alert that still fires
    assert (body["marks"][5]["node"], body["marks"][5]["rule"]) == ("pi-é.lan:9200", "node_down")


def test_marks_are_of_the_requested_nodes_and_range(client: FlaskClient, recorded: MarksWriter) -> None:
    recorded.event("offline", NOW - 7000)
    for node in ("node6.lan", "node7.lan", "x"):
        recorded.event("offline", NOW - 500, node)
        recorded.incident(NOW - 8000, NOW - 400, node)
    recorded.incident(NOW - 8000, NOW - 7500)

    def found(query: str) -> list[tuple[str, str, float]]:
        return marks(get_json(client, f"/api/history/marks?{query}"))

    hour = [("offline", "node6.lan", 500), ("alert_ended", "node6.lan", 400)]
    assert found("range_seconds=3600&node=node6.lan") == hour
    assert len(found("range_seconds=3600&node=node6.lan&node=node7.lan")) == 4
    assert len(found("range_seconds=3600")) == 6
    past = f"start={timestamp(NOW - 8000)}&end={timestamp(NOW - 7000)}&node=node6.lan"
    assert found(past) == [("alert_began", "node6.lan", 8000), ("alert_began", "node6.lan", 8000),
                           ("alert_ended", "node6.lan", 7500)]  # fmt: skip


def test_only_alerts_are_known_when_the_collector_records_no_node_events(
    client: FlaskClient, recorded: MarksWriter
) -> None:
    recorded.incident(NOW - 450, NOW - 310)
    body = get_json(client, "/api/history/marks")
    assert (len(body["marks"]), body["known_since"], body["is_complete"]) == (2, None, True)


def test_only_alerts_are_known_when_the_acl_of_redis_is_of_an_older_release(
    client: FlaskClient, recorded: MarksWriter, redis: Redis
) -> None:
    recorded.event("offline", NOW - 500)
    recorded.incident(NOW - 450, NOW - 310)
    keys = ("%R~cluster:metrics:latest", "%R~cluster:alerts:latest", "%R~cluster:incidents", "%R~cluster:history:*")
    redis.execute_command("ACL SETUSER", "default", "resetkeys", *keys)
    try:
        body = get_json(client, "/api/history/marks?node=node6.lan")
    finally:
        redis.execute_command("ACL SETUSER", "default", "allkeys")
        redis.execute_command("ACL LOG RESET")
    assert ([mark["kind"] for mark in body["marks"]], body["known_since"]) == (["alert_began", "alert_ended"], None)


def test_known_since_is_the_start_of_the_newest_entry_or_the_oldest_event(
    client: FlaskClient, recorded: MarksWriter, redis: Redis
) -> None:
    def known_since() -> str | None:
        found: str | None = get_json(client, "/api/history/marks")["known_since"]
        return found

    recorded.begin()
    assert known_since() == SINCE
    recorded.event("offline", NOW - 5000)
    later = timestamp(NOW - 900)
    recorded.begin(later)
    recorded.event("online", NOW - 500, since=later)
    assert known_since() == later
    # When the stream drops its oldest entries
    redis.xtrim(NODE_EVENTS_KEY, maxlen=1, approximate=False)
    assert known_since() == timestamp(NOW - 500)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", ["events", "incidents"])
def test_newest_marks_are_answered_when_there_are_more(client: FlaskClient, recorded: MarksWriter, kind: str) -> None:
    count = 70
    for number in range(count):
        at = NOW - 2 * (count - number)
        if kind == "events":
            recorded.event("offline" if number % 2 else "online", at)
        else:
            # Each incident begins before the previous one.
            recorded.incident(NOW - 10_000 - number, at)
    body = get_json(client, "/api/history/marks")
    assert (len(body["marks"]), body["is_complete"]) == (50, False)
    ages = [age for _, _, age in marks(body)]
    assert ages == sorted(ages, reverse=True)
    assert (ages[-1], ages[0]) == (2, 100)


@pytest.mark.usefixtures("small")
def test_all_pages_of_events_and_incidents_are_read(client: FlaskClient, recorded: MarksWriter) -> None:
    # Given marks of one node among those of another, over several reads
    recorded.event("offline", NOW - 5000)
    recorded.incident(NOW - 5000, NOW - 4900)
    for number in range(45):
        recorded.event("online", NOW - 2000 + number, "x")
        recorded.incident(NOW - 2000 + number, NOW - 1999 + number, "x")
    expected = [("offline", "node6.lan", 5000), ("alert_began", "node6.lan", 5000), ("alert_ended", "node6.lan", 4900)]
    assert marks(get_json(client, "/api/history/marks?node=node6.lan")) == expected


@pytest.mark.usefixtures("small")
def test_reading_ends_at_the_start_of_the_range(client: FlaskClient, recorded: MarksWriter, redis: Redis) -> None:
    for number in range(100):
        recorded.event("offline", START - 20_000 + number / 1000)
    recorded.event("online", NOW - 100)
    redis.config_resetstat()
    assert len(marks(get_json(client, "/api/history/marks"))) == 1
    # Two reads of events, with the oldest event each, and two of incidents
    assert redis.info("commandstats")["cmdstat_xrevrange"]["calls"] <= 4


def test_garbage_events_and_later_kinds_are_omitted_and_counted(
    client: FlaskClient, recorded: MarksWriter, redis: Redis
) -> None:
    recorded.event("offline", NOW - 100)
    recorded.event("suspended", NOW - 90)
    broken = json.dumps({"node": "a", "at": "2026-99-99T00:00:00Z", "kind": "online"})
    for number, raw in enumerate((b"\xff", broken)):
        redis.xadd(NODE_EVENTS_KEY, {NODE_EVENTS_FIELD: raw}, id=f"1795426868-{number + 1}")
    assert marks(get_json(client, "/api/history/marks")) == [("offline", "node6.lan", 100)]
    assert b'api_stored_invalid_total{key="cluster:node-events"} 3.0' in client.get("/metrics").data


def test_marks_are_not_found_when_no_node_is_known(client: FlaskClient, recorded: MarksWriter, redis: Redis) -> None:
    HistoryWriter(redis).entry(HALF_HOUR, floor(NOW - 600_000, 1800), 1.0, node="former")
    for known in ("former", "node6.lan", "nobody&node=former"):
        assert client.get(f"/api/history/marks?node={known}").status_code == 200
    assert "'nobody'" in problem_detail(client.get("/api/history/marks?node=nobody&node=nemo"), 404)


@pytest.mark.parametrize("query", ["", "?node=node6.lan"])
def test_marks_are_unavailable_when_redis_is_away(
    client: FlaskClient, recorded: MarksWriter, collector: Any, valkey: Valkey, query: str
) -> None:
    # Given data that the api remembers
    collector.store(ALERTS_CHANNEL)
    for path in ("/api/history/marks", "/api/incidents"):
        assert client.get(path).status_code == 200
    valkey.stop()
    response = client.get(f"/api/history/marks{query}")
    assert (response.status_code, int(response.headers["Retry-After"]) > 0) == (503, True)
