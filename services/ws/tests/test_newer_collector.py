"""A replica passes on all fields of a newer collector's messages, including unknown fields."""

import json
from typing import Any

import pytest
from redis import Redis

from contract.names import ALERTS_CHANNEL, METRICS_CHANNEL
from tests.drivers.publisher import message
from tests.drivers.waiting import eventually


class NewerCollector:
    """Publishes alerts and snapshots with unknown fields and an unknown transition."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        alerts, entry = json.loads(message(ALERTS_CHANNEL)), json.loads(message(ALERTS_CHANNEL))["entries"][0]
        self.alert = alerts["active_alerts"][0] | {"about": {"kind": "group"}, "silenced": True, "tags": {"a": "b"}}
        self.entry = entry | {"transition": "silenced", "silence": {"id": "s1"}}
        self.nodes = [node | {"new": 7} for node in json.loads(message(METRICS_CHANNEL))["nodes"]]

    def publish_alert(self, number: int) -> dict[str, Any]:
        """Add the entry ``7-<number>`` to the log; return the entry."""
        entry = self.entry | {"id": f"7-{number}"}
        fields = {
            "active_alerts": [self.alert],
            "alert_count": 1,
            "entries": [entry],
            "previous_alert_id": None if number == 1 else f"7-{number - 1}",
            "last_alert_id": entry["id"],
            "silences": 1,
        }
        self._publisher.publish(ALERTS_CHANNEL, message(ALERTS_CHANNEL, seq=number, **fields), entry)
        return entry

    def snapshot(self, seq: int) -> None:
        raw = message(METRICS_CHANNEL, seq=seq, nodes=self.nodes, racks=2)
        self._publisher.publish(METRICS_CHANNEL, raw)


@pytest.fixture
def newer(collector: Any) -> NewerCollector:
    return NewerCollector(collector)


def events(client: Any, name: str, count: int) -> list[Any]:
    client.event(name, count)
    payloads: list[Any] = client.payloads(name)
    return payloads


def test_alerts_keep_unknown_fields_when_they_are_pushed_and_when_a_client_connects(
    replica: Any, newer: NewerCollector
) -> None:
    watcher = replica.client("/monitoring")
    newer.publish_alert(1)
    events(watcher, "alerts_update", 1)
    second = newer.publish_alert(2)

    live = events(watcher, "alerts_update", 2)
    late = events(replica.client("/monitoring"), "alerts_update", 1)[0]

    assert [message["active_alerts"] for message in (*live[:2], late)] == [[newer.alert]] * 3
    assert {message["silences"] for message in (*live[:2], late)} == {1}
    assert live[1]["entries"] == [second]
    assert (late["entries"], late["previous_alert_id"]) == ([], second["id"])


def test_missed_entries_keep_unknown_fields_when_a_client_resumes(replica: Any, newer: NewerCollector) -> None:
    watcher, published = replica.client("/"), [newer.publish_alert(number) for number in range(1, 5)]
    events(watcher, "redis_cluster_alerts", 4)

    client = replica.client("/monitoring", auth={"subscribe": {"last_alert_id": "7-1"}})

    assert events(client, "subscribed_to_updates", 1)[0]["recovered"] is True
    resumed = events(client, "alerts_update", 1)[0]
    assert resumed["entries"] == published[1:]
    assert resumed["active_alerts"] == [newer.alert]


def test_missed_entries_keep_unknown_fields_when_the_replica_missed_them(
    replica: Any, newer: NewerCollector, redis: Redis
) -> None:
    watcher = replica.client("/monitoring")
    newer.publish_alert(1)
    events(watcher, "alerts_update", 1)
    redis.client_kill_filter(_type="pubsub")
    published = [newer.publish_alert(2), newer.publish_alert(3)]

    def seen() -> list[Any]:
        return [entry for update in watcher.payloads("alerts_update") for entry in update["entries"]]

    eventually(lambda: len(seen()) >= 2, what="the missed entries")
    assert seen()[-2:] == published


def test_nodes_keep_unknown_fields_when_a_client_selects_some_nodes(replica: Any, newer: NewerCollector) -> None:
    watcher = replica.client("/monitoring")
    newer.snapshot(1)
    events(watcher, "cluster_metrics", 1)
    chosen = newer.nodes[0]["node"]

    client = replica.client("/monitoring", auth={"subscribe": {"nodes": [chosen]}})
    client.send("42/monitoring," + json.dumps(["request_nodes_status"]))

    part = events(client, "cluster_metrics", 1)[0]
    assert (part["nodes"], part["racks"]) == ([newer.nodes[0]], 2)
    assert events(client, "nodes_status_response", 1)[0]["data"] == newer.nodes


def test_delta_client_gets_whole_snapshots_when_snapshots_have_unknown_fields(
    replica: Any, newer: NewerCollector, collector: Any
) -> None:
    client = replica.client("/monitoring", auth={"subscribe": {"mode": "delta"}})
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=1))
    events(client, "cluster_metrics", 1)
    newer.snapshot(2)
    newer.nodes = [node | {"new": 8} for node in newer.nodes]
    newer.snapshot(3)

    whole = events(client, "cluster_metrics", 3)
    assert [{node["new"] for node in snapshot["nodes"]} for snapshot in whole[1:]] == [{7}, {8}]

    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=4))
    assert events(client, "cluster_metrics_delta", 1)[0]["base_seq"] == 3
