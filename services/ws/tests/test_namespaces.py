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
from tests.drivers.publisher import message
from ws.access.limits import Limits, Subscriptions
from ws.alert_log import ResultPage, StoredEntry
from ws.counters import Counters
from ws.event import Event, Group
from ws.namespaces.health import HealthNamespace, cluster_counts
from ws.namespaces.monitoring import MonitoringNamespace
from ws.namespaces.namespace import Namespace
from ws.namespaces.root import RootNamespace
from ws.state import ClusterState, MessageOutcome, StoredMessage, receive

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


class Log:
    """An ``AlertLogFollower`` that holds ``entries`` and calls ``before_answer`` before each answer."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self.fails = False
        self.before_answer: list[Callable[[], None]] = []

    def read_after(self, position: str, known: str) -> ResultPage | None:
        if self.before_answer:
            self.before_answer.pop(0)()
        if self.fails:
            raise RedisAway
        ids = [entry.id for entry in self.entries]
        if position not in ids:
            return None
        found = self.entries[ids.index(position) + 1 :][:3]
        return tuple(StoredEntry(entry.id, msgspec.Raw(encode(entry))) for entry in found)


class Reporter:
    def report(self) -> Any:
        return health_report(
            timestamp="2026-11-23T09:41:08.000Z",
            version="0.8.0",
            cluster_name="lab",
            redis_down_since=None,
            collector=CollectorReport(status="down", leader=None, epoch=None, age_seconds=None),
            replicas=[ReplicaReport(replica="a", connected_clients=1, started="2026-11-23T09:41:08Z", version="0.8.0")],
        )


class Parts:
    """The parts of a replica without Redis and without clients."""

    def __init__(self) -> None:
        self.push, self.counters, self.state, self.log = Recorder(), Counters(), ClusterState(), Log()
        common = (self.push, self.counters, self.state)
        subscriptions = Subscriptions(Limits(), self.counters, lambda _sid: ())
        self.root = RootNamespace(*common, "5f0c9a71")
        self.health = HealthNamespace(*common, Reporter())  # type: ignore[arg-type]
        self.monitoring = MonitoringNamespace(*common, self.log, subscriptions)  # type: ignore[arg-type]

    def publish(self, channel: str, **changes: Any) -> MessageOutcome:
        """Apply the collector's next message of a channel; return the outcome."""
        received = receive(channel, message(channel, **changes))
        return self.state.apply(received, StoredMessage(received.raw))

    def transition(self, before: str | None, *positions: str) -> MessageOutcome:
        """Add an alert's entries to the log; return the outcome of the message with the entries."""
        added = [entry(position) for position in positions]
        self.log.entries += added
        return self.publish(
            ALERTS_CHANNEL,
            seq=len(self.log.entries),
            entries=[json.loads(encode(each)) for each in added],
            previous_alert_id=before,
            last_alert_id=positions[-1],
        )


@pytest.fixture
def parts() -> Parts:
    return Parts()


def nodes(payload: Any) -> list[str]:
    return [node["node"] for node in payload["nodes"]]


# /


def test_root_confirms_and_sends_the_latest_of_each_channel_when_a_client_connects(parts: Parts) -> None:
    for channel in reversed(CHANNELS):
        parts.publish(channel)

    parts.root.connected("a", {})

    confirmed = json.loads(parts.push.got["a"][0][1])
    assert confirmed.keys() == {"sid", "replica", "timestamp", "age_seconds"}
    assert (confirmed["sid"], confirmed["replica"]) == ("a", "5f0c9a71")
    assert parts.push.got["a"][0][0] == "connection_confirmed"
    assert parts.push.got["a"][1:] == [
        ("redis_cluster_metrics", message(METRICS_CHANNEL)),
        ("redis_cluster_health", message(HEALTH_CHANNEL)),
        ("redis_cluster_alerts", message(ALERTS_CHANNEL)),
    ]


