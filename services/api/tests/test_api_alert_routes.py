"""The routes under /api/alerts."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from api.tests.conftest import golden_message, problem_detail
from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY, ALERTS_CHANNEL, RULES_KEY


@pytest.fixture
def log(redis: Redis) -> list[str]:
    """Store a log of 150 entries in two epochs; return their ids."""
    entry = golden_message("log_entry")
    ids = [f"{epoch}-{n}" for epoch in (1795426867, 1795426900) for n in range(1, 76)]
    for entry_id in ids:
        redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: json.dumps(entry | {"id": entry_id, "é": "new"})}, id=entry_id)
    return ids


def ids_of(page: dict[str, Any]) -> list[str]:
    return [entry["id"] for entry in page["entries"]]


@pytest.mark.parametrize(("path", "channel"), [("/api/alerts", ALERTS_CHANNEL), ("/api/rules", RULES_KEY)])
def test_alerts_and_rules_are_answered_unchanged_when_stored(
    client: FlaskClient, collector: Any, path: str, channel: str
) -> None:
    raw = collector.store(channel, age_seconds=12)
    response = client.get(path)
    assert response.data == raw
    assert 12 <= int(response.headers["Age"]) < 72
    assert client.get(path, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_rules_answer_a_problem_when_they_are_unreadable(client: FlaskClient, collector: Any) -> None:
    collector.store(RULES_KEY, b"{}")
    assert "cannot be read" in problem_detail(client.get("/api/rules"), 503)


def test_log_answers_the_newest_hundred_oldest_first_without_parameters(client: FlaskClient, log: list[str]) -> None:
    response = client.get("/api/alerts/log")
    page = response.get_json()
    assert ids_of(page) == log[-100:]
    assert page["last_alert_id"] == log[-1]
    assert page["entries"][0]["é"] == "new"
    assert "Age" not in response.headers


def test_log_is_answered_completely_and_once_when_a_client_follows_its_positions(
    client: FlaskClient, log: list[str]
) -> None:
    seen: list[str] = []
    position = "0-0"
    for _ in range(5):
        page = client.get(f"/api/alerts/log?after={position}&limit=40").get_json()
        seen += ids_of(page)
        position = page["last_alert_id"]
    assert seen == log
    assert page == {"entries": [], "last_alert_id": log[-1]}


def test_alerts_and_log_keep_unknown_fields_of_a_newer_collector(
    client: FlaskClient, collector: Any, redis: Redis
) -> None:
    entry = golden_message("log_entry")
    silenced = entry | {"transition": "silenced", "silence": {"id": "s1"}}
    alerts = golden_message("alerts")
    about = {"about": {"kind": "group"}}
    raw = json.dumps(alerts | {"active_alerts": [alerts["active_alerts"][0] | about], "entries": [silenced]}).encode()
    redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: json.dumps(silenced)}, id=entry["id"])
    collector.store(ALERTS_CHANNEL, raw)

    assert client.get("/api/alerts").data == raw
    assert client.get("/api/alerts/log").get_json()["entries"] == [silenced]


def test_log_is_empty_when_nothing_was_logged(client: FlaskClient) -> None:
    assert client.get("/api/alerts/log").get_json() == {"entries": [], "last_alert_id": None}


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("149", 149), ("1000", 150), ("0001", 1)])
def test_log_answers_at_most_the_limit(client: FlaskClient, log: list[str], limit: str, count: int) -> None:
    assert ids_of(client.get(f"/api/alerts/log?limit={limit}").get_json()) == log[-count:]


def test_log_omits_and_counts_entries_that_are_garbage(client: FlaskClient, redis: Redis, log: list[str]) -> None:
    redis.xadd(ALERT_LOG_KEY, {"other": "x"}, id="1795426901-1")
    redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: b'{"id":"\xff"}'}, id="1795426901-2")
    page = client.get("/api/alerts/log?limit=3").get_json()
    assert ids_of(page) == log[-1:]
    assert page["last_alert_id"] == "1795426901-2"
    assert b'api_stored_invalid_total{key="cluster:alerts:log"} 2.0' in client.get("/metrics").data
