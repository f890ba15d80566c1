"""The cluster of a scene: its nodes, alerts and issues, with the sentences and codes of this version's collector.

The collector's own code builds the alerts, the health and the rules, so that a page shows real messages.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from collector.alerts.active_alert import ActiveAlert, AlertTransition
from collector.alerts.conditions import ObservedNode, begin_sentence, end_sentence
from collector.alerts.rule import Rule
from collector.alerts.rules import parse_rules
from collector.sentences import alerts as sentences
from collector.sentences import failures, issues
from collector.sentences.files import rule_not_a_number
from collector.sentences.sentence import english
from collector.sentences.targets import host_not_ipv4
from contract.history import MEASURES
from contract.messages import ClusterStats, Coded, Node, Severity, Snapshot
from runtime.clock import timestamp

#: ``calm``: no alert fires. ``warnings``: two warnings fire. ``alerts``: a few alerts fire. ``ill``: more alerts fire,
#: names are long, addresses are IPv6, and every text has its maximum length. ``away``: like ``ill``, without Redis.
State = Literal["calm", "warnings", "alerts", "ill", "away"]

INTERVAL_SECONDS: Final = 2.0
#: Longer than any column.
LONG_NAME: Final = "rack-12-blade-07.compute.hamburg.example.org"
#: Nodes without a name are shown by their address, with a port other than 9100.
_IPV6: Final = "2001:db8:85a3:8d3:1319:8a2e:370:7348"
IPV6_WITH_PORT: Final = "[2001:db8:85a3:8d3:1319:8a2e:370:7349]:9200"
_LONG_MOUNT: Final = "/srv/nfs/projects/climate-simulation/intermediate-results"
_LONG_SENSOR: Final = "nct6798-isa-0290/auxiliary temperature of the board"
#: Changes of the user to the rules.
_RULES: Final = """
temperature: {severity: critical}
filesystem_full: {severity: critical}
clock_offset: {severity: info, threshold: 0.5, clear: 0.3}
cpu: {enabled: true}
swap: {enabled: true}
pressure: {enabled: true}
"""
RULES: Final = parse_rules(_RULES)
#: Age of the alerts.
ALERT_AGE_SECONDS: Final = 340
_LONG_DURATION_SECONDS: Final = 3 * 86_400


@dataclass(frozen=True, slots=True)
class Cluster:
    """``count`` nodes in ``state`` since ``since``, in Unix seconds, in ``racks`` racks; 0: nodes have no labels."""

    count: int
    state: State
    since: float
    racks: int = 0
    #: New rack of each node that has moved, by its index.
    moved: Mapping[int, str] = field(default_factory=dict)

    @property
    def has_long_texts(self) -> bool:
        """Whether names and texts have their maximum length."""
        return self.state in ("ill", "away")

    def name(self, index: int) -> str:
        """Return the name of the node ``index``."""
        if index == 7:
            return LONG_NAME
        if self.has_long_texts and index in (5, 8):
            return IPV6_WITH_PORT if index == 5 else _IPV6
        return f"node{index + 1:0{max(2, len(str(self.count)))}}"

    def labels(self, index: int) -> dict[str, str]:
        """Return the rack, 1 to ``racks``, and the owner of the node ``index``. The last node has no labels."""
        if self.racks == 0 or index == self.count - 1:
            return {}
        rack = self.moved.get(index, f"{index * self.racks // self.count + 1}")
        return {"rack": rack, "owner": ("physics", "chemistry")[index % 2]}

    def alerts(self) -> list[ActiveAlert]:
        """Return the active alerts.

        A single node is offline. Several nodes have two warnings in the state ``warnings``; in the state ``alerts``
        they have two critical alerts, four warnings (three for offline nodes), one info and one pending alert.
        """
        if self.state == "calm":
            return []
        if self.count == 1:
            return [self._offline_alert(0)]
        if self.state == "warnings":
            return [self._alert("memory", index, 97.2) for index in (2, 3)]
        alerts = [
            self._alert("clock_offset", 2, 0.6, sentences.clock_ahead(self.name(2), 0.6)),
            *(self._offline_alert(index) for index in _OFFLINE_NODES),
            self._alert("temperature", 2, 91.5),
            self._alert("memory", 2, 97.2),
            self._alert("filesystem_full", 7, 98.0, detail="/"),
            replace(self._alert("memory", 8, 93.0), state="pending"),
        ]
        return [*alerts, *self._more_alerts()] if self.has_long_texts else alerts

    def _more_alerts(self) -> list[ActiveAlert]:
        name = self.name
        return [
            self._alert("clock_offset", 8, 86_400.5, sentences.clock_behind(name(8), 86_400.5)),
            self._alert("filesystem_full", 7, 99.9, detail=_LONG_MOUNT),
            self._alert("filesystem_readonly", 7, None, detail=_LONG_MOUNT),
            self._alert("hardware_alarm", 7, None, detail=_LONG_SENSOR),
            self._alert("under_voltage", 8, None, detail="rpi_volt/in0"),
            self._alert("pressure", 2, 91.0, detail="io"),
            self._alert("pressure", 7, 77.0, detail="memory"),
            replace(self._alert("swap", 8, 99.4), flapping=12),
        ]

    def changes(self) -> list[AlertTransition]:
        """Return the transitions that led to the alerts, and those of some alerts that have ended."""
        active = [
            AlertTransition("pending" if alert.state == "pending" else "firing", alert) for alert in self.alerts()
        ]
        if not self.has_long_texts or self.count == 1:
            return active
        resolved = [self._alert("swap", 3, 88.8), self._alert("memory", 7, 95.5)]
        full = self._alert("filesystem_full", 8, 93.1, detail=_LONG_MOUNT)
        reasons = [
            end_sentence("swap", self.name(3), "", 12.3),
            sentences.measure_untold(LONG_NAME, "memory"),
            sentences.detail_left_out(self.name(8), _LONG_MOUNT, "filesystem_full"),
        ]
        ended = [
            AlertTransition("resolved", replace(alert, text=why), alert)
            for alert, why in zip([*resolved, full], reasons, strict=True)
        ]
        return [*ended, *active]

    def nodes(self, now: float) -> list[Node]:
        """Return the nodes at ``now``, sorted by name."""
        nodes = [self._node(index, now) for index in range(self.count)]
        return sorted(nodes, key=lambda node: node.node)

    def problems(self) -> list[Coded]:
        """Return issues with the collector's files and DNS names."""
        if not self.has_long_texts:
            return []
        return [
            issues.redis_disk_full("/var/lib/dispycluster-live/valkey", 400_000, 1_234_500_000),
            issues.targets_file_invalid(
                "/etc/dispycluster-live/nodes.yaml", self.count, 4, host_not_ipv4("workers/3", "'127.1'")
            ),
            issues.rules_file_invalid(
                "/etc/dispycluster-live/alerts.yaml", 3, rule_not_a_number("memory", "threshold", "101", 0.0, 100.0)
            ),
            issues.dns_name_failed(
                "_node-exporter._tcp.compute.hamburg.example.org", 3, failures.name_not_found_within(5.0)
            ),
        ]

    def remarks(self) -> list[Coded]:
        """Return issues with nodes that are online."""
        if not self.has_long_texts or self.count == 1:
            return []
        return [
            issues.collector_hangs(LONG_NAME, "filesystem"),
            issues.figures_missing(self.name(9), "cpu memory disk", issues.exporter_too_old("0.15.2")),
        ]

    def _offline_alert(self, index: int) -> ActiveAlert:
        node = self.name(index)
        alert = self._alert("node_down", index, None, sentences.node_offline(node, self._error(index)))
        if self.has_long_texts and index == 6:
            return replace(alert, since=timestamp(self.since - _LONG_DURATION_SECONDS))
        return alert

    def _error(self, index: int) -> Coded:
        """Return why a node is offline."""
        if not self.has_long_texts or self.count == 1:
            return failures.connection_refused()
        return {
            4: failures.closed_by_https(),
            5: failures.certificate_of_another_name(IPV6_WITH_PORT),
            6: failures.credentials_without_folder("bearer_token_file"),
        }[index]

    def _alert(
        self, rule: str, index: int, value: float | None, text: Coded | None = None, detail: str = ""
    ) -> ActiveAlert:
        node = self.name(index)
        if text is None:
            text = begin_sentence(rule, ObservedNode(node, "online", None, None), detail, value)
        return ActiveAlert(
            rule=rule,
            node=node,
            detail=detail,
            severity=_severity(RULES[rule], index),
            state="firing",
            value=value,
            text=text,
            peak=value,
            since=timestamp(self.since),
            since_monotonic_seconds=0.0,
            confirmed_monotonic_seconds=0.0,
        )

    def _node(self, index: int, now: float) -> Node:
        alerts = [alert for alert in self.alerts() if alert.node == self.name(index)] if index < 10 else []
        away = next((alert for alert in alerts if alert.rule == "node_down"), None)
        known = {measure: None if away else value_of(measure, index, now) for measure in MEASURES}
        for alert in alerts:
            known |= _figure(alert)
        if index % 10 == 9:
            known["temperature"] = None  # a board without a sensor
        if self.has_long_texts and index == 9:
            known |= dict.fromkeys(("cpu_usage", "memory_usage", "disk_usage"))
        why = self._error(index) if away else None
        host = (
            f"[2001:db8:85a3:8d3:1319:8a2e:370:{index:x}]"
            if self.has_long_texts
            else f"10.1.{index // 250}.{index % 250 + 1}"
        )
        return Node(
            node=self.name(index),
            address=f"{host}:9100",
            role=_role(index),
            status="offline" if away else "online",
            is_healthy=away is None,
            status_since=away.since if away else timestamp(self.since),
            error=None if why is None else english(why),
            error_coded=why,
            boot_time=timestamp(now - 5 * 86_400),
            cpu_count=None if away else 8,
            memory_total_bytes=None if away else 16 * 2**30,
            disk_total_bytes=None if away else 500 * 2**30,
            labels=self.labels(index),
            **known,  # type: ignore[arg-type]  # rates are int, other values are float
        )


