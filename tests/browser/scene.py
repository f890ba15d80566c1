"""A cluster as a test draws it: the api, a push replica and the one port before them, and messages made by hand.

There is no collector and no exporter: a thousand nodes, their alerts and a week of history are there at once.
``python -m tests.browser.scene --nodes 50 --state alerts`` shows one to whoever works on the pages.
"""

import argparse
import math
import threading
import time
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from contract.codec import encode
from contract.health import overall_status
from contract.history import CLUSTER_NODE, MEASURES, STEPS, Entry, encode_entry
from contract.messages import Alert, Alerts, ClusterStats, Health, Incident, LogEntry, Node, Severity, Snapshot
from contract.names import (
    ALERTS_CHANNEL,
    HEALTH_CHANNEL,
    HISTORY_FIELD,
    INCIDENTS_FIELD,
    INCIDENTS_KEY,
    INCIDENTS_SINCE_FIELD,
    METRICS_CHANNEL,
    history_key,
)
from tests.drivers.ports import free_port
from tests.drivers.publisher import Publisher
from tests.drivers.rest import Rest
from tests.drivers.stack import Stack
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

State = Literal["calm", "alerts", "away"]

INTERVAL_SECONDS: Final = 2.0
#: Nodes that have a history; it is the pages' first.
NODES_WITH_HISTORY: Final = 12
LONG_NAME: Final = "rack-12-blade-07.compute.hamburg.example.org"


