import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.codec import encode
from contract.messages import LogEntry
from contract.names import ALERTS_CHANNEL, CHANNELS, HEALTH_CHANNEL, METRICS_CHANNEL
from contract.rest import CollectorReport, ReplicaReport, health_report
from runtime.redis_failures import RedisAway
from tests.drivers.outboxes import read
from ws.access.limits import Limits, Subscriptions
from ws.alert_log import Page, StoredEntry
from ws.counters import Counters
from ws.event import Event, Group
from ws.namespaces.health import HealthNamespace, cluster_counts
from ws.namespaces.monitoring import MonitoringNamespace
from ws.namespaces.namespace import Namespace
from ws.namespaces.root import RootNamespace
from ws.state import ClusterState, Step, Stored, receive

Message = Callable[..., bytes]
GOLDEN = Path(__file__).parents[3] / "contract" / "golden" / "messages"
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
        if sid in self.members.get(group, []):
            self.members[group].remove(sid)

    def broadcast(self, group: Group, event: Event) -> None:
        self.broadcasts.append((group, *read(event)))
        for sid in self.members.get(group, []):
            self.send(sid, event)

    def send(self, sid: str, event: Event) -> None:
        self.got.setdefault(sid, []).append(read(event))

    def is_behind(self, sid: str, namespace: str) -> bool:
        return False

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


