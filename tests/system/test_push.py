"""Published messages reach every client of every replica once, in order and unchanged."""

import json
import time

from contract.names import ALERTS_CHANNEL
from tests.drivers.fleet import listening, replicas_of
from tests.drivers.listener import javascript_command, python_command
from tests.drivers.short_limits import SHORT_LIMITS_RUNNER
from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually

#: Clients of each library on each replica: at least two on each transport.
CLIENTS = 6
KINDS = [(make, oldest, 10) for make in (python_command, javascript_command) for oldest in (True, False)]


def test_messages_reach_every_client_of_both_replicas_once_and_in_order(stack: Stack) -> None:
    # Given two replicas, each with clients of the oldest and the newest libraries on all transports
    one, two = stack.start_replica(), stack.start_replica()
    with listening(one, CLIENTS, KINDS) as first, listening(two, CLIENTS, KINDS) as second:
        listeners = [*first, *second]
        assert len(replicas_of(listeners)) == 2
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


def test_one_request_for_the_nodes_makes_one_publication_when_the_collector_is_stopped(stack: Stack) -> None:
    # Given a cluster with a stopped collector
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
    # When the nodes are requested once
    nodes = api.json("/api/cluster/nodes")
    # Then each client gets one publication of the stored nodes, and no more until the next request
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


def test_health_counts_the_clients_of_both_replicas_and_drops_a_killed_one(stack: Stack) -> None:
    stack.runner = SHORT_LIMITS_RUNNER
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