def test_root_sends_only_the_confirmation_when_nothing_is_known(parts: Parts) -> None:
    parts.root.connected("a", {})

    assert parts.push.events("a") == ["connection_confirmed"]
    assert parts.push.last("a", "connection_confirmed")["age_seconds"] is None


@pytest.mark.parametrize("raw", [b'{"x":1}', b'{ "a" : 1.0 }'])
def test_root_passes_on_what_is_published_by_hand(parts: Parts, raw: bytes) -> None:
    parts.root.connected("a", {})

    parts.root.deliver(parts.state.apply(receive(ALERTS_CHANNEL, raw), None))

    assert parts.push.got["a"][-1] == ("redis_cluster_alerts", raw)


# /health


def test_health_sends_the_latest_on_connect_and_then_every_change(parts: Parts) -> None:
    parts.publish(HEALTH_CHANNEL, seq=1)
    parts.health.connected("a", {})

    for outcome in [
        parts.publish(HEALTH_CHANNEL, seq=2),
        parts.publish(HEALTH_CHANNEL, seq=2),
        parts.publish(METRICS_CHANNEL),
    ]:
        parts.health.deliver(outcome)

    assert parts.push.events("a") == ["health_connected", "health_update", "health_update"]
    assert parts.push.got["a"][1][1] == message(HEALTH_CHANNEL, seq=1)
    assert parts.push.got["a"][2][1] == message(HEALTH_CHANNEL, seq=2)


@pytest.mark.parametrize(
    ("online", "total", "with_snapshot", "down"), [(1, 3, True, 1), (1, 3, False, 2), (None, None, False, None)]
)
def test_cluster_counts_nodes_down(parts: Parts, online: Any, total: Any, with_snapshot: bool, down: Any) -> None:
    if online is not None:
        parts.publish(HEALTH_CHANNEL)
    if with_snapshot:
        parts.publish(METRICS_CHANNEL)

    counts = cluster_counts(parts.state.health, parts.state.snapshot)

    assert (counts.nodes_online, counts.nodes_total, counts.nodes_down) == (online, total, down)


# /monitoring


def test_monitoring_sends_snapshot_and_alerts_on_connect_and_then_every_new_one(parts: Parts) -> None:
    parts.publish(METRICS_CHANNEL, seq=1)
    parts.publish(ALERTS_CHANNEL, seq=1, last_alert_id="7-1")
    second = {"seq": 2, "previous_alert_id": "7-1", "last_alert_id": "7-2"}

    parts.monitoring.connected("a", {})
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=2))
    parts.monitoring.deliver(parts.publish(ALERTS_CHANNEL, **second))

    assert parts.push.events("a") == [
        "monitoring_connected",
        "cluster_metrics",
        "alerts_update",
        "cluster_metrics",
        "alerts_update",
    ]
    assert parts.push.got["a"][1][1] == message(METRICS_CHANNEL, seq=1)
    assert json.loads(parts.push.got["a"][2][1])["entries"] == []
    assert parts.push.got["a"][3][1] == message(METRICS_CHANNEL, seq=2)
    assert parts.push.got["a"][4][1] == message(ALERTS_CHANNEL, **second)


def test_monitoring_sends_a_repeated_snapshot_again(parts: Parts) -> None:
    parts.monitoring.connected("a", {})
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL))
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL))

    assert parts.push.events("a") == ["monitoring_connected", "cluster_metrics", "cluster_metrics"]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (None, ALL),
        ([], []),
        (["node6.lan"], ["node6.lan"]),
        (["pi-é.lan:9200", "head.lan", "unknown"], ["head.lan", "pi-é.lan:9200"]),
        (["unknown"], []),
    ],
)
def test_subscription_is_answered_and_limits_the_snapshots(parts: Parts, wanted: Any, shown: list[str]) -> None:
    parts.publish(METRICS_CHANNEL, seq=1)
    parts.publish(ALERTS_CHANNEL, last_alert_id="7-3")
    parts.monitoring.connected("a", {})
    parts.push.got.clear()

    answer = parts.monitoring.handle("a", "subscribe_to_updates", [{"nodes": wanted, "last_alert_id": "7-1"}])
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=2))

    assert parts.push.events("a") == ["subscribed_to_updates", "cluster_metrics", "alerts_update", "cluster_metrics"]
    in_force = parts.push.last("a", "subscribed_to_updates")
    assert in_force == json.loads(answer or b"")
    assert in_force | {"timestamp": "", "age_seconds": 0} == {
        "mode": "snapshot",
        "nodes": wanted,
        "recovered": False,
        "last_alert_id": "7-3",
        "timestamp": "",
        "age_seconds": 0,
    }
    limited = parts.push.last("a", "cluster_metrics")
    assert nodes(limited) == shown
    assert limited | {"nodes": []} == json.loads(message(METRICS_CHANNEL, seq=2)) | {"nodes": []}
    assert nodes(json.loads(parts.push.got["a"][1][1])) == shown


