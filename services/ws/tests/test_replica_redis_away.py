"""A replica while Redis is away, and after Redis returns."""

import json
import time
from itertools import count
from typing import Any

from redis import Redis

from contract.names import ALERTS_CHANNEL, CHANNELS, HEALTH_CHANNEL, LATEST_TTL_SECONDS, METRICS_CHANNEL, latest_key
from tests.drivers.ports import free_port
from tests.drivers.publisher import message
from tests.drivers.replica import Start
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

NAMESPACES = ("/", "/health", "/monitoring")


#: Prelude with shorter time limits for the PING to Redis and its answer.
SOON = """
import ws.feed, ws.service
ws.feed.QUIET_SECONDS = 0.3
ws.feed.ANSWER_SECONDS = ws.service.ANSWER_SECONDS = 1.0
"""


def redis_is_down(replica: Any) -> bool:
    return replica.get("/readyz").text.startswith("ready\nredis: down since 20")


def test_replica_continues_when_redis_was_restarted_empty(
    replica: Any, valkey: Valkey, redis: Redis, collector: Any
) -> None:
    client = replica.client(*NAMESPACES)
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=7))
    client.event("cluster_metrics")
    redis.close()

    valkey.stop()
    eventually(lambda: redis_is_down(replica))

    assert replica.get("/readyz").status_code == 200
    assert replica.get("/livez").status_code == 200
    late = replica.client("/", "/health")
    assert json.loads(late.event("redis_cluster_metrics"))["seq"] == 7
    late.send('42/health,["request_health"]')
    data = json.loads(late.event("health_response"))["data"]
    assert data["redis"]["status"] == "down"
    assert [reason["code"] for reason in data["reasons"]] == ["redis_down"]
    assert (data["status"], data["cluster_name"], data["websocket"]["connected_clients"]) == ("degraded", "lab", 2)

    valkey.start()
    replica.wait_until_ready()
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=1, epoch=2**40))

    client.event("cluster_metrics", 2)
    assert [payload["seq"] for payload in client.payloads("redis_cluster_metrics")] == [7, 1]
    assert [payload["seq"] for payload in client.payloads("cluster_metrics")] == [7, 1]
    assert not client.closed
    assert replica.metric("ws_redis_reconnects_total") == 1
    assert replica.process.log().count("\n") < 10


def test_replica_notices_when_redis_hangs_and_when_redis_continues(
    replicas: Start, valkey: Valkey, collector: Any
) -> None:
    replica = replicas(prelude=SOON)
    client = replica.client(*NAMESPACES)
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=7))
    client.event("cluster_metrics")

    valkey.pause()
    try:
        eventually(lambda: redis_is_down(replica))
        client.send('42/health,["request_health"]')
        assert json.loads(client.event("health_response"))["data"]["redis"]["status"] == "down"
        assert replica.get("/livez").text == "live\n"
    finally:
        valkey.resume()

    replica.wait_until_ready()
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=8))
    client.event("cluster_metrics", 2)
    assert [payload["seq"] for payload in client.payloads("redis_cluster_metrics")] == [7, 8]


def test_clients_get_changes_that_were_published_during_a_disconnection(
    replica: Any, redis: Redis, collector: Any
) -> None:
    client = replica.client(*NAMESPACES)
    for channel in CHANNELS:
        collector.publish(channel, message(channel, seq=7))
    client.event("alerts_update")
    redis.set(latest_key(METRICS_CHANNEL), message(METRICS_CHANNEL, seq=5), px=LATEST_TTL_SECONDS * 1000 - 30_000)
    redis.set(latest_key(HEALTH_CHANNEL), message(HEALTH_CHANNEL, seq=9), px=LATEST_TTL_SECONDS * 1000)

    redis.client_kill_filter(_type="pubsub")
    client.event("cluster_metrics", 2)
    client.event("health_update", 2)
    collector.publish(ALERTS_CHANNEL, message(ALERTS_CHANNEL, seq=8))
    client.event("alerts_update", 2)

    def seqs(event: str) -> list[int]:
        return [payload["seq"] for payload in client.payloads(event)]

    assert seqs("redis_cluster_metrics") == seqs("cluster_metrics") == [7, 5]
    assert seqs("redis_cluster_health") == seqs("health_update") == [7, 9]
    assert seqs("redis_cluster_alerts") == seqs("alerts_update") == [7, 8]
    assert 30 <= json.loads(replica.client("/").event("connection_confirmed"))["age_seconds"] < 60


def test_no_message_is_sent_twice_when_the_connection_to_redis_is_cut_repeatedly(
    replica: Any, redis: Redis, collector: Any
) -> None:
    client = replica.client("/", "/monitoring")

    # When the connection is cut each time after it has reconnected and received more messages.
    cuts = 0
    for last in count(1):
        collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=last))
        time.sleep(0.01)  # spreads the publications over several connections
        assert last < 3000, replica.process.log()
        if last % 15 == 0 and replica.metric("ws_redis_reconnects_total") == cuts:
            if cuts == 4:
                break
            redis.client_kill_filter(_type="pubsub")
            cuts += 1
    client.wait(lambda packet: "redis_cluster_metrics" in packet and f'"seq":{last},' in packet)
    client.wait(lambda packet: '"cluster_metrics"' in packet and f'"seq":{last},' in packet)

    for event in ("redis_cluster_metrics", "cluster_metrics"):
        seqs = [payload["seq"] for payload in client.payloads(event)]
        assert seqs == sorted(set(seqs))
    assert replica.metric("ws_redis_reconnects_total") == 4


def test_replica_serves_but_is_not_ready_when_redis_was_never_up(replicas: Start) -> None:
    with_redis = replicas()
    replica = type(with_redis)(f"redis://127.0.0.1:{free_port()}")
    try:
        eventually(lambda: replica.get("/livez").status_code == 200)

        answer = replica.get("/readyz")
        client = replica.client(*NAMESPACES)
        client.send('42/health,["request_health"]')

        assert answer.status_code == 503
        assert "no contact with Redis yet" in answer.text
        assert json.loads(client.event("health_response"))["data"]["redis"]["status"] == "down"
        assert json.loads(client.event("connection_confirmed"))["age_seconds"] is None
        assert replica.process.log().count("Redis does not answer, retrying") == 1
        assert "Traceback" not in replica.process.log()
    finally:
        replica.close()


def test_password_is_not_logged_when_redis_refuses_it(valkey: Valkey, replicas: Start) -> None:
    with_redis = replicas()
    replica = type(with_redis)(valkey.url.replace("//", "//somebody:hunter2@"))
    try:
        eventually(lambda: "Redis does not answer, retrying" in replica.process.log())
        assert replica.get("/readyz").status_code == 503
        assert "hunter2" not in replica.process.log()
    finally:
        replica.close()