class Log:
    """The alert log, as ``AlertLog`` reads it; ``entries`` are in it, and ``before_answer`` happens meanwhile."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self.fails = False
        self.before_answer: list[Callable[[], None]] = []

    def after(self, position: str, known: str) -> Page | None:
        if self.before_answer:
            self.before_answer.pop(0)()
        if self.fails:
            raise RedisAway
        ids = [entry.id for entry in self.entries]
        if position not in ids:
            return None
        found = self.entries[ids.index(position) + 1 :][:3]
        return tuple(StoredEntry(entry.id, msgspec.Raw(encode(entry))) for entry in found)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def monitoring(push: Recorder, counters: Counters, state: ClusterState, log: Log) -> MonitoringNamespace:
    subscriptions = Subscriptions(Limits(), counters, lambda _sid: ())
    return MonitoringNamespace(push, counters, state, log, subscriptions)  # type: ignore[arg-type]


@pytest.fixture
def root(push: Recorder, counters: Counters, state: ClusterState) -> RootNamespace:
    return RootNamespace(push, counters, state, "5f0c9a71")


class Reporter:
    def report(self) -> Any:
        return health_report(
            timestamp="2026-11-23T09:41:08.000Z",
            version="0.4.0",
            cluster_name="lab",
            redis_down_since=None,
            collector=CollectorReport(status="down", leader=None, epoch=None, age_seconds=None),
            replicas=[ReplicaReport(replica="a", connected_clients=1, started="2026-11-23T09:41:08Z", version="0.4.0")],
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
    publish(ALERTS_CHANNEL, seq=1, last_alert_id="7-1")
    second = {"seq": 2, "previous_alert_id": "7-1", "last_alert_id": "7-2"}

    monitoring.connected("a", {})
    monitoring.deliver(publish(METRICS_CHANNEL, seq=2))
    monitoring.deliver(publish(ALERTS_CHANNEL, **second))

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
    assert push.got["a"][4][1] == message(ALERTS_CHANNEL, **second)


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


# Deltas


def test_client_of_deltas_begins_with_a_snapshot_and_gets_what_changed(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step], message: Message
) -> None:
    monitoring.deliver(publish(METRICS_CHANNEL, seq=1))
    monitoring.connected("a", {"subscribe": {"mode": "delta"}})
    warmer = json.loads(message(METRICS_CHANNEL))["nodes"]
    warmer[1]["temperature"] = 99.5

    monitoring.deliver(publish(METRICS_CHANNEL, seq=2, nodes=warmer))
    monitoring.deliver(publish(METRICS_CHANNEL, seq=3, nodes=warmer[:2]))

    assert push.events("a") == [
        *("monitoring_connected", "subscribed_to_updates", "cluster_metrics"),
        *("cluster_metrics_delta", "cluster_metrics_delta"),
    ]
    assert push.last("a", "subscribed_to_updates")["mode"] == "delta"
    first, second = (json.loads(payload) for name, payload in push.got["a"] if name == "cluster_metrics_delta")
    assert (first["base_seq"], first["seq"], second["base_seq"], second["seq"]) == (1, 2, 2, 3)
    assert first["changed"] == [{"node": "node6.lan", "temperature": 99.5}]
    assert second["removed"] == [ALL[2]]


def test_deltas_are_limited_to_the_nodes_that_a_client_wants(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step], message: Message
) -> None:
    monitoring.deliver(publish(METRICS_CHANNEL, seq=1))
    monitoring.connected("a", {"subscribe": {"mode": "delta", "nodes": ["head.lan"]}})
    monitoring.connected("b", {"subscribe": {"mode": "delta", "nodes": []}})
    warmer = json.loads(message(METRICS_CHANNEL))["nodes"]
    for node in warmer:
        node["load1"] = 9.5

    monitoring.deliver(publish(METRICS_CHANNEL, seq=2, nodes=warmer[:2]))

    delta = push.last("a", "cluster_metrics_delta")
    assert (delta["changed"], delta["removed"]) == ([{"node": "head.lan", "load1": 9.5}], [])
    assert push.last("b", "cluster_metrics_delta")["changed"] == []


def test_clients_of_deltas_get_the_snapshot_when_no_delta_can_say_it(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    monitoring.deliver(publish(METRICS_CHANNEL, seq=1))
    monitoring.connected("a", {"subscribe": {"mode": "delta", "nodes": ["head.lan"]}})
    push.got.clear()

    monitoring.deliver(publish(METRICS_CHANNEL, seq=1, epoch=2**40))

    assert push.events("a") == ["cluster_metrics"]
    assert nodes(push.last("a", "cluster_metrics")) == ["head.lan"]


def test_repeated_snapshot_is_for_clients_of_snapshots_only(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    monitoring.deliver(publish(METRICS_CHANNEL, seq=1))
    for sid, mode in (("a", "delta"), ("b", "snapshot")):
        monitoring.connected(sid, {"subscribe": {"mode": mode}})
    push.got.clear()

    monitoring.deliver(publish(METRICS_CHANNEL, seq=1))

    assert push.events("a") == []
    assert push.events("b") == ["cluster_metrics"]


def test_subscription_is_refused_when_the_clients_name_too_many_nodes(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ws.selections.NAMES_LIMIT_BYTES", 10_000)
    for sid in ("a", "b"):
        monitoring.connected(sid, {})
        monitoring.handle(sid, "subscribe_to_updates", [{"nodes": [f"{sid}{number}" for number in range(100)]}])

    assert push.events("a")[-1] == "subscribed_to_updates"
    assert push.last("b", "error")["code"] == "not_available"
    monitoring.disconnected("a")
    monitoring.handle("b", "subscribe_to_updates", [{"nodes": [f"b{number}" for number in range(100)]}])
    assert push.events("b")[-1] == "subscribed_to_updates"


# The alert log


def entry(position: str) -> LogEntry:
    golden = (GOLDEN / "log_entry.json").read_bytes()
    return msgspec.structs.replace(msgspec.json.decode(golden, type=LogEntry), id=position)


@pytest.fixture
def transition(log: Log, publish: Callable[..., Step], message: Message) -> Callable[..., Step]:
    """An alert that changes: its entry is in the log, and in the message that is returned."""

    def happen(before: str | None, *positions: str) -> Step:
        added = [entry(position) for position in positions]
        log.entries += added
        return publish(
            ALERTS_CHANNEL,
            seq=len(log.entries),
            entries=[json.loads(encode(each)) for each in added],
            previous_alert_id=before,
            last_alert_id=positions[-1],
        )

    return happen


def shown(push: Recorder, sid: str) -> list[str]:
    """The entries that a client has been shown; each update goes on where the one before stopped."""
    updates = [json.loads(payload) for name, payload in push.got.get(sid, []) if name == "alerts_update"]
    for before, after in pairwise(updates):
        assert after["previous_alert_id"] == before["last_alert_id"]
    return [each["id"] for update in updates for each in update["entries"]]


def test_client_that_was_away_is_shown_what_it_missed_and_then_what_happens(
    monitoring: MonitoringNamespace, push: Recorder, transition: Callable[..., Step]
) -> None:
    ids = [f"7-{number}" for number in range(1, 12)]
    monitoring.deliver(transition(None, *ids))

    monitoring.connected("a", {"subscribe": {"last_alert_id": "7-2"}})
    monitoring.deliver(transition("7-11", "7-12"))

    assert push.last("a", "subscribed_to_updates")["recovered"] is True
    assert shown(push, "a") == [*ids[2:], "7-12"]


def test_entries_that_come_while_the_log_is_read_are_shown_once(
    monitoring: MonitoringNamespace, push: Recorder, transition: Callable[..., Step], log: Log
) -> None:
    monitoring.deliver(transition(None, "7-1", "7-2"))
    monitoring.connected("a", {})
    push.got.clear()

    log.before_answer = [lambda: monitoring.deliver(transition("7-2", "7-3"))]
    monitoring.handle("a", "subscribe_to_updates", [{"last_alert_id": "7-1"}])
    monitoring.deliver(transition("7-3", "7-4"))

    assert shown(push, "a") == ["7-2", "7-3", "7-4"]


def test_entries_that_the_replica_has_not_yet_seen_are_left_to_their_message(
    monitoring: MonitoringNamespace, push: Recorder, transition: Callable[..., Step], log: Log
) -> None:
    monitoring.deliver(transition(None, "7-1", "7-2"))
    log.entries.append(entry("7-3"))

    monitoring.connected("a", {"subscribe": {"last_alert_id": "7-1"}})
    assert shown(push, "a") == ["7-2"]
    log.entries.pop()
    monitoring.deliver(transition("7-2", "7-3"))

    assert shown(push, "a") == ["7-2", "7-3"]


def test_client_is_told_when_its_entry_is_gone(
    monitoring: MonitoringNamespace, push: Recorder, transition: Callable[..., Step]
) -> None:
    monitoring.deliver(transition(None, "7-5", "7-6"))

    monitoring.connected("a", {"subscribe": {"last_alert_id": "7-4"}})

    assert push.last("a", "subscribed_to_updates")["recovered"] is False
    assert push.events("a")[-1] == "alerts_update"
    assert push.last("a", "alerts_update")["entries"] == []
    assert push.last("a", "alerts_update")["previous_alert_id"] == "7-6"


def test_client_is_told_when_the_log_is_cut_while_it_is_read(
    monitoring: MonitoringNamespace, push: Recorder, transition: Callable[..., Step], log: Log
) -> None:
    monitoring.deliver(transition(None, *(f"7-{number}" for number in range(1, 9))))
    log.before_answer = [lambda: None, log.entries.clear]

    monitoring.connected("a", {"subscribe": {"last_alert_id": "7-1"}})

    answers = [json.loads(payload) for name, payload in push.got["a"] if name == "subscribed_to_updates"]
    assert [answer["recovered"] for answer in answers] == [True, False]
    assert push.last("a", "alerts_update")["previous_alert_id"] == "7-8"


def test_nothing_is_recovered_when_redis_is_away_unless_nothing_was_missed(
    monitoring: MonitoringNamespace, push: Recorder, transition: Callable[..., Step], log: Log
) -> None:
    monitoring.deliver(transition(None, "7-1", "7-2"))
    log.fails = True

    for sid, position in (("a", "7-1"), ("b", "7-2")):
        monitoring.connected(sid, {"subscribe": {"last_alert_id": position}})

    assert push.last("a", "subscribed_to_updates")["recovered"] is False
    assert push.last("b", "subscribed_to_updates")["recovered"] is True
    assert shown(push, "b") == []


def test_client_from_a_replica_that_was_ahead_waits_for_this_one(
    monitoring: MonitoringNamespace, push: Recorder, transition: Callable[..., Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    monitoring.deliver(transition(None, "7-1"))
    moments = iter([lambda: None, lambda: monitoring.deliver(transition("7-1", "7-2"))])
    monkeypatch.setattr("time.sleep", lambda _seconds: next(moments)())

    monitoring.connected("a", {"subscribe": {"last_alert_id": "7-2"}})
    monitoring.deliver(transition("7-2", "7-3"))

    assert push.last("a", "subscribed_to_updates")["recovered"] is True
    assert shown(push, "a") == ["7-3"]


def test_clients_that_want_the_same_nodes_share_one_encoded_payload(
    monitoring: MonitoringNamespace, push: Recorder, publish: Callable[..., Step]
) -> None:
    for sid, wanted in [("a", ["head.lan", "x"]), ("b", ["x", "head.lan"]), ("c", ["x"]), ("d", None)]:
        monitoring.connected(sid, {"subscribe": {"nodes": wanted}})

    monitoring.deliver(publish(METRICS_CHANNEL))

    groups = [group for group, _, _ in push.broadcasts]
    assert sorted(sorted(push.members[group]) for group in groups) == [["a", "b"], ["c"], ["d"]]


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
