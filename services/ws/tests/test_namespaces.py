import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.names import ALERTS_CHANNEL, CHANNELS, HEALTH_CHANNEL, METRICS_CHANNEL
from contract.rest import CollectorReport, ReplicaReport, health_report
from ws.counters import Counters
from ws.namespaces.health import HealthNamespace
from ws.namespaces.monitoring import MonitoringNamespace
from ws.namespaces.namespace import Namespace
from ws.namespaces.root import RootNamespace
from ws.push import Group
from ws.report import cluster_counts
from ws.state import ClusterState, Step, Stored, receive

Message = Callable[..., bytes]
ALL = ["head.lan", "node6.lan", "pi-é.lan:9200"]


class Recorder:
    """A ``Push`` that delivers to lists."""

    def __init__(self) -> None:
        self.members: dict[Group, list[str]] = {}
        self.got: dict[str, list[tuple[str, bytes]]] = {}
        self.broadcasts: list[tuple[Group, str, bytes]] = []

    def join(self, sid: str, group: Group) -> None:
        self.members.setdefault(group, []).append(sid)

    def leave(self, sid: str, group: Group) -> None:
        self.members[group].remove(sid)

    def broadcast(self, group: Group, event: str, payload: bytes) -> None:
        self.broadcasts.append((group, event, payload))
        for sid in self.members.get(group, []):
            self.send(group.namespace, sid, event, payload)

    def send(self, namespace: str, sid: str, event: str, payload: bytes) -> None:
        self.got.setdefault(sid, []).append((event, payload))

    def events(self, sid: str) -> list[str]:
        return [event for event, _ in self.got.get(sid, [])]

    def last(self, sid: str, event: str) -> Any:
        return json.loads([payload for name, payload in self.got[sid] if name == event][-1])


@pytest.fixture
def push() -> Recorder:
    return Recorder()


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def state() -> ClusterState:
    return ClusterState()


@pytest.fixture
def publish(state: ClusterState, message: Message) -> Callable[..., Step]:
    """The collector's next message of a channel, as the feed hands it on."""

    def take(channel: str, **changes: Any) -> Step:
        received = receive(channel, message(channel, **changes))
        return state.take(received, Stored(received.raw))

    return take


@pytest.fixture
def monitoring(push: Recorder, counters: Counters, state: ClusterState) -> MonitoringNamespace:
    return MonitoringNamespace(push, counters, state)


@pytest.fixture
def root(push: Recorder, counters: Counters, state: ClusterState) -> RootNamespace:
    return RootNamespace(push, counters, state, "5f0c9a71")


class Reporter:
    def report(self) -> Any:
        return health_report(
            timestamp="2026-11-23T09:41:08.000Z",
            version="0.1.0",
            cluster_name="lab",
            redis_down_since=None,
            collector=CollectorReport(status="down", leader=None, epoch=None, age_seconds=None),
            replicas=[ReplicaReport(replica="a", connected_clients=1, started="2026-11-23T09:41:08Z", version="0.1.0")],
        )


@pytest.fixture
def health(push: Recorder, counters: Counters, state: ClusterState) -> HealthNamespace:
    return HealthNamespace(push, counters, state, Reporter())  # type: ignore[arg-type]


def nodes(payload: Any) -> list[str]:
    return [node["node"] for node in payload["nodes"]]


# /


def test_root_confirms_and_sends_the_latest_of_each_channel_when_a_client_connects(
    root: RootNamespace, push: Recorder, publish: Callable[..., Step], message: Message
) -> None:
    for channel in reversed(CHANNELS):
        publish(channel)

    root.connected("a", {})

    confirmed = json.loads(push.got["a"][0][1])
    assert confirmed.keys() == {"sid", "replica", "timestamp", "age_seconds"}
    assert (confirmed["sid"], confirmed["replica"]) == ("a", "5f0c9a71")
    assert push.got["a"][0][0] == "connection_confirmed"
    assert push.got["a"][1:] == [
        ("redis_cluster_metrics", message(METRICS_CHANNEL)),
        ("redis_cluster_health", message(HEALTH_CHANNEL)),
        ("redis_cluster_alerts", message(ALERTS_CHANNEL)),
    ]


