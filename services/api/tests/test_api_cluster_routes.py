"""The routes under /api/cluster."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from api.tests.conftest import golden, golden_message, problem_detail
from contract.names import ALERT_LOG_KEY, HEALTH_CHANNEL, INCIDENTS_KEY, METRICS_CHANNEL, history_key, latest_key

FROM_SNAPSHOT = ["/api/cluster/nodes", "/api/cluster/nodes/node6.lan", "/api/cluster/snapshot", "/api/cluster/overview"]


@pytest.mark.parametrize(
    ("path", "example"),
    [
        ("/api/cluster/nodes", "rest/nodes"),
        ("/api/cluster/nodes/node6.lan", "rest/node"),
        ("/api/cluster/overview", "rest/overview"),
        ("/api/cluster/health", "messages/health"),
    ],
)
def test_route_answers_its_golden_example_when_the_golden_messages_are_stored(
    client: FlaskClient, collector: Any, path: str, example: str
) -> None:
    collector.store_all()
    response = client.get(path)
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.get_json() == json.loads(golden(example))


def test_snapshot_is_answered_unchanged_when_it_has_fields_of_a_newer_version(
    client: FlaskClient, collector: Any
) -> None:
    raw = golden("messages/metrics").replace(b'"v": 1,', '"v": 1, "future": ["é", 1e400],'.encode())
    collector.store(METRICS_CHANNEL, raw)
    assert client.get("/api/cluster/snapshot").data == raw


def test_nodes_keep_fields_of_a_newer_version(client: FlaskClient, collector: Any) -> None:
    raw = golden("messages/metrics").replace(b'"node": "node6.lan",', b'"node": "node6.lan", "gpu_usage": 7,')
    collector.store(METRICS_CHANNEL, raw)
    assert client.get("/api/cluster/nodes").get_json()[1]["gpu_usage"] == 7
    assert client.get("/api/cluster/nodes/node6.lan").get_json()["gpu_usage"] == 7


@pytest.mark.parametrize("path", FROM_SNAPSHOT)
def test_route_answers_304_without_body_when_the_client_has_that_epoch_and_seq(
    client: FlaskClient, collector: Any, path: str
) -> None:
    collector.store(METRICS_CHANNEL)
    tag = client.get(path).headers["ETag"]
    assert tag == 'W/"1795426867-4211"'
    for condition in (tag, '"other", ' + tag, "*"):
        response = client.get(path, headers={"If-None-Match": condition})
        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == tag
    assert client.get(path, headers={"If-None-Match": 'W/"1795426867-4210"'}).status_code == 200


@pytest.mark.parametrize("path", FROM_SNAPSHOT)
def test_route_answers_the_age_by_the_clock_of_redis(client: FlaskClient, collector: Any, path: str) -> None:
    collector.store(METRICS_CHANNEL, age_seconds=3600)
    assert 3600 <= int(client.get(path).headers["Age"]) < 3660


def test_route_answers_no_age_when_the_key_never_expires(client: FlaskClient, redis: Redis) -> None:
    redis.set(latest_key(METRICS_CHANNEL), golden("messages/metrics"))
    response = client.get("/api/cluster/snapshot")
    assert response.status_code == 200
    assert "Age" not in response.headers


@pytest.mark.parametrize("path", [*FROM_SNAPSHOT, "/api/cluster/health", "/api/alerts", "/api/rules"])
def test_route_explains_what_to_do_when_nothing_is_stored(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.mimetype) == (503, "application/problem+json")
    assert int(response.headers["Retry-After"]) >= 1
    assert "Nothing is stored under cluster:" in response.get_json()["detail"]
    assert "collector" in response.get_json()["detail"]


#: The key of each route. In this test its type is wrong: a stream instead of a string, or a string instead of a stream.
KEYS = {
    **dict.fromkeys(FROM_SNAPSHOT, latest_key(METRICS_CHANNEL)),
    "/api/alerts/log": ALERT_LOG_KEY,
    "/api/incidents": INCIDENTS_KEY,
    "/api/history?node=node6.lan": history_key(10, "node6.lan"),
}


@pytest.mark.parametrize(("path", "key"), KEYS.items())
def test_route_answers_a_problem_when_the_key_has_another_type(
    client: FlaskClient, redis: Redis, path: str, key: str
) -> None:
    if path in FROM_SNAPSHOT:
        redis.rpush(key, b"x")
    else:
        redis.set(key, b"x")
    assert "WRONGTYPE" in problem_detail(client.get(path), 503)


def test_route_forgets_the_message_when_redis_has_lost_it(client: FlaskClient, collector: Any, redis: Redis) -> None:
    collector.store(METRICS_CHANNEL)
    assert client.get("/api/cluster/snapshot").status_code == 200
    redis.flushall()
    assert client.get("/api/cluster/snapshot").status_code == 503


@pytest.mark.parametrize(
    "name",
    ["pi-%C3%A9.lan:9200", "a%2Fb", "a//b", "%252e", "..%2f..", "%22%3Cscript%3E", "%E2%80%A8", "%00", "%F0%9F%A5%A7"],
)
def test_node_is_found_when_its_name_is_percent_encoded(client: FlaskClient, collector: Any, name: str) -> None:
    from urllib.parse import unquote

    snapshot = golden_message("metrics")
    snapshot["nodes"][2]["node"] = unquote(name)
    collector.store(METRICS_CHANNEL, snapshot)
    response = client.get(f"/api/cluster/nodes/{name}")
    assert response.status_code == 200
    assert response.get_json()["node"] == unquote(name)


@pytest.mark.parametrize("name", ["node9.lan", "NODE6.LAN", "node6.lan/", "node6.lan%20", "%FF%FE", "x" * 3000])
def test_node_answers_a_problem_when_the_name_is_unknown(client: FlaskClient, collector: Any, name: str) -> None:
    collector.store(METRICS_CHANNEL)
    response = client.get(f"/api/cluster/nodes/{name}")
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["title"] == "Not Found"
    assert len(response.data) < 1000


def metrics(**changes: object) -> bytes:
    return json.dumps(golden_message("metrics", **changes)).encode()


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"\xff\xfe", b"{", b"[]", b'{"x":1}', metrics(seq=-1), metrics(nodes={}), golden("messages/health"),
        metrics(x="NAN").replace(b'"NAN"', b"NaN"), b'{"a":' * 100_000, metrics(x="y" * (3 * 1024 * 1024)),
    ],
    ids=lambda garbage: repr(garbage[-16:]),
)  # fmt: skip
def test_route_answers_a_problem_and_counts_when_garbage_is_stored(
    client: FlaskClient, collector: Any, garbage: bytes
) -> None:
    collector.store(METRICS_CHANNEL, garbage)
    for path in FROM_SNAPSHOT:
        response = client.get(path)
        assert response.status_code == 503, path
        assert response.mimetype == "application/problem+json"
        assert "Retry-After" in response.headers
    assert b'api_stored_invalid_total{key="cluster:metrics:latest"}' in client.get("/metrics").data


def test_garbage_is_logged_once_when_it_is_read_often(
    client: FlaskClient, collector: Any, caplog: pytest.LogCaptureFixture
) -> None:
    collector.store(METRICS_CHANNEL, b"garbage")
    for _ in range(20):
        client.get("/api/cluster/snapshot")
    assert [record.name for record in caplog.records if "cannot be read" in record.getMessage()] == [
        "api.message_store"
    ]


def test_other_routes_work_when_one_key_has_garbage(client: FlaskClient, collector: Any) -> None:
    collector.store(METRICS_CHANNEL, b"garbage")
    collector.store(HEALTH_CHANNEL)
    assert client.get("/api/cluster/health").status_code == 200
    assert client.get("/api/health").status_code == 200


@pytest.mark.parametrize("query", ["?", "?x", "?%00=%ff", "?a[]=1&a[]=2", "?=&&=", "?" + "a=b&" * 500, "?after=1"])
def test_route_ignores_the_query_string_when_it_takes_none(client: FlaskClient, collector: Any, query: str) -> None:
    collector.store(METRICS_CHANNEL)
    assert client.get("/api/cluster/snapshot" + query).status_code == 200


def test_head_answers_the_headers_of_get_when_asked(client: FlaskClient, collector: Any) -> None:
    collector.store(METRICS_CHANNEL)
    got, headed = client.get("/api/cluster/snapshot"), client.head("/api/cluster/snapshot")
    assert (headed.status_code, headed.data) == (200, b"")
    assert headed.headers["ETag"] == got.headers["ETag"]
    assert headed.headers["Content-Length"] == got.headers["Content-Length"]
