"""The routes under /api/alerts."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_client
from flask.testing import FlaskClient

from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY, ALERTS_CHANNEL, RULES_KEY

Golden = Callable[[str], bytes]


@pytest.fixture
def log(redis: redis_client.Redis, golden_example: Golden) -> list[str]:
    """A log of 150 entries in two epochs; their ids."""
    entry = json.loads(golden_example("messages/log_entry"))
    ids = [f"{epoch}-{n}" for epoch in (1795426867, 1795426900) for n in range(1, 76)]
    for entry_id in ids:
        redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: json.dumps(entry | {"id": entry_id, "é": "new"})}, id=entry_id)
    return ids


def ids_of(page: dict[str, Any]) -> list[str]:
    return [entry["id"] for entry in page["entries"]]


def test_alerts_are_the_stored_bytes_when_the_collector_left_them(client: FlaskClient, collector: Any) -> None:
    raw = collector.leave(ALERTS_CHANNEL, age_seconds=12)
    response = client.get("/api/alerts")
    assert response.data == raw
    assert 12 <= int(response.headers["Age"]) < 72
    assert client.get("/api/alerts", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_rules_are_the_stored_bytes_when_a_collector_left_them(client: FlaskClient, collector: Any) -> None:
    raw = collector.leave(RULES_KEY, age_seconds=12)
    response = client.get("/api/rules")
    assert response.data == raw
    assert 12 <= int(response.headers["Age"]) < 72
    assert client.get("/api/rules", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(("raw", "told"), [(None, "Nothing is stored under cluster:rules"), (b"{}", "cannot be read")])
def test_rules_are_a_problem_when_the_collector_left_none_that_can_be_read(
    client: FlaskClient, collector: Any, raw: bytes | None, told: str
) -> None:
    if raw is not None:
        collector.leave(RULES_KEY, raw)
    response = client.get("/api/rules")
    assert response.status_code == 503
    assert told in response.get_json()["detail"]


def test_log_answers_the_newest_hundred_oldest_first_when_nothing_is_asked(client: FlaskClient, log: list[str]) -> None:
    response = client.get("/api/alerts/log")
    page = response.get_json()
    assert ids_of(page) == log[-100:]
    assert page["last_alert_id"] == log[-1]
    assert page["entries"][0]["é"] == "new"
    assert "Age" not in response.headers


def test_log_is_read_whole_and_once_when_a_client_follows_its_positions(client: FlaskClient, log: list[str]) -> None:
    seen: list[str] = []
    position = "0-0"
    for _ in range(5):
        page = client.get(f"/api/alerts/log?after={position}&limit=40").get_json()
        seen += ids_of(page)
        position = page["last_alert_id"]
    assert seen == log
    assert page == {"entries": [], "last_alert_id": log[-1]}


def test_alerts_and_log_are_answered_as_written_when_a_newer_collector_says_more(
    client: FlaskClient, collector: Any, golden_example: Golden, redis: redis_client.Redis
) -> None:
    entry = json.loads(golden_example("messages/log_entry"))
    silenced = entry | {"transition": "silenced", "silence": {"id": "s1"}}
    alerts = json.loads(golden_example("messages/alerts"))
    subject = {"subject": {"kind": "group"}}
    raw = json.dumps(alerts | {"active_alerts": [alerts["active_alerts"][0] | subject], "entries": [silenced]}).encode()
    redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: json.dumps(silenced)}, id=entry["id"])
    collector.leave(ALERTS_CHANNEL, raw)

    assert client.get("/api/alerts").data == raw
    assert client.get("/api/alerts/log").get_json()["entries"] == [silenced]


def test_log_is_empty_when_nothing_was_logged(client: FlaskClient) -> None:
    assert client.get("/api/alerts/log").get_json() == {"entries": [], "last_alert_id": None}


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("149", 149), ("1000", 150), ("0001", 1)])
def test_log_answers_so_many_entries_when_a_limit_is_given(
    client: FlaskClient, log: list[str], limit: str, count: int
) -> None:
    assert ids_of(client.get(f"/api/alerts/log?limit={limit}").get_json()) == log[-count:]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(
            ("limit", value)
            for value in ("0", "-1", "1001", "", "ten", "1.5", "1e2", "%EF%BC%91", "9" * 5000, "1_0", "%00")
        ),
        *(("after", value) for value in ("", "x", "1", "1-", "-1", "1-1-1", "1-1%0A", "%FF", "(1-1", "-", "+", "$")),
        ("after", "1-" + "9" * 16),
        ("after", "%D9%A1-1"),
    ],
)
def test_log_names_the_parameter_when_its_value_is_bad(client: FlaskClient, parameter: str, value: str) -> None:
    response = client.get(f"/api/alerts/log?{parameter}={value}")
    assert response.status_code == 400
    assert response.mimetype == "application/problem+json"
    assert f"'{parameter}'" in response.get_json()["detail"]


def test_log_leaves_out_and_counts_when_an_entry_is_garbage(
    client: FlaskClient, redis: redis_client.Redis, log: list[str]
) -> None:
    redis.xadd(ALERT_LOG_KEY, {"other": "x"}, id="1795426901-1")
    redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: b'{"id":"\xff"}'}, id="1795426901-2")
    page = client.get("/api/alerts/log?limit=3").get_json()
    assert ids_of(page) == log[-1:]
    assert page["last_alert_id"] == "1795426901-2"
    assert b'api_stored_invalid_total{key="cluster:alerts:log"} 2.0' in client.get("/metrics").data


def test_log_is_a_problem_when_the_key_holds_no_stream(client: FlaskClient, redis: redis_client.Redis) -> None:
    redis.set(ALERT_LOG_KEY, b"x")
    response = client.get("/api/alerts/log")
    assert response.status_code == 503
    assert "WRONGTYPE" in response.get_json()["detail"]