def test_root_sends_only_the_confirmation_when_nothing_is_known(root: RootNamespace, push: Recorder) -> None:
    root.connected("a", {})

    assert push.events("a") == ["connection_confirmed"]
    assert push.last("a", "connection_confirmed")["age_seconds"] is None


@pytest.mark.parametrize("raw", [b'{"x":1}', b'{ "a" : 1.0 }'])
def test_root_passes_on_what_is_published_by_hand(
    root: RootNamespace, push: Recorder, state: ClusterState, raw: bytes
) -> None:
    root.connected("a", {})

    root.deliver(state.take(receive(ALERTS_CHANNEL, raw), None))

    assert push.got["a"][-1] == ("redis_cluster_alerts", raw)


# /health


def test_health_sends_the_latest_at_once_and_every_change(
    health: HealthNamespace, push: Recorder, publish: Callable[..., Step], message: Message
) -> None:
    publish(HEALTH_CHANNEL, seq=1)
    health.connected("a", {})

    for step in [publish(HEALTH_CHANNEL, seq=2), publish(HEALTH_CHANNEL, seq=2), publish(METRICS_CHANNEL)]:
        health.deliver(step)

    assert push.events("a") == ["health_connected", "health_update", "health_update"]
    assert push.got["a"][1][1] == message(HEALTH_CHANNEL, seq=1)
    assert push.got["a"][2][1] == message(HEALTH_CHANNEL, seq=2)


@pytest.mark.parametrize(
    ("online", "total", "with_snapshot", "down"), [(1, 3, True, 1), (1, 3, False, 2), (None, None, False, None)]
)
def test_cluster_counts_nodes_down(
    publish: Callable[..., Step], state: ClusterState, online: Any, total: Any, with_snapshot: bool, down: Any
) -> None:
    if online is not None:
        publish(HEALTH_CHANNEL)
    if with_snapshot:
        publish(METRICS_CHANNEL)

    counts = cluster_counts(state.health, state.snapshot)

    assert (counts.nodes_online, counts.nodes_total, counts.nodes_down) == (online, total, down)


# /monitoring


def test_monitoring_sends_snapshot_and_alerts_at_once_then_every_one(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step], message: Message
) -> None:
    publish(METRICS_CHANNEL, seq=1)
    publish(ALERTS_CHANNEL, seq=1)

    monitoring.connected("a", {})
    monitoring.deliver(publish(METRICS_CHANNEL, seq=2))
    monitoring.deliver(publish(ALERTS_CHANNEL, seq=2))

    assert push.events("a") == [
        "monitoring_connected",
        "cluster_metrics",
        "alerts_update",
        "cluster_metrics",
        "alerts_update",
    ]
    assert push.got["a"][1][1] == message(METRICS_CHANNEL, seq=1)
    assert json.loads(push.got["a"][2][1])["entries"] == []
    assert push.got["a"][3][1] == message(METRICS_CHANNEL, seq=2)
    assert push.got["a"][4][1] == message(ALERTS_CHANNEL, seq=2)


