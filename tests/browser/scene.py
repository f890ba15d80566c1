"""A cluster that a test defines: the api, a ws replica and their gateway, with published messages.

Without a collector and exporters, a thousand nodes, their alerts and a week of history exist immediately.
``python -m tests.browser.scene --nodes 50 --state alerts`` shows a scene for work on the pages.
"""

import argparse
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self, get_args

import msgspec
from redis.client import Pipeline

from collector.alerts.active_alert import ActiveAlert, AlertTransition
from collector.alerts.log import AlertLogWriter
from collector.alerts.message import build_alerts
from collector.alerts.rules import rules_in_force
from collector.health import build_health
from contract.codec import encode
from contract.distribution import Distribution, DistributionBuilder, encode_distribution
from contract.history import CLUSTER_NODE, MEASURES, RESOLUTIONS, HistoryEntry, Resolution, encode_entry
from contract.messages import LogId, RulesInForce
from contract.names import (
    ALERTS_CHANNEL,
    DISTRIBUTION_KEYS,
    HEALTH_CHANNEL,
    HISTORY_FIELD,
    HISTORY_KEYS,
    INCIDENTS_FIELD,
    INCIDENTS_KEY,
    INCIDENTS_SINCE_FIELD,
    METRICS_CHANNEL,
    RULES_KEY,
    distribution_key,
    history_key,
)
from runtime.clock import timestamp
from tests.browser.cluster import ALERT_AGE_SECONDS, INTERVAL_SECONDS, RULES, Cluster, State, snapshot, summary
from tests.drivers.ports import free_port
from tests.drivers.publisher import Publisher
from tests.drivers.rest import Rest
from tests.drivers.stack import Stack
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

#: Number of nodes with a history, the first on the pages.
NODES_WITH_HISTORY: Final = 12
TARGETS_PATH: Final = Path("/etc/dispycluster-live/nodes.yaml")
_DAY_SECONDS: Final = 86_400


