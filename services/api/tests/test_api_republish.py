"""Calls that have the collector's last message pushed again."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from api.app import create_app
from api.app_resources import resources_of
from api.config import Config
from api.republish import Republisher
from api.tests.conftest import golden
from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL, latest_key
from tests.drivers.valkey import Valkey

Hear = Callable[[], list[tuple[str, bytes, float]]]
ROUTES = [("/api/cluster/nodes", METRICS_CHANNEL), ("/api/health", HEALTH_CHANNEL)]


@pytest.fixture
def second_app(valkey: Valkey) -> Iterator[Flask]:
    """Another process's application, as far as Redis can see."""
    app = create_app(Config(redis_url=valkey.url))
    yield app
    resources_of(app).connection.close()


@pytest.fixture
def hear(app: Flask, listener: Any, request: pytest.FixtureRequest) -> Hear:
    """What was published, once all that was postponed is made good."""

    def hear() -> list[tuple[str, bytes, float]]:
        apps = [app]
        if "second_app" in request.fixturenames:
            apps.append(request.getfixturevalue("second_app"))
        for each in apps:
            resources_of(each).republisher.finish(20)
        heard: list[tuple[str, bytes, float]] = listener.hear(0.1)
        return heard

    return hear


@pytest.fixture
def resume(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Postponed publications are made once it is set."""
    resume, publish_pending = threading.Event(), Republisher._publish_pending

    def wait_and_publish_pending(republisher: Republisher, channel: str) -> None:
        resume.wait(60)
        publish_pending(republisher, channel)

    monkeypatch.setattr(Republisher, "_publish_pending", wait_and_publish_pending)
    yield resume
    resume.set()


def call_until_postponed(app: Flask) -> int:
    """Call until a publication is postponed; return how many were not: a busy machine lets calls be far apart."""
    calls = 0
    while not resources_of(app).republisher._pending:
        assert calls < 1000
        app.test_client().get("/api/cluster/nodes")
        calls += 1
    return calls - 1


@pytest.mark.parametrize(("path", "channel"), ROUTES)
def test_one_call_makes_one_publication_of_the_stored_bytes_when_it_is_alone(
    client: FlaskClient, collector: Any, hear: Hear, path: str, channel: str
) -> None:
    raw = collector.leave(channel)
    assert client.get(path).status_code == 200
    assert [(where, data) for where, data, _ in hear()] == [(channel, raw)]


def test_a_call_publishes_when_it_is_answered_with_304(client: FlaskClient, collector: Any, hear: Hear) -> None:
    collector.leave(METRICS_CHANNEL)
    tag = client.head("/api/cluster/nodes").headers["ETag"]
    assert hear() == []
    assert client.get("/api/cluster/nodes", headers={"If-None-Match": tag}).status_code == 304
    assert len(hear()) == 1


@pytest.mark.parametrize(("path", "channel"), ROUTES)
def test_a_call_publishes_nothing_when_nothing_is_stored(
    client: FlaskClient, hear: Hear, path: str, channel: str
) -> None:
    client.get(path)
    client.get(path)
    assert hear() == []


@pytest.mark.parametrize(
    "path", ["/", "/api/cluster/snapshot", "/api/cluster/nodes/node6.lan", "/api/cluster/overview"]
)
def test_other_routes_publish_nothing_when_they_read(
    client: FlaskClient, collector: Any, hear: Hear, path: str
) -> None:
    collector.leave_all()
    assert client.get(path).status_code == 200
    assert hear() == []


def test_two_calls_make_two_publications_a_tenth_of_a_second_apart_when_they_come_together(
    client: FlaskClient, collector: Any, hear: Hear
) -> None:
    collector.leave(METRICS_CHANNEL)
    began = time.monotonic()
    client.get("/api/cluster/nodes")
    client.get("/api/cluster/nodes")
    _, (_, _, heard_at) = hear()
    assert heard_at - began >= 0.1


def test_postponed_calls_share_one_publication_when_they_came_to_two_processes(
    app: Flask, second_app: Flask, collector: Any, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an interval that no thread oversleeps: one that does publishes once more
    monkeypatch.setattr("contract.scripts.REPUBLISH_INTERVAL_MS", 2000)
    monkeypatch.setattr("api.republish._INTERVAL_SECONDS", 2.0)
    collector.leave(METRICS_CHANNEL)
    clients = [app.test_client(), second_app.test_client()]
    began = time.monotonic()
    for caller in (0, 0, 1):
        last_call = time.monotonic()
        clients[caller].get("/api/cluster/nodes")
    assert 2 <= len(hear()) <= (last_call - began) / 2.0 + 2


def test_a_burst_over_two_processes_is_limited_and_ends_with_a_publication(
    app: Flask, second_app: Flask, collector: Any, hear: Hear
) -> None:
    collector.leave(METRICS_CHANNEL)
    began = time.monotonic()

    def call(worker: int) -> None:
        client = (app, second_app)[worker % 2].test_client()
        while time.monotonic() < began + 0.6:
            assert client.get("/api/cluster/nodes").status_code == 200

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(call, range(6)))
    # What changes just before the last call can only be heard from a publication not before it.
    newest = collector.leave(METRICS_CHANNEL, golden("messages/metrics").replace(b"4211", b"4212"))
    assert app.test_client().get("/api/cluster/nodes").status_code == 200
    heard = hear()
    _, last, last_heard_at = heard[-1]
    assert 2 <= len(heard) <= 10 * (last_heard_at - began) + 2
    assert last == newest


def test_a_postponed_publication_carries_what_is_stored_then_when_a_round_came_between(
    app: Flask, collector: Any, hear: Hear, resume: threading.Event
) -> None:
    former = collector.leave(METRICS_CHANNEL)
    at_once = call_until_postponed(app)
    newer = collector.leave(METRICS_CHANNEL, golden("messages/metrics").replace(b"4211", b"4212"))
    resume.set()
    assert [data for _, data, _ in hear()] == [former] * at_once + [newer]


def test_a_postponed_publication_is_dropped_when_the_message_is_gone(
    app: Flask, client: FlaskClient, collector: Any, hear: Hear, resume: threading.Event, redis: Redis
) -> None:
    collector.leave(METRICS_CHANNEL)
    at_once = call_until_postponed(app)
    redis.delete(latest_key(METRICS_CHANNEL))
    resume.set()
    assert len(hear()) == at_once
    collector.leave(METRICS_CHANNEL)
    client.get("/api/cluster/nodes")
    assert len(hear()) == 1


def test_channels_are_limited_apart_when_both_are_called(client: FlaskClient, collector: Any, hear: Hear) -> None:
    collector.leave_all()
    client.get("/api/cluster/nodes")
    client.get("/api/health")
    assert sorted(where for where, _, _ in hear()) == [HEALTH_CHANNEL, METRICS_CHANNEL]


def test_nodes_are_answered_when_redis_refuses_to_write(
    client: FlaskClient, collector: Any, redis: Redis, hear: Hear
) -> None:
    collector.leave(METRICS_CHANNEL)
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert client.get("/api/cluster/nodes").status_code == 200
    finally:
        redis.execute_command("REPLICAOF", "NO", "ONE")