def test_monitoring_sends_a_repeated_snapshot_again(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    monitoring.connected("a", {})
    monitoring.deliver(publish(METRICS_CHANNEL))
    monitoring.deliver(publish(METRICS_CHANNEL))

    assert push.events("a") == ["monitoring_connected", "cluster_metrics", "cluster_metrics"]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (None, ALL),
        ([], []),
        (["node6.lan"], ["node6.lan"]),
        (["pi-é.lan:9200", "head.lan", "nobody"], ["head.lan", "pi-é.lan:9200"]),
        (["nobody"], []),
    ],
)
def test_subscription_is_answered_and_limits_the_snapshots(
    monitoring: MonitoringNamespace,
    push: Recorder,
    publish: Callable[..., Step],
    message: Message,
    wanted: Any,
    shown: list[str],
) -> None:
    publish(METRICS_CHANNEL, seq=1)
    publish(ALERTS_CHANNEL, last_alert_id="7-3")
    monitoring.connected("a", {})
    push.got.clear()

    answer = monitoring.handle("a", "subscribe_to_updates", [{"nodes": wanted, "last_alert_id": "7-1"}])
    monitoring.deliver(publish(METRICS_CHANNEL, seq=2))

    assert push.events("a") == ["subscribed_to_updates", "cluster_metrics", "alerts_update", "cluster_metrics"]
    in_force = push.last("a", "subscribed_to_updates")
    assert in_force == json.loads(answer or b"")
    assert in_force | {"timestamp": "", "age_seconds": 0} == {
        "mode": "snapshot",
        "nodes": wanted,
        "recovered": False,
        "last_alert_id": "7-3",
        "timestamp": "",
        "age_seconds": 0,
    }
    limited = push.last("a", "cluster_metrics")
    assert nodes(limited) == shown
    assert limited | {"nodes": []} == json.loads(message(METRICS_CHANNEL, seq=2)) | {"nodes": []}
    assert nodes(json.loads(push.got["a"][1][1])) == shown


def test_subscription_is_in_snapshots_when_deltas_are_asked_for(
    monitoring: MonitoringNamespace, push: Recorder
) -> None:
    monitoring.connected("a", {})

    monitoring.handle("a", "subscribe_to_updates", [{"mode": "delta"}])

    assert push.last("a", "subscribed_to_updates")["mode"] == "snapshot"


