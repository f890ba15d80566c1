"""GET /api/health: the report about the product."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from api.tests.conftest import golden
from contract import VERSION
from contract.names import HEALTH_CHANNEL, LEASE_KEY, METRICS_CHANNEL, REPLICAS_KEY, replica_key
from contract.presence import ReplicaPresence
from contract.scripts import PRESENT_REPLICA, TAKE_LEASE, Lease, present_replica_call, take_lease_call
from runtime.functions import call
from tests.drivers.valkey import Valkey


def present(redis: Redis, replica: str, clients: int) -> None:
    presence = ReplicaPresence(
        replica=replica,
        connected_clients=clients,
        started="2026-11-23T07:01:05.250Z",
        version="0.8.0",
        messages=0,
        deliveries=0,
    )
    call(redis, PRESENT_REPLICA, present_replica_call(replica, presence.fields()))


def lead(redis: Redis, cluster: str = "lab") -> None:
    call(redis, TAKE_LEASE, take_lease_call(Lease("a1b2c3d4", cluster, 2.0), 1795426866))


def test_health_is_healthy_when_redis_a_collector_and_a_replica_work(
    client: FlaskClient, collector: Any, redis: Redis
) -> None:
    lead(redis)
    collector.store(METRICS_CHANNEL, age_seconds=5)
    present(redis, "5f0c9a71", 5)
    present(redis, "e8d7c6b5", 7)
    response = client.get("/api/health")
    report = response.get_json()
    assert response.status_code == 200
    assert report.keys() == json.loads(golden("rest/health_report")).keys()
    assert (report["status"], report["version"], report["cluster_name"]) == ("healthy", VERSION, "lab")
    assert report["redis"] == {"status": "up", "down_since": None}
    assert (report["collector"]["status"], report["collector"]["leader"]) == ("up", "a1b2c3d4")
    assert 5 <= report["collector"]["age_seconds"] < 65
    assert report["websocket"]["connected_clients"] == 12
    assert [replica["replica"] for replica in report["websocket"]["replicas"]] == ["5f0c9a71", "e8d7c6b5"]


def test_health_is_degraded_with_status_200_when_no_service_is_present(client: FlaskClient) -> None:
    response = client.get("/api/health")
    assert response.status_code == 200
    report = response.get_json()
    assert report["status"] == "degraded"
    assert report["collector"] == {"status": "down", "leader": None, "epoch": None, "age_seconds": None}
    assert report["websocket"] == {"connected_clients": 0, "replicas": []}


def test_health_reports_remembered_data_and_the_outage_when_redis_is_away(
    client: FlaskClient, collector: Any, redis: Redis, valkey: Valkey
) -> None:
    lead(redis)
    collector.store(METRICS_CHANNEL, age_seconds=30)
    client.get("/api/cluster/overview")
    valkey.stop()
    response = client.get("/api/health")
    report = response.get_json()
    assert (response.status_code, report["status"], report["cluster_name"]) == (200, "degraded", "lab")
    assert report["redis"]["status"] == "down"
    assert report["redis"]["down_since"] is not None
    assert report["collector"]["age_seconds"] >= 30
    assert report["collector"]["status"] == "down"


HEALTH = json.loads(golden("messages/health"))


def store_health(collector: Any, **members: object) -> None:
    collector.store(HEALTH_CHANNEL, json.dumps({**HEALTH, **members}).encode())


def reasons(client: FlaskClient) -> list[str]:
    report = client.get("/api/health").get_json()
    assert (report["status"] == "healthy") == (report["reasons"] == [])
    return [reason["code"] for reason in report["reasons"]]


def test_reasons_include_product_issues_and_no_node_issues(client: FlaskClient, collector: Any, redis: Redis) -> None:
    lead(redis)
    present(redis, "5f0c9a71", 5)
    collector.store(METRICS_CHANNEL)
    vanished = {"code": "replica_vanished", "args": {"count": 1}}
    changes = {
        "issues": ["1 ws replica is gone", *HEALTH["issues"]],
        "issues_coded": [vanished, *HEALTH["issues_coded"]],
        "degraded": ["replica_vanished"],
    }
    store_health(collector, **changes)
    report = client.get("/api/health").get_json()
    assert report["status"] == "degraded"
    assert report["reasons"] == [{**vanished, "text": "1 ws replica is gone"}]
    # a collector of the previous release does not report the field
    store_health(collector)
    assert reasons(client) == []
    # a report of a collector that is gone is no longer valid
    store_health(collector, **changes)
    redis.delete(LEASE_KEY)
    collector.store(METRICS_CHANNEL, age_seconds=60)
    redis.delete(REPLICAS_KEY)
    assert reasons(client) == ["collector_down", "no_replica"]


def test_collector_is_not_down_while_rounds_arrive(
    client: FlaskClient, collector: Any, redis: Redis, valkey: Valkey
) -> None:
    lead(redis)
    present(redis, "5f0c9a71", 5)
    collector.store(METRICS_CHANNEL)
    assert reasons(client) == []
    # the lease expires while Redis is away, and rounds are missing only some seconds later
    redis.delete(LEASE_KEY)
    report = client.get("/api/health").get_json()
    assert (report["collector"]["status"], report["collector"]["leader"]) == ("up", None)
    lead(redis)
    assert reasons(client) == []
    # a query without an answer does not change the collector's status
    valkey.stop()
    report = client.get("/api/health").get_json()
    assert [reason["code"] for reason in report["reasons"]] == ["redis_down"]
    assert report["collector"]["status"] == "up"


@pytest.mark.parametrize("key", [LEASE_KEY, REPLICAS_KEY, replica_key("r1")])
@pytest.mark.parametrize("kind", ["string", "hash", "list"])
def test_health_works_when_a_presence_key_has_garbage(client: FlaskClient, redis: Redis, key: str, kind: str) -> None:
    redis.zadd(REPLICAS_KEY, {"r1": 9e15, b"\xff": 9e15})
    redis.delete(key)
    if kind == "string":
        redis.set(key, b"\xff")
    elif kind == "hash":
        redis.hset(key, mapping={b"epoch": b"x", b"connected_clients": b"\xff", b"\xff": b""})
    else:
        redis.rpush(key, b"\xff")
    response = client.get("/api/health")
    assert (response.status_code, response.get_json()["status"]) == (200, "degraded")