_OFFLINE_NODES: Final = (4, 5, 6)
_FIGURES: Final = {
    "temperature": "temperature",
    "memory": "memory_usage",
    "swap": "swap_usage",
    "pressure/io": "pressure_io",
    "pressure/memory": "pressure_memory",
    "filesystem_full//": "disk_usage",
}


def _figure(alert: ActiveAlert) -> dict[str, float | None]:
    """Return the node's field that the alert is about, if any."""
    figure = _FIGURES.get(f"{alert.rule}/{alert.detail}" if alert.detail else alert.rule)
    return {} if figure is None or alert.value is None else {figure: _rounded(figure, alert.value)}


def _rounded(measure: str, value: float) -> float:
    digits = MEASURES[measure]
    return round(value) if digits is None else round(value, digits)


def _role(index: int) -> Literal["master", "worker"]:
    return "master" if index == 0 else "worker"


def _severity(rule: Rule, index: int) -> Severity:
    return rule.severity_of(_role(index))


def snapshot(nodes: Sequence[Node], head: dict[str, Any]) -> Snapshot:
    """Return the snapshot of ``nodes``."""

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
    return Snapshot(**head, interval_seconds=INTERVAL_SECONDS, cluster_stats=stats, nodes=tuple(nodes))


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


def value_of(measure: str, seed: int, at: float) -> float:
    """Return a plausible value of ``measure`` at ``at``, different for each ``seed``."""
    low, high = _SPANS[measure]
    return _rounded(measure, _wave(seed + len(measure), at, low, high))


def summary(measure: str, seed: int, at: float) -> tuple[float, float, float]:
    """Return the minimum, average and maximum of a history entry."""
    middle = value_of(measure, seed, at)
    return (round(middle * 0.9, 2), middle, round(middle * 1.1, 2))


def _wave(seed: int, at: float, low: float, high: float) -> float:
    share = 0.5 + 0.3 * math.sin(at / 97 + seed * 1.7) + 0.2 * math.sin(at / 13 + seed * 5.1)
    return low + (high - low) * min(1.0, max(0.0, share))
