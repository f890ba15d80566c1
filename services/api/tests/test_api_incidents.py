"""The route /api/incidents with the data of a collector in Redis."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from api.incidents import RECORDS_PER_PAGE, RECORDS_PER_READ
from api.tests.conftest import get_json, golden, golden_message
from contract.names import ALERTS_CHANNEL, INCIDENTS_FIELD, INCIDENTS_KEY, INCIDENTS_SINCE_FIELD, METRICS_CHANNEL
from runtime.clock import timestamp, unix_seconds
from tests.drivers.valkey import Valkey

#: Time of the golden snapshot, rounded down to a second.
NOW = int(unix_seconds("2026-11-23T09:41:07Z"))
SINCE = "2026-11-01T07:00:00.000Z"
#: The firing alert of the golden message.
FIRING = "node_down/pi-é.lan:9200@2026-11-23T09:40:01.500Z"


class IncidentWriter:
    """Writes records like a collector."""

    def __init__(self, redis: Redis, example: dict[str, Any]) -> None:
        self._redis = redis
        self._example = example
        self._count = 0
        self._since: str | None = None
        self.tells_since = True

    def begin(self, since: str = SINCE) -> None:
        """Write the start of recording: at first, or after a gap."""
        self._count += 1
        self._redis.xadd(INCIDENTS_KEY, {INCIDENTS_SINCE_FIELD: since}, id=f"1795426867-{self._count}")
        self._since = since

    def incident(self, ended: float = NOW, node: str = "n", **fields: Any) -> str:
        """Write an incident and return its id."""
        self._count += 1
        began = timestamp(ended - 60 - self._count)
        incident_id = f"node_down/{node}@{began}"
        own = {"id": incident_id, "node": node, "began": began, "ended": timestamp(ended)}
        raw = json.dumps(self._example | own | fields)
        entry = {INCIDENTS_FIELD: raw} | (
            {INCIDENTS_SINCE_FIELD: self._since} if self._since and self.tells_since else {}
        )
        self._redis.xadd(INCIDENTS_KEY, entry, id=f"1795426867-{self._count}")
        return str(fields.get("id", incident_id))


@pytest.fixture
def recorded(redis: Redis, collector: Any) -> IncidentWriter:
    collector.store(METRICS_CHANNEL)
    return IncidentWriter(redis, golden_message("incident"))


def ids(body: dict[str, Any]) -> list[str]:
    return [incident["id"] for incident in body["incidents"]]


def test_ongoing_incidents_come_first_and_ended_ones_newest_first(
    client: FlaskClient, collector: Any, recorded: IncidentWriter
) -> None:
    recorded.begin()
    old, new = recorded.incident(NOW - 500), recorded.incident(NOW - 100, rack={"a": 1})
    collector.store(ALERTS_CHANNEL)

    body = get_json(client, "/api/incidents")

    assert ids(body) == [FIRING, new, old]
    first, second, _ = body["incidents"]
    assert (first["ended"], first["peak"], first["severity"]) == (None, None, "critical")
    assert (second["ended"], second["rack"]) == (timestamp(NOW - 100), {"a": 1})
    assert (body["known_since"], body["next"]) == (SINCE, None)


def test_incidents_are_empty_and_known_since_is_null_without_records(client: FlaskClient) -> None:
    assert get_json(client, "/api/incidents") == {"incidents": [], "known_since": None, "next": None}


def test_known_since_is_the_oldest_record_when_older_ones_were_dropped(
    client: FlaskClient, recorded: IncidentWriter
) -> None:
    recorded.incident(NOW - 500)
    recorded.incident(NOW - 100)
    assert get_json(client, "/api/incidents?limit=1")["known_since"] == timestamp(NOW - 500)


def test_known_since_is_the_first_entry_when_the_newest_has_no_start(
    client: FlaskClient, recorded: IncidentWriter
) -> None:
    recorded.begin()
    recorded.tells_since = False
    recorded.incident()
    assert get_json(client, "/api/incidents")["known_since"] == SINCE


def test_known_since_is_the_end_of_the_last_gap(client: FlaskClient, recorded: IncidentWriter) -> None:
    recorded.begin()
    before = [recorded.incident(NOW - 800 + number) for number in range(RECORDS_PER_READ)]
    later = timestamp(NOW - 200)
    recorded.begin(later)
    assert get_json(client, "/api/incidents")["known_since"] == later
    after = [recorded.incident(NOW - 100 + number) for number in range(3)]

    first = get_json(client, f"/api/incidents?limit={RECORDS_PER_READ}")
    second = get_json(client, f"/api/incidents?after={first['next']}")

    # Incidents from before the gap are answered too
    assert ids(first) + ids(second) == [*reversed(after), *reversed(before)]
    assert (first["known_since"], second["known_since"], second["next"]) == (later, later, None)


def test_known_since_is_the_oldest_record_when_the_gap_is_older(
    client: FlaskClient, recorded: IncidentWriter, redis: Redis
) -> None:
    recorded.begin()
    for number in (500, 100):
        recorded.incident(NOW - number)
    redis.xtrim(INCIDENTS_KEY, maxlen=1, approximate=False)
    assert get_json(client, "/api/incidents")["known_since"] == timestamp(NOW - 100)


@pytest.mark.parametrize("markers", [1, RECORDS_PER_READ + 1])
def test_pages_end_when_the_stream_has_only_gaps(client: FlaskClient, recorded: IncidentWriter, markers: int) -> None:
    for number in range(markers):
        recorded.begin(timestamp(NOW + number))
    body = get_json(client, "/api/incidents")
    assert (body["incidents"], body["known_since"]) == ([], timestamp(NOW + markers - 1))
    assert body["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("node=a", "a"), ("node=a&node=b", "ab"), ("rule=memory", "b"), ("severity=info", "c"),
        ("severity=info&severity=critical", "cd"), ("node=a&rule=memory", ""), ("hours=1", "cd"), ("hours=2", "bcd"),
        ("hours=1&severity=info", "c"), ("", "abcd"),
    ],
)  # fmt: skip
def test_filters_select_incidents(client: FlaskClient, recorded: IncidentWriter, query: str, expected: str) -> None:
    recorded.incident(NOW - 90_000, "a")
    recorded.incident(NOW - 5000, "b", rule="memory")
    recorded.incident(NOW - 3000, "c", severity="info")
    recorded.incident(NOW - 10, "d", severity="critical")
    assert (
        "".join(incident["node"] for incident in reversed(get_json(client, f"/api/incidents?{query}")["incidents"]))
        == expected
    )


def test_filters_apply_to_ongoing_incidents(client: FlaskClient, collector: Any, recorded: IncidentWriter) -> None:
    collector.store(ALERTS_CHANNEL)
    assert ids(get_json(client, "/api/incidents?rule=node_down&severity=critical&hours=1&node=pi-%C3%A9.lan:9200")) == [
        FIRING
    ]
    for query in ("rule=memory", "severity=warning", "node=x"):
        assert ids(get_json(client, f"/api/incidents?{query}")) == []


def test_every_incident_is_answered_once_when_a_client_follows_the_pages(
    client: FlaskClient, collector: Any, recorded: IncidentWriter
) -> None:
    # Given more records than one read returns
    recorded.begin()
    written = [recorded.incident(NOW - 10_000 + number) for number in range(RECORDS_PER_READ + 130)]
    collector.store(ALERTS_CHANNEL)
    seen: list[str] = []
    after = ""
    for _ in range(7):
        body = get_json(client, f"/api/incidents?limit=90{after}")
        seen += ids(body)
        after = f"&after={body['next']}"
        # An incident that ends in the meantime is on no later page.
        recorded.incident(NOW, "late")
    assert body["next"] is None
    assert seen == [FIRING, *reversed(written)]


def test_page_ends_early_with_a_next_position_when_few_records_match(
    client: FlaskClient, recorded: IncidentWriter, redis: Redis
) -> None:
    wanted = recorded.incident(NOW - 50, "wanted")
    raw = golden("messages/incident")
    pipeline = redis.pipeline()
    for number in range(2, RECORDS_PER_PAGE + 700):
        pipeline.xadd(INCIDENTS_KEY, {INCIDENTS_FIELD: raw}, id=f"1795426867-{number}")
    pipeline.execute()
    first = get_json(client, "/api/incidents?node=wanted")
    assert ids(first) == []
    second = get_json(client, f"/api/incidents?node=wanted&after={first['next']}")
    assert (ids(second), second["next"]) == ([wanted], None)


def test_page_is_the_last_when_all_older_incidents_are_out_of_range(
    client: FlaskClient, recorded: IncidentWriter, redis: Redis
) -> None:
    for _ in range(3 * RECORDS_PER_READ):
        recorded.incident(NOW - 90_000)
    new = recorded.incident(NOW - 10)
    redis.config_resetstat()
    body = get_json(client, "/api/incidents?hours=24")
    assert (ids(body), body["next"]) == ([new], None)
    # The page is read to its end, and the next page has no incident of this range but a known_since.
    assert redis.info("commandstats")["cmdstat_xrevrange"]["calls"] == 3
    assert len(ids(get_json(client, "/api/incidents?hours=26&limit=1000"))) == 1000


def test_incident_is_answered_once_when_it_ended_between_two_reads(
    client: FlaskClient, collector: Any, recorded: IncidentWriter
) -> None:
    collector.store(ALERTS_CHANNEL)
    recorded.incident(NOW, id=FIRING)
    [incident] = get_json(client, "/api/incidents")["incidents"]
    assert (incident["id"], incident["ended"]) == (FIRING, timestamp(NOW))


def test_ongoing_incidents_keep_the_codes_of_the_collector(
    client: FlaskClient, collector: Any, recorded: IncidentWriter
) -> None:
    alerts = golden_message("alerts")
    for alert in alerts["active_alerts"]:
        alert |= {"code": "x", "args": {"n": {"code": "y", "args": {}}}, "peak": 7.5}
    collector.store(ALERTS_CHANNEL, alerts)
    [incident] = get_json(client, "/api/incidents")["incidents"]
    assert (incident["code"], incident["args"], incident["peak"]) == ("x", {"n": {"code": "y", "args": {}}}, 7.5)


def test_garbage_records_are_omitted_and_counted(client: FlaskClient, recorded: IncidentWriter, redis: Redis) -> None:
    one = recorded.incident()
    redis.xadd(INCIDENTS_KEY, {INCIDENTS_FIELD: b"\xff"}, id="1795426868-1")
    redis.xadd(INCIDENTS_KEY, {"other": b"x"}, id="1795426868-2")
    assert ids(get_json(client, "/api/incidents")) == [one]
    assert b'api_stored_invalid_total{key="cluster:incidents"} 2.0' in client.get("/metrics").data


@pytest.mark.parametrize("path", ["/api/incidents", "/api/rules"])
def test_problem_names_the_acl_rules_when_they_are_of_an_older_release(
    client: FlaskClient, redis: Redis, path: str
) -> None:
    redis.execute_command("ACL SETUSER", "default", "resetkeys", "~cluster:metrics:latest")
    try:
        detail = client.get(path).get_json()["detail"]
    finally:
        redis.execute_command("ACL SETUSER", "default", "allkeys")
    assert detail.endswith("Give the Redis users of the api and the collector the ACL rules of this release.")


def test_newest_incidents_come_from_memory_when_redis_is_away(
    client: FlaskClient, collector: Any, recorded: IncidentWriter, valkey: Valkey
) -> None:
    recorded.begin()
    written = [recorded.incident(NOW - number) for number in range(RECORDS_PER_READ + 20)]
    collector.store(ALERTS_CHANNEL)
    get_json(client, "/api/incidents")
    valkey.stop()

    response = client.get("/api/incidents?limit=1000")
    body = response.get_json()
    assert ids(body) == [FIRING, *reversed(written[20:])]
    assert int(response.headers["Age"]) >= 0
    # The table would be incomplete, so it is refused.
    assert body["next"] is not None
    assert client.get(f"/api/incidents?after={body['next']}").status_code == 503


@pytest.mark.parametrize("position", ["0-0", "000-00", "0-1", "1-0"])
def test_page_is_empty_and_last_when_no_record_is_older(
    client: FlaskClient, recorded: IncidentWriter, position: str
) -> None:
    recorded.begin()
    recorded.incident()
    assert get_json(client, f"/api/incidents?after={position}") == {"incidents": [], "known_since": SINCE, "next": None}