# Deltas


def test_client_of_deltas_begins_with_a_snapshot_and_gets_what_changed(parts: Parts) -> None:
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=1))
    parts.monitoring.connected("a", {"subscribe": {"mode": "delta"}})
    warmer = json.loads(message(METRICS_CHANNEL))["nodes"]
    warmer[1]["temperature"] = 99.5

    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=2, nodes=warmer))
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=3, nodes=warmer[:2]))

    assert parts.push.events("a") == [
        *("monitoring_connected", "subscribed_to_updates", "cluster_metrics"),
        *("cluster_metrics_delta", "cluster_metrics_delta"),
    ]
    assert parts.push.last("a", "subscribed_to_updates")["mode"] == "delta"
    first, second = (json.loads(payload) for name, payload in parts.push.got["a"] if name == "cluster_metrics_delta")
    assert (first["base_seq"], first["seq"], second["base_seq"], second["seq"]) == (1, 2, 2, 3)
    assert first["changed"] == [{"node": "node6.lan", "temperature": 99.5}]
    assert second["removed"] == [ALL[2]]


def test_deltas_are_limited_to_the_nodes_that_a_client_wants(parts: Parts) -> None:
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=1))
    parts.monitoring.connected("a", {"subscribe": {"mode": "delta", "nodes": ["head.lan"]}})
    parts.monitoring.connected("b", {"subscribe": {"mode": "delta", "nodes": []}})
    warmer = json.loads(message(METRICS_CHANNEL))["nodes"]
    for node in warmer:
        node["load1"] = 9.5

    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=2, nodes=warmer[:2]))

    delta = parts.push.last("a", "cluster_metrics_delta")
    assert (delta["changed"], delta["removed"]) == ([{"node": "head.lan", "load1": 9.5}], [])
    assert parts.push.last("b", "cluster_metrics_delta")["changed"] == []


def test_clients_of_deltas_get_the_snapshot_when_there_is_no_delta(parts: Parts) -> None:
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=1))
    parts.monitoring.connected("a", {"subscribe": {"mode": "delta", "nodes": ["head.lan"]}})
    parts.push.got.clear()

    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=1, epoch=2**40))

    assert parts.push.events("a") == ["cluster_metrics"]
    assert nodes(parts.push.last("a", "cluster_metrics")) == ["head.lan"]


def test_repeated_snapshot_is_for_clients_of_snapshots_only(parts: Parts) -> None:
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=1))
    for sid, mode in (("a", "delta"), ("b", "snapshot")):
        parts.monitoring.connected(sid, {"subscribe": {"mode": mode}})
    parts.push.got.clear()

    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL, seq=1))

    assert parts.push.events("a") == []
    assert parts.push.events("b") == ["cluster_metrics"]


