"""While Redis is away: answers from memory with their age, without delay, and a fast recovery."""

import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from api.app_resources import resources_of
from api.config import Config
from api.tests.conftest import golden
from contract.library import LIBRARY
from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY
from tests.drivers.redis_users import load_functions, url_of, users
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import Deadline, eventually

PATHS = [
    "/api/cluster/nodes",
    "/api/cluster/nodes/node6.lan",
    "/api/cluster/snapshot",
    "/api/cluster/overview",
    "/api/cluster/health",
    "/api/alerts",
    "/api/alerts/log",
    "/api/alerts/log?after=1795426867-6",
]


@pytest.fixture
def all_left(collector: Any, redis: Any) -> None:
    collector.store_all()
    for n in (6, 7, 8):
        entry = golden("messages/log_entry").replace(b"1795426867-7", b"1795426867-%d" % n)
        redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: entry}, id=f"1795426867-{n}")


@pytest.mark.usefixtures("all_left")
def test_routes_answer_remembered_data_with_its_age_when_redis_is_away(client: FlaskClient, valkey: Valkey) -> None:
    before = {path: client.get(path) for path in PATHS}
    valkey.stop()
    for path in PATHS:
        response = client.get(path)
        assert (response.status_code, response.data) == (200, before[path].data), path
        assert int(response.headers["Age"]) >= 0
        assert response.headers.get("ETag") == before[path].headers.get("ETag")


@pytest.mark.usefixtures("all_left")
def test_log_answers_a_problem_when_memory_lacks_the_position(client: FlaskClient, valkey: Valkey) -> None:
    client.get("/api/alerts/log?limit=2")
    valkey.stop()
    assert client.get("/api/alerts/log?after=1795426867-6").status_code == 503
    page = client.get("/api/alerts/log?after=1795426867-7").get_json()
    assert [entry["id"] for entry in page["entries"]] == ["1795426867-8"]


@pytest.mark.usefixtures("all_left")
def test_requests_wait_for_a_hanging_redis_at_most_once_a_second(client: FlaskClient, valkey: Valkey) -> None:
    client.get("/api/cluster/snapshot")
    valkey.pause()
    try:
        began = time.monotonic()
        client.get("/api/cluster/snapshot")
        waited = time.monotonic() - began
        deadline = Deadline(10)
        for _ in range(100):
            assert client.get("/api/cluster/nodes").status_code == 200
        # A hundred waits of a second each would take a hundred seconds. A few attempts in between are correct.
        assert not deadline.has_passed
        assert waited >= 0.5
    finally:
        valkey.resume()
    eventually(lambda: client.get("/api/health").get_json()["redis"]["status"] == "up")


@pytest.mark.usefixtures("all_left")
def test_routes_read_redis_again_after_it_returned_empty(client: FlaskClient, valkey: Valkey) -> None:
    assert client.get("/api/cluster/snapshot").status_code == 200
    valkey.stop()
    assert client.get("/api/cluster/snapshot").status_code == 200
    valkey.start()
    eventually(lambda: client.get("/api/cluster/snapshot").status_code == 503)
    assert "collector" in client.get("/api/cluster/snapshot").get_json()["detail"]


@pytest.mark.usefixtures("all_left")
def test_ready_process_answers_its_first_requests_while_redis_is_paused(
    app: Flask, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.redis_connection.UP_SECONDS", 600.0)
    client, watch = app.test_client(), resources_of(app).redis_check
    watch.start()
    try:
        eventually(lambda: client.get("/readyz").data == b"ready\nredis: up\n")
        eventually(lambda: resources_of(app).connection.has_functions)
        valkey.pause()
        for path in PATHS[:6]:
            assert client.get(path).status_code == 200, path
    finally:
        valkey.resume()
        watch.stop()


def test_readiness_follows_redis_without_requests(app: Flask, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.redis_connection.UP_SECONDS", 0.2)
    monkeypatch.setattr("api.redis_connection.DOWN_SECONDS", 0.2)
    client = app.test_client()
    valkey.stop()
    watch = resources_of(app).redis_check
    watch.start()
    try:
        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").data == b"live\n"
        valkey.start()
        eventually(lambda: client.get("/readyz").data == b"ready\nredis: up\n")
        valkey.stop()
        eventually(lambda: client.get("/readyz").data.startswith(b"ready\nredis: down since 20"))
        assert client.get("/readyz").status_code == 200
        valkey.start()
        eventually(lambda: client.get("/readyz").data == b"ready\nredis: up\n")
    finally:
        watch.stop()


@pytest.mark.usefixtures("all_left")
def test_api_reads_data_and_readiness_reports_missing_functions_until_they_are_loaded(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("api.redis_connection.DOWN_SECONDS", 0.1)
    monkeypatch.setattr("api.redis_connection.UP_SECONDS", 600.0)
    with users(valkey):
        # given
        app = create_app(Config(redis_url=url_of(valkey, "api")))
        client, watch = app.test_client(), resources_of(app).redis_check
        watch.start()
        try:
            # then the health check finds out without requests, and routes without functions work
            missing = b"ready\nredis: up\nfunctions: Redis lacks the function "
            eventually(lambda: client.get("/readyz").data.startswith(missing))
            for path in PATHS:
                assert client.get(path).status_code == 200, path
            assert caplog.text.count("Functions in a Redis of your own") == 1
            # when
            load_functions(valkey, LIBRARY)
            # then
            eventually(lambda: client.get("/readyz").data == b"ready\nredis: up\n")
        finally:
            watch.stop()
            resources_of(app).connection.close()