class Scene:
    """``show`` publishes a cluster of ``nodes`` nodes every ``INTERVAL_SECONDS`` until ``close``."""

    def __init__(self) -> None:
        self.valkey = Valkey()
        self.valkey.start()
        self._stack = Stack(self.valkey)
        self._lock = threading.Lock()
        self._nodes = 0
        self._state: State = "calm"
        self._epoch = int(time.time())
        self._seq = 0
        self._since = _stamp(time.time() - 340)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def origin(self) -> str:
        """Where the pages are."""
        return self.rest.origin

    def start(self) -> None:
        """Start the services; nothing is published before ``show``."""
        api = self._stack.start_api()
        port, own = free_port(), free_port()
        self._stack.start(
            "gateway", "deploy.local.gateway",
            PORT=str(port), WS_PORT=str(own), API_PORT=api.origin.rpartition(":")[2],
        )  # fmt: skip
        self.rest: Rest = self._stack.rest(port)
        ready = self._stack.rest(own)
        eventually(lambda: ready.status("/readyz") == 200, within_seconds=30, what="the gateway ready")
        self._thread.start()

    def show(self, nodes: int, state: State) -> None:
        """Show another cluster from now on; ``away`` is one whose Redis has gone after the first alerts."""
        if not self.valkey.is_running:
            self.valkey.start()
        with self._lock:
            if nodes != self._nodes or self._is_empty():
                self._write_history(nodes)
                self._write_incidents(nodes)
            # A new epoch, so that every page takes it for another collector's.
            self._nodes, self._state, self._epoch, self._seq = nodes, state, self._epoch + 1, 0
            self._publish()
            shown = self._epoch
        eventually(lambda: self.rest.json("/api/cluster/snapshot")["epoch"] == shown, what="the scene in the api")
        if state == "away":
            with self._lock:
                self.valkey.stop()

    def next_round(self) -> None:
        """Publish one more round now."""
        with self._lock:
            self._publish()

    def close(self) -> None:
        """End everything."""
        self._ended.set()
        self._thread.join(10)
        self._stack.close()
        self.valkey.stop()

    def _run(self) -> None:
        while not self._ended.wait(INTERVAL_SECONDS):
            with self._lock:
                if self._nodes and self.valkey.is_running:
                    self._publish()

    def _publish(self) -> None:
        self._seq += 1
        now = time.time()
        head: dict[str, Any] = {"cluster": "lab", "epoch": self._epoch, "seq": self._seq, "timestamp": _stamp(now)}
        alerts = () if self._state == "calm" else _alerts(self._nodes, self._since)
        offline = {alert.node for alert in alerts if alert.rule == "node_down"}
        nodes = tuple(_node(index, self._nodes, now, self._since, offline) for index in range(self._nodes))
        log = tuple(_entry(f"{self._epoch}-{number + 1}", alert) for number, alert in enumerate(alerts))
        last = log[-1].id if log else None
        online = len(nodes) - len(offline)
        health = Health(
            **head,
            overall_status=overall_status(online=online, offline=len(offline), total=len(nodes)),
            nodes_online=online,
            nodes_total=len(nodes),
            issues=tuple(f"{node.node} is offline: {node.error}" for node in nodes if node.status == "offline")[:20],
        )
        # The log is written once a scene; the rounds after it have no entry.
        first = self._seq == 1
        message = Alerts(
            **head,
            active_alerts=alerts,
            alert_count=sum(alert.state == "firing" for alert in alerts),
            entries=log if first else (),
            previous_alert_id=None if first else last,
            last_alert_id=last,
        )
        redis = self.valkey.client()
        publisher = Publisher(redis)
        entries = [_plain(entry) for entry in log] if first else []
        publisher.publish(METRICS_CHANNEL, encode(_snapshot(head, nodes)))
        publisher.publish(HEALTH_CHANNEL, encode(health))
        publisher.publish(ALERTS_CHANNEL, encode(message), *entries)
        redis.close()

    def _is_empty(self) -> bool:
        redis = self.valkey.client()
        count = int(redis.dbsize())
        redis.close()
        return count == 0

    def _write_incidents(self, nodes: int) -> None:
        """A week of them: every alert of today was there before, and one node failed every morning."""
        redis = self.valkey.client()
        redis.delete(INCIDENTS_KEY)
        now = time.time()
        redis.xadd(INCIDENTS_KEY, {INCIDENTS_SINCE_FIELD: _stamp(now - 6 * 86_400)}, id="1-0")
        past = [alert for alert in _alerts(nodes, self._since) if alert.state == "firing"]
        for day in range(6, 0, -1):
            for number, alert in enumerate(past[:1] * 2 if day > 2 else past):
                began = now - day * 86_400 + 3600 * number
                incident = Incident(
                    id=f"{alert.id}@{_stamp(began)}", alert_id=alert.id, rule=alert.rule, node=alert.node,
                    severity=alert.severity, began=_stamp(began), ended=_stamp(began + 700 + 60 * number),
                    peak=alert.value, message=alert.message,
                )  # fmt: skip
                redis.xadd(INCIDENTS_KEY, {INCIDENTS_FIELD: encode(incident)}, id=f"2-{100 * (10 - day) + number}")
        redis.close()

    def _write_history(self, nodes: int) -> None:
        redis = self.valkey.client()
        now = time.time()
        pipeline = redis.pipeline(transaction=False)
        for step in STEPS:
            for index in range(-1, min(nodes, NODES_WITH_HISTORY)):
                key = history_key(step.seconds, CLUSTER_NODE if index < 0 else _name(index, nodes))
                pipeline.delete(key)
                last = int(now // step.seconds)
                for number in range(last - step.range_seconds // step.seconds, last):
                    at = number * step.seconds
                    entry = Entry(5, tuple(_summary(measure, index, at) for measure in MEASURES))
                    pipeline.xadd(key, {HISTORY_FIELD: encode_entry(entry)}, id=f"{at * 1000}-0")
        pipeline.execute()
        redis.close()


def _plain(entry: LogEntry) -> dict[str, object]:
    return {field: getattr(entry, field) for field in LogEntry.__struct_fields__}


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _name(index: int, nodes: int) -> str:
    # Somewhere a name is longer than a column.
    return LONG_NAME if index == 7 else f"node{index + 1:0{max(2, len(str(nodes)))}}"


def _wave(seed: int, at: float, low: float, high: float) -> float:
    share = 0.5 + 0.3 * math.sin(at / 97 + seed * 1.7) + 0.2 * math.sin(at / 13 + seed * 5.1)
    return low + (high - low) * min(1.0, max(0.0, share))


_SPANS: Final[dict[str, tuple[float, float]]] = {
    "cpu_usage": (4, 55),
    "memory_usage": (30, 48),
    "disk_usage": (41, 43),
    "temperature": (43, 57),
    "load1": (0.1, 3.4),
    "network_receive_bytes_per_second": (900, 9_400_000),
    "network_transmit_bytes_per_second": (700, 4_100_000),
    "disk_read_bytes_per_second": (0, 12_000_000),
    "disk_written_bytes_per_second": (4000, 31_000_000),
    "iowait": (0, 4),
    "swap_usage": (1, 3),
    "pressure_io": (0, 9),
    "pressure_memory": (0, 4),
}


def _value(measure: str, seed: int, at: float) -> float:
    low, high = _SPANS[measure]
    digits = MEASURES[measure]
    value = _wave(seed + len(measure), at, low, high)
    return round(value) if digits is None else round(value, digits)


def _summary(measure: str, seed: int, at: float) -> tuple[float, float, float]:
    middle = _value(measure, seed, at)
    return (round(middle * 0.9, 2), middle, round(middle * 1.1, 2))


def _node(index: int, nodes: int, now: float, since: str, offline: set[str]) -> Node:
    name = _name(index, nodes)
    is_online = name not in offline
    known = {measure: _value(measure, index, now) if is_online else None for measure in MEASURES}
    if name == _name(2, nodes) and is_online and offline:
        known |= {"temperature": 91.5, "memory_usage": 97.2}
    if name == LONG_NAME and offline:
        known |= {"disk_usage": 98.0}
    if index % 10 == 9:
        known["temperature"] = None  # a board without a sensor
    return Node(
        node=name,
        address=f"10.1.{index // 250}.{index % 250 + 1}:9100",
        role="master" if index == 0 else "worker",
        status="online" if is_online else "offline",
        is_healthy=is_online,
        status_since=since,
        error=None if is_online else "connection refused: does the exporter run, and does it listen on this address?",
        boot_time=_stamp(now - 5 * 86_400),
        cpu_count=8 if is_online else None,
        memory_total_bytes=16 * 2**30 if is_online else None,
        disk_total_bytes=500 * 2**30 if is_online else None,
        **known,  # type: ignore[arg-type]  # rates are whole, the rest is not
    )


def _alerts(nodes: int, since: str) -> tuple[Alert, ...]:
    """One of a single node. Of more: two critical, four warnings (three nodes are away), one info, and one pending."""

    def alert(
        rule: str,
        index: int,
        severity: Severity,
        value: float | None,
        text: str,
        detail: str = "",
        is_pending: bool = False,
    ) -> Alert:
        node = _name(index, nodes)
        return Alert(
            id=f"{rule}/{node}{detail}", rule=rule, node=node, severity=severity, type=severity,
            state="pending" if is_pending else "firing", value=value, message=text.format(node=node), since=since,
        )  # fmt: skip

    away = "{node} is offline: connection refused: does the exporter run, and does it listen on this address?"
    if nodes == 1:
        return (alert("node_down", 0, "critical", None, away),)
    return (
        alert("clock_offset", 2, "info", 0.61, "{node}: its clock differs by 0.61 s from the collector's"),
        alert("node_down", 4, "warning", None, away),
        alert("node_down", 5, "warning", None, away),
        alert("node_down", 6, "warning", None, away),
        alert("temperature", 2, "critical", 91.5, "{node}: its temperature is 91.5 °C"),
        alert("memory", 2, "warning", 97.2, "{node}: its memory is 97 % full"),
        alert("filesystem_full", 7, "critical", 98.0, "{node}: / is 98 % full", "//"),
        alert("memory", 8, "warning", 93.0, "{node}: its memory is 93 % full", is_pending=True),
    )


def _entry(position: str, alert: Alert) -> LogEntry:
    return LogEntry(
        id=position, timestamp=alert.since, transition=alert.state, alert_id=alert.id, rule=alert.rule,
        node=alert.node, severity=alert.severity, value=alert.value, message=alert.message, since=alert.since,
    )  # fmt: skip


def _snapshot(head: dict[str, Any], nodes: tuple[Node, ...]) -> Snapshot:
    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return round(sum(known) / len(known), 1) if known else None

    online = [node for node in nodes if node.status == "online"]
    stats = ClusterStats(
        total_nodes=len(nodes),
        online_nodes=len(online),
        avg_cpu=mean([node.cpu_usage for node in online]),
        avg_memory=mean([node.memory_usage for node in online]),
        avg_disk=mean([node.disk_usage for node in online]),
        avg_temperature=mean([node.temperature for node in online]),
    )
    ordered = tuple(sorted(nodes, key=lambda node: node.node))
    return Snapshot(**head, interval_seconds=INTERVAL_SECONDS, cluster_stats=stats, nodes=ordered)


def main() -> None:
    """Show a scene until Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--state", choices=get_args(State), default="calm")
    options = parser.parse_args()
    scene = Scene()
    scene.start()
    try:
        scene.show(options.nodes, options.state)
        print(scene.origin, flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        scene.close()


if __name__ == "__main__":
    main()