def test_subscription_is_refused_when_the_clients_name_too_many_nodes(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ws.selections.NAMES_LIMIT_BYTES", 10_000)
    for sid in ("a", "b"):
        parts.monitoring.connected(sid, {})
        parts.monitoring.handle(sid, "subscribe_to_updates", [{"nodes": [f"{sid}{number}" for number in range(100)]}])

    assert parts.push.events("a")[-1] == "subscribed_to_updates"
    assert parts.push.last("b", "error")["code"] == "not_available"
    parts.monitoring.disconnected("a")
    parts.monitoring.handle("b", "subscribe_to_updates", [{"nodes": [f"b{number}" for number in range(100)]}])
    assert parts.push.events("b")[-1] == "subscribed_to_updates"


# The alert log


def entry(position: str) -> LogEntry:
    golden = (GOLDEN / "log_entry.json").read_bytes()
    return msgspec.structs.replace(msgspec.json.decode(golden, type=LogEntry), id=position)


def shown(push: Recorder, sid: str) -> list[str]:
    """Return the entries that a client got; each update must continue the previous one."""
    updates = [json.loads(payload) for name, payload in push.got.get(sid, []) if name == "alerts_update"]
    for before, after in pairwise(updates):
        assert after["previous_alert_id"] == before["last_alert_id"]
    return [each["id"] for update in updates for each in update["entries"]]


def test_resuming_client_gets_missed_entries_and_then_new_ones(parts: Parts) -> None:
    ids = [f"7-{number}" for number in range(1, 12)]
    parts.monitoring.deliver(parts.transition(None, *ids))

    parts.monitoring.connected("a", {"subscribe": {"last_alert_id": "7-2"}})
    parts.monitoring.deliver(parts.transition("7-11", "7-12"))

    assert parts.push.last("a", "subscribed_to_updates")["recovered"] is True
    assert shown(parts.push, "a") == [*ids[2:], "7-12"]


def test_entries_that_arrive_while_the_log_is_read_are_sent_once(parts: Parts) -> None:
    parts.monitoring.deliver(parts.transition(None, "7-1", "7-2"))
    parts.monitoring.connected("a", {})
    parts.push.got.clear()

    parts.log.before_answer = [lambda: parts.monitoring.deliver(parts.transition("7-2", "7-3"))]
    parts.monitoring.handle("a", "subscribe_to_updates", [{"last_alert_id": "7-1"}])
    parts.monitoring.deliver(parts.transition("7-3", "7-4"))

    assert shown(parts.push, "a") == ["7-2", "7-3", "7-4"]


def test_entries_newer_than_the_replicas_state_come_with_their_message(parts: Parts) -> None:
    parts.monitoring.deliver(parts.transition(None, "7-1", "7-2"))
    parts.log.entries.append(entry("7-3"))

    parts.monitoring.connected("a", {"subscribe": {"last_alert_id": "7-1"}})
    assert shown(parts.push, "a") == ["7-2"]
    parts.log.entries.pop()
    parts.monitoring.deliver(parts.transition("7-2", "7-3"))

    assert shown(parts.push, "a") == ["7-2", "7-3"]


def test_resume_is_not_recovered_when_the_clients_entry_no_longer_exists(parts: Parts) -> None:
    parts.monitoring.deliver(parts.transition(None, "7-5", "7-6"))

    parts.monitoring.connected("a", {"subscribe": {"last_alert_id": "7-4"}})

    assert parts.push.last("a", "subscribed_to_updates")["recovered"] is False
    assert parts.push.events("a")[-1] == "alerts_update"
    assert parts.push.last("a", "alerts_update")["entries"] == []
    assert parts.push.last("a", "alerts_update")["previous_alert_id"] == "7-6"


def test_resume_is_not_recovered_when_the_log_is_trimmed_while_it_is_read(parts: Parts) -> None:
    parts.monitoring.deliver(parts.transition(None, *(f"7-{number}" for number in range(1, 9))))
    parts.log.before_answer = [lambda: None, parts.log.entries.clear]

    parts.monitoring.connected("a", {"subscribe": {"last_alert_id": "7-1"}})

    answers = [json.loads(payload) for name, payload in parts.push.got["a"] if name == "subscribed_to_updates"]
    assert [answer["recovered"] for answer in answers] == [True, False]
    assert parts.push.last("a", "alerts_update")["previous_alert_id"] == "7-8"


def test_resume_is_recovered_without_redis_only_when_nothing_was_missed(parts: Parts) -> None:
    parts.monitoring.deliver(parts.transition(None, "7-1", "7-2"))
    parts.log.fails = True

    for sid, position in (("a", "7-1"), ("b", "7-2")):
        parts.monitoring.connected(sid, {"subscribe": {"last_alert_id": position}})

    assert parts.push.last("a", "subscribed_to_updates")["recovered"] is False
    assert parts.push.last("b", "subscribed_to_updates")["recovered"] is True
    assert shown(parts.push, "b") == []


def test_client_from_a_replica_that_was_ahead_waits_for_this_one(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.monitoring.deliver(parts.transition(None, "7-1"))
    moments = iter([lambda: None, lambda: parts.monitoring.deliver(parts.transition("7-1", "7-2"))])
    monkeypatch.setattr("time.sleep", lambda _seconds: next(moments)())

    parts.monitoring.connected("a", {"subscribe": {"last_alert_id": "7-2"}})
    parts.monitoring.deliver(parts.transition("7-2", "7-3"))

    assert parts.push.last("a", "subscribed_to_updates")["recovered"] is True
    assert shown(parts.push, "a") == ["7-3"]


def test_clients_that_want_the_same_nodes_share_one_encoded_payload(parts: Parts) -> None:
    for sid, wanted in [("a", ["head.lan", "x"]), ("b", ["x", "head.lan"]), ("c", ["x"]), ("d", None)]:
        parts.monitoring.connected(sid, {"subscribe": {"nodes": wanted}})

    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL))

    groups = [group for group, _, _ in parts.push.broadcasts]
    assert sorted(sorted(parts.push.members[group]) for group in groups) == [["a", "b"], ["c"], ["d"]]