def test_clients_that_want_the_same_nodes_share_one_encoded_payload(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    for sid, wanted in [("a", ["head.lan", "x"]), ("b", ["x", "head.lan"]), ("c", ["x"]), ("d", None)]:
        monitoring.connected(sid, {"subscribe": {"nodes": wanted}})

    monitoring.deliver(publish(METRICS_CHANNEL))

    assert len(push.broadcasts) == 3
    assert push.got["a"][-1][1] is push.got["b"][-1][1]


def test_subscription_replaces_the_former(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    monitoring.connected("a", {"subscribe": {"nodes": ["head.lan"]}})
    monitoring.handle("a", "subscribe_to_updates", [{"nodes": []}])
    monitoring.handle("a", "subscribe_to_updates", [])
    push.got.clear()

    monitoring.deliver(publish(METRICS_CHANNEL))

    assert push.events("a") == ["cluster_metrics"]
    assert nodes(push.last("a", "cluster_metrics")) == ALL
    assert len(push.broadcasts) == 1


def test_subscription_in_the_handshake_is_in_force_from_the_beginning(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    publish(METRICS_CHANNEL)

    monitoring.connected("a", {"subscribe": {"nodes": ["node6.lan"]}})

    assert push.events("a") == ["monitoring_connected", "subscribed_to_updates", "cluster_metrics"]
    assert nodes(push.last("a", "cluster_metrics")) == ["node6.lan"]


@pytest.mark.parametrize(
    "wanted",
    [{"nodes": 3}, {"nodes": [1]}, {"mode": "fast"}, {"last_alert_id": "x"}, {"nodes": ["n"] * 2001}, 5, [], "x"],
    ids=lambda wanted: str(wanted)[:30],
)
def test_all_nodes_follow_when_the_subscription_in_the_handshake_is_bad(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step], wanted: Any
) -> None:
    publish(METRICS_CHANNEL)

    monitoring.connected("a", {"subscribe": wanted})

    assert push.events("a") == ["monitoring_connected", "error", "cluster_metrics"]
    assert push.last("a", "error")["code"] == "bad_request"
    assert nodes(push.last("a", "cluster_metrics")) == ALL


@pytest.mark.parametrize("wanted", [{"nodes": 3}, {"mode": "fast"}, {"nodes": ["n"] * 2001}, 5, [], "x"], ids=str)
def test_former_subscription_stays_when_a_new_one_is_bad(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step], counters: Counters, wanted: Any
) -> None:
    monitoring.connected("a", {"subscribe": {"nodes": ["head.lan"]}})

    answer = monitoring.handle("a", "subscribe_to_updates", [wanted])
    monitoring.deliver(publish(METRICS_CHANNEL))

    assert push.events("a")[-2:] == ["error", "cluster_metrics"]
    assert json.loads(answer or b"") == push.last("a", "error")
    assert nodes(push.last("a", "cluster_metrics")) == ["head.lan"]
    assert counters.bad_requests == 1


def test_most_nodes_that_a_subscription_may_name_are_accepted(monitoring: MonitoringNamespace, push: Recorder) -> None:
    monitoring.connected("a", {})

    monitoring.handle("a", "subscribe_to_updates", [{"nodes": [f"n{number}" for number in range(2000)]}])

    assert push.events("a")[-1] == "subscribed_to_updates"


def test_nothing_is_kept_of_a_client_that_is_gone(monitoring: MonitoringNamespace, push: Recorder) -> None:
    monitoring.connected("a", {"subscribe": {"nodes": ["head.lan"]}})
    monitoring.disconnected("a")
    push.got.clear()

    for wanted in (None, ["head.lan"]):  # sent before it went, answered after
        monitoring.handle("a", "subscribe_to_updates", [{"nodes": wanted}])

    assert push.got == {}
    assert [members for group, members in push.members.items() if group.name != "everybody"] == [[], []]


def test_snapshots_are_not_encoded_for_a_selection_that_nobody_has(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    monitoring.connected("a", {"subscribe": {"nodes": ["head.lan"]}})
    monitoring.disconnected("a")

    monitoring.deliver(publish(METRICS_CHANNEL))

    assert push.broadcasts == []


def test_requests_are_answered_as_event_and_acknowledgement(
    monitoring: MonitoringNamespace, health: HealthNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    publish(METRICS_CHANNEL)
    cases: list[tuple[Namespace, str, str]] = [
        (monitoring, "request_cluster_status", "cluster_status_response"),
        (monitoring, "request_nodes_status", "nodes_status_response"),
        (health, "request_health", "health_response"),
    ]
    for namespace, request, response in cases:
        answer = namespace.handle("a", request, [])

        assert push.events("a")[-1] == response
        assert json.loads(answer or b"") == push.last("a", response)
        assert push.last("a", response).keys() == {"data", "timestamp"}
    assert push.last("a", "cluster_status_response")["data"]["cluster_stats"]["down_nodes"] == 1
    assert nodes({"nodes": push.last("a", "nodes_status_response")["data"]}) == ALL


@pytest.mark.parametrize("request_name", ["request_cluster_status", "request_nodes_status"])
def test_request_gets_an_error_when_nothing_is_known_yet(
    monitoring: MonitoringNamespace, push: Recorder, request_name: str
) -> None:
    answer = monitoring.handle("a", request_name, [None])

    assert push.events("a") == ["error"]
    assert push.last("a", "error")["code"] == "not_available"
    assert json.loads(answer or b"") == push.last("a", "error")


@pytest.mark.parametrize("arguments", [[], [None], [{}], [{"from": "a newer page"}]])
def test_request_is_answered_when_its_argument_is_missing_null_or_an_object(
    health: HealthNamespace, push: Recorder, arguments: list[Any]
) -> None:
    assert health.handle("a", "request_health", arguments)
    assert push.events("a") == ["health_response"]


@pytest.mark.parametrize("arguments", [[1], ["x"], [[]], [True], [{}, {}], [None, None]])
def test_request_is_bad_when_its_argument_is_anything_else(
    health: HealthNamespace, push: Recorder, counters: Counters, arguments: list[Any]
) -> None:
    answer = health.handle("a", "request_health", arguments)

    assert push.events("a") == ["error"]
    assert json.loads(answer or b"") == push.last("a", "error")
    assert push.last("a", "error")["code"] == "bad_request"
    assert counters.bad_requests == 1


def test_unknown_event_is_ignored_and_counted(root: RootNamespace, push: Recorder, counters: Counters) -> None:
    assert root.handle("a", "request_health", [{}]) is None
    assert push.got == {}
    assert counters.unknown_events == 1
