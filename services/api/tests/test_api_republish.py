"""Calls that have the collector's last message pushed again."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis as redis_client
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from api.config import Config
from api.parts import parts_of
from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL, latest_key
from tests.drivers.valkey import Valkey

ROUTES = [("/api/cluster/nodes", METRICS_CHANNEL), ("/api/health", HEALTH_CHANNEL)]


@pytest.fixture
def second_app(valkey: Valkey) -> Iterator[Flask]:
    """Another process's application, as far as Redis can see."""
    app = create_app(Config(redis_url=valkey.url))
    yield app
    parts_of(app).link.close()


@pytest.mark.parametrize(("path", "channel"), ROUTES)
def test_one_call_makes_one_publication_of_the_stored_bytes_when_it_is_alone(
    client: FlaskClient, collector: Any, listener: Any, path: str, channel: str
) -> None:
    raw = collector.leave(channel)
    assert client.get(path).status_code == 200
    assert [(where, data) for where, data, _ in listener.hear()] == [(channel, raw)]


def test_a_call_publishes_when_it_is_answered_with_304(client: FlaskClient, collector: Any, listener: Any) -> None:
    collector.leave(METRICS_CHANNEL)
    tag = client.head("/api/cluster/nodes").headers["ETag"]
    assert listener.hear() == []
    assert client.get("/api/cluster/nodes", headers={"If-None-Match": tag}).status_code == 304
    assert len(listener.hear()) == 1


@pytest.mark.parametrize(("path", "channel"), ROUTES)
def test_a_call_publishes_nothing_when_nothing_is_stored(
    client: FlaskClient, listener: Any, path: str, channel: str
) -> None:
    client.get(path)
    client.get(path)
    assert listener.hear() == []


@pytest.mark.parametrize(
    "path", ["/", "/api/cluster/snapshot", "/api/cluster/nodes/node6.lan", "/api/cluster/overview"]
)
def test_other_routes_publish_nothing_when_they_read(
    client: FlaskClient, collector: Any, listener: Any, path: str
) -> None:
    collector.leave_all()
    assert client.get(path).status_code == 200
    assert listener.hear() == []


def test_two_calls_make_two_publications_a_tenth_of_a_second_apart_when_they_come_together(
    client: FlaskClient, collector: Any, listener: Any
) -> None:
    collector.leave(METRICS_CHANNEL)
    began = time.monotonic()
    client.get("/api/cluster/nodes")
    client.get("/api/cluster/nodes")
    _, (_, _, heard_at) = listener.hear()
    assert heard_at - began >= 0.1


def test_postponed_calls_share_one_publication_when_they_came_to_two_processes(
    app: Flask, second_app: Flask, collector: Any, listener: Any
) -> None:
    collector.leave(METRICS_CHANNEL)
    clients = [app.test_client(), second_app.test_client()]
    began = time.monotonic()
    for caller in (0, 0, 1):
        last_call = time.monotonic()
        clients[caller].get("/api/cluster/nodes")
    assert 2 <= len(listener.hear()) <= 10 * (last_call - began) + 2


def test_a_burst_over_two_processes_is_limited_and_ends_with_a_publication(
    app: Flask, second_app: Flask, collector: Any, listener: Any, golden_example: Any
) -> None:
    collector.leave(METRICS_CHANNEL)
    began = time.monotonic()

    def call(worker: int) -> None:
        client = (app, second_app)[worker % 2].test_client()
        while time.monotonic() < began + 1.5:
            assert client.get("/api/cluster/nodes").status_code == 200

    threads = [threading.Thread(target=call, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # What changes just before the last call can only be heard from a publication not before it.
    newest = collector.leave(METRICS_CHANNEL, golden_example("messages/metrics").replace(b"4211", b"4212"))
    last_call = time.monotonic()
    assert app.test_client().get("/api/cluster/nodes").status_code == 200
    heard = [data for _, data, _ in listener.hear()]
    assert 2 <= len(heard) <= 10 * (last_call - began) + 2
    assert heard[-1] == newest


def test_a_postponed_publication_carries_what_is_stored_then_when_a_round_came_between(
    client: FlaskClient, collector: Any, listener: Any, golden_example: Any
) -> None:
    collector.leave(METRICS_CHANNEL)
    client.get("/api/cluster/nodes")
    client.get("/api/cluster/nodes")
    newer = collector.leave(METRICS_CHANNEL, golden_example("messages/metrics").replace(b"4211", b"4212"))
    heard = listener.hear()
    assert len(heard) == 2
    assert heard[-1][1] == newer


def test_a_postponed_publication_is_dropped_when_the_message_is_gone(
    app: Flask, client: FlaskClient, collector: Any, listener: Any, redis: redis_client.Redis
) -> None:
    collector.leave(METRICS_CHANNEL)
    client.get("/api/cluster/nodes")
    client.get("/api/cluster/nodes")
    redis.delete(latest_key(METRICS_CHANNEL))
    parts_of(app).republisher.finish(10)
    assert len(listener.hear()) == 1
    collector.leave(METRICS_CHANNEL)
    client.get("/api/cluster/nodes")
    assert len(listener.hear()) == 1


def test_channels_are_limited_apart_when_both_are_called(client: FlaskClient, collector: Any, listener: Any) -> None:
    collector.leave_all()
    client.get("/api/cluster/nodes")
    client.get("/api/health")
    assert sorted(where for where, _, _ in listener.hear()) == [HEALTH_CHANNEL, METRICS_CHANNEL]


def test_calls_go_on_publishing_when_redis_lost_its_scripts(
    client: FlaskClient, collector: Any, listener: Any, redis: redis_client.Redis
) -> None:
    collector.leave(METRICS_CHANNEL)
    client.get("/api/cluster/nodes")
    redis.script_flush()
    listener.hear()
    client.get("/api/cluster/nodes")
    assert len(listener.hear()) == 1


def test_nodes_are_answered_when_redis_refuses_to_write(
    client: FlaskClient, collector: Any, redis: redis_client.Redis, listener: Any
) -> None:
    collector.leave(METRICS_CHANNEL)
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert client.get("/api/cluster/nodes").status_code == 200
    finally:
        redis.execute_command("REPLICAOF", "NO", "ONE")