def test_subscription_replaces_the_previous_one(parts: Parts) -> None:
    parts.monitoring.connected("a", {"subscribe": {"nodes": ["head.lan"]}})
    parts.monitoring.handle("a", "subscribe_to_updates", [{"nodes": []}])
    parts.monitoring.handle("a", "subscribe_to_updates", [])
    parts.push.got.clear()

    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL))

    assert parts.push.events("a") == ["cluster_metrics"]
    assert nodes(parts.push.last("a", "cluster_metrics")) == ALL
    assert len(parts.push.broadcasts) == 1


def test_subscription_in_the_handshake_applies_from_the_beginning(parts: Parts) -> None:
    parts.publish(METRICS_CHANNEL)

    parts.monitoring.connected("a", {"subscribe": {"nodes": ["node6.lan"]}})

    assert parts.push.events("a") == ["monitoring_connected", "subscribed_to_updates", "cluster_metrics"]
    assert nodes(parts.push.last("a", "cluster_metrics")) == ["node6.lan"]


@pytest.mark.parametrize(
    "wanted",
    [{"nodes": 3}, {"nodes": [1]}, {"mode": "fast"}, {"last_alert_id": "x"}, {"nodes": ["n"] * 2001}, 5, [], "x"],
    ids=lambda wanted: str(wanted)[:30],
)
def test_client_gets_all_nodes_when_the_subscription_in_the_handshake_is_invalid(parts: Parts, wanted: Any) -> None:
    parts.publish(METRICS_CHANNEL)

    parts.monitoring.connected("a", {"subscribe": wanted})

    assert parts.push.events("a") == ["monitoring_connected", "error", "cluster_metrics"]
    assert parts.push.last("a", "error")["code"] == "bad_request"
    assert nodes(parts.push.last("a", "cluster_metrics")) == ALL


@pytest.mark.parametrize("wanted", [{"nodes": 3}, {"mode": "fast"}, {"nodes": ["n"] * 2001}, 5, [], "x"], ids=str)
def test_previous_subscription_stays_when_the_new_one_is_invalid(parts: Parts, wanted: Any) -> None:
    parts.monitoring.connected("a", {"subscribe": {"nodes": ["head.lan"]}})

    answer = parts.monitoring.handle("a", "subscribe_to_updates", [wanted])
    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL))

    assert parts.push.events("a")[-2:] == ["error", "cluster_metrics"]
    assert json.loads(answer or b"") == parts.push.last("a", "error")
    assert nodes(parts.push.last("a", "cluster_metrics")) == ["head.lan"]
    assert parts.counters.bad_requests == 1