class Scene:
    """Publishes a cluster every ``INTERVAL_SECONDS`` after ``show``."""

    def __init__(self) -> None:
        self.valkey = Valkey()
        self.valkey.start()
        self._stack = Stack(self.valkey)
        self._lock = threading.Lock()
        self._since = time.time() - ALERT_AGE_SECONDS
        self._cluster = Cluster(0, "calm", self._since)
        self._epoch = int(time.time())
        self._seq = 0
        #: Position of the newest entry in the alert log.
        self._position: LogId | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def origin(self) -> str:
        """Origin of the pages."""
        return self.rest.origin

    def __enter__(self) -> Self:
        """Start the services. ``show`` publishes the first messages."""
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
        return self

    def show(self, nodes: int, state: State, racks: int = 0) -> None:
        """Show another cluster from now on, with labels if ``racks`` is above 0.

        In the state ``away``, Redis stops after the first messages.
        """
        if not self.valkey.is_running:
            self.valkey.start()
        with self._lock:
            previous, self._cluster = self._cluster, Cluster(nodes, state, self._since, racks)
            is_empty = self._is_empty()
            if is_empty or (previous.count, previous.has_long_texts) != (nodes, self._cluster.has_long_texts):
                self._write_history()
                self._write_incidents()
            # A new epoch, like that of another collector.
            self._epoch, self._seq = self._epoch + 1, 0
            if is_empty:
                self._position = None
            self._publish()
            shown = self._epoch
        eventually(lambda: self.rest.json("/api/cluster/snapshot")["epoch"] == shown, what="the scene in the api")
        if state == "away":
            with self._lock:
                self.valkey.stop()

    def move(self, node: int, rack: str) -> None:
        """Move the node with an index to another rack, and publish a round."""
        with self._lock:
            self._cluster = replace(self._cluster, moved={**self._cluster.moved, node: rack})
            self._publish()

    def next_round(self) -> None:
        """Publish another round now."""
        with self._lock:
            self._publish()

    def __exit__(self, *_: object) -> None:
        """Stop all processes."""
        self._stopped.set()
        self._thread.join(10)
        self._stack.close()
        self.valkey.stop()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL_SECONDS):
            with self._lock:
                if self._cluster.count and self.valkey.is_running:
                    self._publish()

    def _publish(self) -> None:
        self._seq += 1
        now = time.time()
        written_at = timestamp(now)
        head: dict[str, Any] = {"cluster": "lab", "epoch": self._epoch, "seq": self._seq, "timestamp": written_at}
        alerts, nodes = self._cluster.alerts(), self._cluster.nodes(now)
        health = build_health(
            nodes, self._cluster.problems(), alerts, remarks=self._cluster.remarks(), targets_path=TARGETS_PATH, **head
        )
        log = AlertLogWriter(epoch=self._epoch, position=self._position, now=written_at)
        # Only the first round of a scene has log entries.
        if self._seq == 1:
            log.add(self._cluster.changes(), written_at)
        redis = self.valkey.client()
        publisher = Publisher(redis)
        rules = RulesInForce(**head, rules=rules_in_force(RULES))
        redis.set(RULES_KEY, encode(rules), ex=_DAY_SECONDS)
        publisher.publish(METRICS_CHANNEL, encode(snapshot(nodes, head)))
        publisher.publish(HEALTH_CHANNEL, encode(health))
        publisher.publish(
            ALERTS_CHANNEL, encode(build_alerts(alerts, log, **head)), *map(msgspec.to_builtins, log.queue)
        )
        self._position = log.last_id
        redis.close()

    def _is_empty(self) -> bool:
        redis = self.valkey.client()
        count = int(redis.dbsize())
        redis.close()
        return count == 0

    def _write_incidents(self) -> None:
        """Write a week of incidents: each current alert fired before, and one node failed every morning."""
        now = time.time()
        ill = Cluster(self._cluster.count, "ill" if self._cluster.has_long_texts else "alerts", self._since)
        past = [alert for alert in ill.alerts() if alert.state == "firing"]
        redis = self.valkey.client()
        redis.delete(INCIDENTS_KEY)
        since: dict[Any, Any] = {INCIDENTS_SINCE_FIELD: timestamp(now - 6 * _DAY_SECONDS)}
        redis.xadd(INCIDENTS_KEY, since, id="1-0")
        log = AlertLogWriter(epoch=2, position="1-0", now=timestamp(now))
        for day in range(6, 0, -1):
            for number, alert in enumerate(past[:1] * 2 if day > 2 else past):
                began = now - day * _DAY_SECONDS + 3600 * number
                log.add([_resolved(alert, timestamp(began))], timestamp(began + 700 + 60 * number))
        for record_id, incident in log.incidents.items():
            redis.xadd(INCIDENTS_KEY, {INCIDENTS_FIELD: encode(incident), **since}, id=record_id)
        redis.close()

    def _write_history(self) -> None:
        redis = self.valkey.client()
        for keys in (HISTORY_KEYS, DISTRIBUTION_KEYS):
            for key in redis.scan_iter(f"{keys}:*"):
                redis.delete(key)
        now = time.time()
        pipeline = redis.pipeline(transaction=False)
        nodes_with_history = min(self._cluster.count, NODES_WITH_HISTORY)
        for step in RESOLUTIONS:
            last = int(now // step.seconds)
            for number in range(last - step.range_seconds // step.seconds, last):
                self._write_step(pipeline, step, number * step.seconds, nodes_with_history)
        pipeline.execute()
        redis.close()

    def _write_step(self, pipeline: Pipeline, step: Resolution, at: int, count: int) -> None:
        """Write the entry at ``at`` of the cluster and of the first ``count`` nodes."""
        distribution = DistributionBuilder()
        for index in range(-1, count):
            entry = HistoryEntry(5, tuple(summary(measure, index, at) for measure in MEASURES))
            key = history_key(step.seconds, CLUSTER_NODE if index < 0 else self._cluster.name(index))
            pipeline.xadd(key, {HISTORY_FIELD: encode_entry(entry)}, id=f"{at * 1000}-0")
            if index >= 0:
                distribution.add(self._cluster.name(index), entry)
        # Other scenes have averages only, as in the first days after an update.
        if self._cluster.has_long_texts:
            distribution_entry = encode_distribution(Distribution(5, tuple(distribution.quantiles())))
            pipeline.xadd(distribution_key(step.seconds), {HISTORY_FIELD: distribution_entry}, id=f"{at * 1000}-0")


def _resolved(alert: ActiveAlert, began: str) -> AlertTransition:
    """Return the end of an alert that began at ``began``."""
    return AlertTransition("resolved", alert, replace(alert, since=began))


def main() -> None:
    """Show a scene until Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--state", choices=get_args(State), default="calm")
    parser.add_argument("--racks", type=int, default=0)
    options = parser.parse_args()
    with Scene() as scene, suppress(KeyboardInterrupt):
        scene.show(options.nodes, options.state, options.racks)
        print(scene.origin, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
