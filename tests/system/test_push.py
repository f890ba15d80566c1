"""What is published reaches every client of every replica, once and in order, untouched."""

import json
import time

import requests

from contract.names import ALERTS_CHANNEL, CHANNELS, METRICS_CHANNEL
from tests.drivers.hasty import HASTY
from tests.drivers.listener import Listener, javascript_command, python_command
from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually

#: Of each library on each replica: at least two on each transport.
CLIENTS = 6


def test_publications_reach_every_client_of_both_replicas_once_and_in_order(stack: Stack) -> None:
    # Given two replicas, and clients of each, of the oldest and the newest libraries, on all transports
    replicas = [stack.start_replica(), stack.start_replica()]
    kinds = [make(oldest=oldest) for make in (python_command, javascript_command) for oldest in (True, False)]
    listeners = [Listener(command, replica.origin, CLIENTS) for replica in replicas for command in kinds]
    try:
        eventually(
            lambda: all(all(listener.of("connection_confirmed").values()) for listener in listeners),
            within_seconds=60,
            what="all clients connected",
        )
        assert len({data[0]["replica"] for each in listeners for data in each.of("connection_confirmed").values()}) == 2
        # When a hundred messages are published
        redis = stack.redis()
        for number in range(100):
            redis.publish(ALERTS_CHANNEL, json.dumps({"number": number}))
            time.sleep(0.01)
        redis.close()
        # Then every client has each of them, once, in order
        expected = [{"number": number} for number in range(100)]

        def complete() -> bool:
            for listener in listeners:
                for client, data in listener.of("redis_cluster_alerts").items():
                    assert data == expected[: len(data)], f"{listener} {client} out of order"
                    if len(data) < len(expected):
                        return False
            return True

        eventually(complete, within_seconds=60, what="all messages at all clients")
    finally:
        for listener in listeners:
            listener.close()


def test_message_published_by_hand_arrives_untouched(stack: Stack) -> None:
    replica = stack.start_replica()
    clients = [stack.client(replica, transport=transport) for transport in ("websocket", "polling")]
    redis = stack.redis()
    for client in clients:
        client.wait_for("connection_confirmed")
    redis.publish(ALERTS_CHANNEL, '{"x":1}')
    for client in clients:
        assert client.wait_for("redis_cluster_alerts") == [{"x": 1}]
    # The bytes of the frame, not only what they mean
    polled = requests.get(f"{replica.origin}/socket.io/?EIO=4&transport=polling", timeout=10)
    sid = json.loads(polled.text[1:])["sid"]
    url = f"{replica.origin}/socket.io/?EIO=4&transport=polling&sid={sid}"
    requests.post(url, data="40", timeout=10)
    eventually(lambda: "connection_confirmed" in requests.get(url, timeout=10).text)
    odd = '{"b":1.0, "a":1e999,"é":"\\u00e9"}'
    redis.publish(METRICS_CHANNEL, odd)
    assert eventually(lambda: requests.get(url, timeout=30)).content.decode() == f'42["redis_cluster_metrics",{odd}]'
    redis.close()


def test_one_call_of_the_nodes_makes_one_publication_when_the_collector_is_stopped(stack: Stack) -> None:
    # Given a cluster whose collector has stopped
    stack.start_simulator(3)
    stack.start_collector()
    replicas = [stack.start_replica(), stack.start_replica()]
    api = stack.start_api()
    eventually(lambda: api.status("/api/cluster/nodes") == 200)
    assert stack.collector.stop() == 0
    clients = [stack.client(replica) for replica in replicas]
    for client in clients:
        client.wait_for("redis_cluster_alerts")
        client.clear()
    # When the nodes are asked for once
    nodes = api.json("/api/cluster/nodes")
    # Then each client gets one publication, of what was stored, and no more before the next call is through
    for client in clients:
        assert client.wait_for("redis_cluster_metrics")[0]["nodes"] == nodes
    etag = api.get("/api/cluster/nodes").headers["ETag"]
    for client in clients:
        client.wait_for("redis_cluster_metrics", 2)
    assert api.get("/api/cluster/nodes", **{"If-None-Match": etag}).status_code == 304
    api.get("/api/health")
    for client in clients:
        client.wait_for("redis_cluster_metrics", 3)
        client.wait_for("redis_cluster_health")
        assert [len(client.all("redis_cluster_metrics")), len(client.all("redis_cluster_health"))] == [3, 1]


def test_new_client_gets_the_latest_of_each_channel_at_once(stack: Stack) -> None:
    stack.start_simulator(2)
    stack.start_collector()
    replica = stack.start_replica()
    redis = stack.redis()
    eventually(lambda: all(redis.exists(f"{channel}:latest") for channel in CHANNELS))
    redis.close()
    stack.collector.pause()
    client = stack.client(replica)
    first = eventually(lambda: client.events[:4] if len(client.events) >= 4 else None)
    assert [event for _, event, _ in first] == [
        "connection_confirmed",
        "redis_cluster_metrics",
        "redis_cluster_health",
        "redis_cluster_alerts",
    ]
    assert first[0][2]["age_seconds"] >= 0
    stack.collector.resume()
    client.wait_for("redis_cluster_metrics", 3)
    seqs = [snapshot["seq"] for snapshot in client.all("redis_cluster_metrics")]
    assert seqs == sorted(set(seqs)), "each once, in order"


def test_health_counts_the_clients_of_both_replicas_and_forgets_a_killed_one(stack: Stack) -> None:
    stack.runner = HASTY
    stack.start_simulator(1)
    stack.start_collector()
    one, two = stack.start_replica(), stack.start_replica()
    api = stack.start_api()
    for replica in (one, one, two):
        stack.client(replica)

    def connected() -> int:
        count: int = api.json("/api/health")["websocket"]["connected_clients"]
        return count

    eventually(lambda: connected() == 3, what="three clients counted")
    eventually(lambda: api.json("/api/health")["status"] == "healthy", what="healthy with both replicas")
    stack.replicas[0].kill()
    eventually(lambda: connected() == 1, within_seconds=15, what="the killed replica's clients forgotten")
    assert stack.replicas[1].stop() == 0
    eventually(lambda: api.json("/api/health")["websocket"]["replicas"] == [])