def test_most_nodes_that_a_subscription_may_name_are_accepted(parts: Parts) -> None:
    parts.monitoring.connected("a", {})

    parts.monitoring.handle("a", "subscribe_to_updates", [{"nodes": [f"n{number}" for number in range(2000)]}])

    assert parts.push.events("a")[-1] == "subscribed_to_updates"


def test_nothing_is_kept_of_a_disconnected_client(parts: Parts) -> None:
    parts.monitoring.connected("a", {"subscribe": {"nodes": ["head.lan"]}})
    parts.monitoring.disconnected("a")
    parts.push.got.clear()

    for wanted in (None, ["head.lan"]):  # requests sent before the disconnection, handled after
        parts.monitoring.handle("a", "subscribe_to_updates", [{"nodes": wanted}])

    assert parts.push.got == {}
    assert [members for group, members in parts.push.members.items() if group.name != "everybody"] == [[], []]


def test_snapshots_are_not_encoded_for_a_selection_without_clients(parts: Parts) -> None:
    parts.monitoring.connected("a", {"subscribe": {"nodes": ["head.lan"]}})
    parts.monitoring.disconnected("a")

    parts.monitoring.deliver(parts.publish(METRICS_CHANNEL))

    assert parts.push.broadcasts == []


def test_requests_are_answered_as_event_and_acknowledgement(parts: Parts) -> None:
    parts.publish(METRICS_CHANNEL)
    cases: list[tuple[Namespace, str, str]] = [
        (parts.monitoring, "request_cluster_status", "cluster_status_response"),
        (parts.monitoring, "request_nodes_status", "nodes_status_response"),
        (parts.health, "request_health", "health_response"),
    ]
    for namespace, request, response in cases:
        answer = namespace.handle("a", request, [])

        assert parts.push.events("a")[-1] == response
        assert json.loads(answer or b"") == parts.push.last("a", response)
        assert parts.push.last("a", response).keys() == {"data", "timestamp"}
    assert parts.push.last("a", "cluster_status_response")["data"]["cluster_stats"]["down_nodes"] == 1
    assert nodes({"nodes": parts.push.last("a", "nodes_status_response")["data"]}) == ALL


@pytest.mark.parametrize("request_name", ["request_cluster_status", "request_nodes_status"])
def test_request_gets_an_error_before_the_first_snapshot(parts: Parts, request_name: str) -> None:
    answer = parts.monitoring.handle("a", request_name, [None])

    assert parts.push.events("a") == ["error"]
    assert parts.push.last("a", "error")["code"] == "not_available"
    assert json.loads(answer or b"") == parts.push.last("a", "error")


@pytest.mark.parametrize("arguments", [[], [None], [{}], [{"from": "a newer page"}]])
def test_request_is_answered_when_its_argument_is_missing_null_or_an_object(parts: Parts, arguments: list[Any]) -> None:
    assert parts.health.handle("a", "request_health", arguments)
    assert parts.push.events("a") == ["health_response"]


@pytest.mark.parametrize("arguments", [[1], ["x"], [[]], [True], [{}, {}], [None, None]])
def test_request_is_refused_when_its_argument_is_not_an_object(parts: Parts, arguments: list[Any]) -> None:
    answer = parts.health.handle("a", "request_health", arguments)

    assert parts.push.events("a") == ["error"]
    assert json.loads(answer or b"") == parts.push.last("a", "error")
    assert parts.push.last("a", "error")["code"] == "bad_request"
    assert parts.counters.bad_requests == 1


def test_unknown_event_is_ignored_and_counted(parts: Parts) -> None:
    assert parts.root.handle("a", "request_health", [{}]) is None
    assert parts.push.got == {}
    assert parts.counters.unknown_events == 1
