"""Calls that publish the collector's last message again."""

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

Received = Callable[[], list[tuple[str, bytes, float]]]
ROUTES = [("/api/cluster/nodes", METRICS_CHANNEL), ("/api/health", HEALTH_CHANNEL)]


@pytest.fixture
def second_app(valkey: Valkey) -> Iterator[Flask]:
    """The application of another process, from the point of view of Redis."""
    app = create_app(Config(redis_url=valkey.url))
    yield app
    resources_of(app).connection.close()


@pytest.fixture
def received(app: Flask, listener: Any, request: pytest.FixtureRequest) -> Received:
    """Return all publications, once no publication is pending."""

    def received() -> list[tuple[str, bytes, float]]:
        apps = [app]
        if "second_app" in request.fixturenames:
            apps.append(request.getfixturevalue("second_app"))
        for each in apps:
            resources_of(each).republisher.finish(20)
        heard: list[tuple[str, bytes, float]] = listener.received(0.1)
        return heard

    return received


@pytest.fixture
def resume(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """An event. Postponed publications wait until a test sets it."""
    resume, publish_pending = threading.Event(), Republisher._publish_pending

    def wait_and_publish_pending(republisher: Republisher, channel: str) -> None:
        resume.wait(60)
        publish_pending(republisher, channel)

    monkeypatch.setattr(Republisher, "_publish_pending", wait_and_publish_pending)
    yield resume
    resume.set()


def call_until_postponed(app: Flask) -> int:
    """Call until a publication is postponed. Return the number of calls before, because calls may be slow."""
    calls = 0
    while not resources_of(app).republisher._pending:
        assert calls < 1000
        app.test_client().get("/api/cluster/nodes")
        calls += 1
    return calls - 1


@pytest.mark.parametrize(("path", "channel"), ROUTES)
def test_one_call_publishes_the_stored_bytes_once(
    client: FlaskClient, collector: Any, received: Received, path: str, channel: str
) -> None:
    raw = collector.store(channel)
    assert client.get(path).status_code == 200
    assert [(where, data) for where, data, _ in received()] == [(channel, raw)]


def test_a_call_publishes_when_it_is_answered_with_304(client: FlaskClient, collector: Any, received: Received) -> None:
    collector.store(METRICS_CHANNEL)
    tag = client.head("/api/cluster/nodes").headers["ETag"]
    assert received() == []
    assert client.get("/api/cluster/nodes", headers={"If-None-Match": tag}).status_code == 304
    assert len(received()) == 1


@pytest.mark.parametrize(("path", "channel"), ROUTES)
def test_a_call_publishes_nothing_when_nothing_is_stored(
    client: FlaskClient, received: Received, path: str, channel: str
) -> None:
    client.get(path)
    client.get(path)
    assert received() == []


@pytest.mark.parametrize(
    "path", ["/", "/api/cluster/snapshot", "/api/cluster/nodes/node6.lan", "/api/cluster/overview"]
)
def test_other_routes_publish_nothing_when_they_read(
    client: FlaskClient, collector: Any, received: Received, path: str
) -> None:
    collector.store_all()
    assert client.get(path).status_code == 200
    assert received() == []


def test_two_calls_at_once_publish_twice_a_tenth_of_a_second_apart(
    client: FlaskClient, collector: Any, received: Received
) -> None:
    collector.store(METRICS_CHANNEL)
    began = time.monotonic()
    client.get("/api/cluster/nodes")
    client.get("/api/cluster/nodes")
    _, (_, _, heard_at) = received()
    assert heard_at - began >= 0.1


def test_postponed_calls_to_two_processes_share_one_publication(
    app: Flask, second_app: Flask, collector: Any, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an interval that is longer than any delay of a thread, which would publish once more
    monkeypatch.setattr("contract.scripts.REPUBLISH_INTERVAL_MS", 2000)
    monkeypatch.setattr("api.republish._INTERVAL_SECONDS", 2.0)
    collector.store(METRICS_CHANNEL)
    clients = [app.test_client(), second_app.test_client()]
    began = time.monotonic()
    for caller in (0, 0, 1):
        last_call = time.monotonic()
        clients[caller].get("/api/cluster/nodes")
    assert 2 <= len(received()) <= (last_call - began) / 2.0 + 2


def test_a_burst_to_two_processes_is_limited_and_ends_with_a_publication(
    app: Flask, second_app: Flask, collector: Any, received: Received
) -> None:
    collector.store(METRICS_CHANNEL)
    began = time.monotonic()

    def call(worker: int) -> None:
        client = (app, second_app)[worker % 2].test_client()
        while time.monotonic() < began + 0.6:
            assert client.get("/api/cluster/nodes").status_code == 200

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(call, range(6)))
    # Only a publication after the last call has the last change.
    newest = collector.store(METRICS_CHANNEL, golden("messages/metrics").replace(b"4211", b"4212"))
    assert app.test_client().get("/api/cluster/nodes").status_code == 200
    heard = received()
    _, last, last_heard_at = heard[-1]
    assert 2 <= len(heard) <= 10 * (last_heard_at - began) + 2
    assert last == newest


def test_a_postponed_publication_has_the_newest_stored_message(
    app: Flask, collector: Any, received: Received, resume: threading.Event
) -> None:
    older = collector.store(METRICS_CHANNEL)
    at_once = call_until_postponed(app)
    newer = collector.store(METRICS_CHANNEL, golden("messages/metrics").replace(b"4211", b"4212"))
    resume.set()
    assert [data for _, data, _ in received()] == [older] * at_once + [newer]


def test_a_postponed_publication_is_dropped_when_the_message_is_gone(
    app: Flask, client: FlaskClient, collector: Any, received: Received, resume: threading.Event, redis: Redis
) -> None:
    collector.store(METRICS_CHANNEL)
    at_once = call_until_postponed(app)
    redis.delete(latest_key(METRICS_CHANNEL))
    resume.set()
    assert len(received()) == at_once
    collector.store(METRICS_CHANNEL)
    client.get("/api/cluster/nodes")
    assert len(received()) == 1


def test_channels_are_limited_separately(client: FlaskClient, collector: Any, received: Received) -> None:
    collector.store_all()
    client.get("/api/cluster/nodes")
    client.get("/api/health")
    assert sorted(where for where, _, _ in received()) == [HEALTH_CHANNEL, METRICS_CHANNEL]


def test_nodes_are_answered_when_redis_refuses_to_write(
    client: FlaskClient, collector: Any, redis: Redis, received: Received
) -> None:
    collector.store(METRICS_CHANNEL)
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert client.get("/api/cluster/nodes").status_code == 200
    finally:
        redis.execute_command("REPLICAOF", "NO", "ONE")
