"""Alerts outlive a collector: killed at any moment, it loses, doubles and invents no transition."""

import json
import random
import time

import pytest
import requests

from contract.names import ALERT_LOG_KEY
from tests.drivers.ports import free_port
from tests.drivers.stack import Stack
from tests.drivers.transitions import require_numbered_without_a_gap, transitions
from tests.drivers.waiting import eventually

KILLS = 20

RULES = """
node_down: {for_seconds: 1}
temperature: {for_seconds: 4}
"""


def test_transitions_are_complete_and_single_when_the_collector_is_killed_twenty_times(stack: Stack) -> None:
    # Given a dead node whose alert fires, and a node whose temperature rises and falls meanwhile
    random.seed(4)
    rules = stack.folder / "alerts.yaml"
    rules.write_text(RULES)
    control = stack.start_simulator(3, "--fault", "node01=dead")
    stack.start_collector(COLLECTOR_RULES=str(rules))
    redis = stack.redis()

    def active() -> dict[str, dict[str, object]]:
        raw = redis.get("cluster:alerts:latest")
        return {} if raw is None else {alert["id"]: alert for alert in json.loads(raw)["active_alerts"]}

    def state(alert: str) -> object:
        return active().get(alert, {}).get("state")

    def epoch() -> int:
        return int(redis.hget("cluster:collector:epoch", "epoch") or 0)

    def fault(name: str) -> None:
        assert requests.put(f"{control.origin}/nodes/node02/fault", data=name, timeout=10).ok

    down, hot = "node_down/node01", "temperature/node02"
    eventually(lambda: state(down) == "firing", within_seconds=30)
    since = active()[down]["since"]
    cycles = 0
    for kill in range(KILLS):
        if kill % 4 == 0:
            eventually(lambda: state(hot) is None, within_seconds=30)
            fault("hot")
            cycles += 1
            eventually(lambda: state(hot) == "pending", within_seconds=30)
        elif kill % 4 == 2:
            eventually(lambda: state(hot) == "firing", within_seconds=30)
            fault("none")
        # When it is killed at some moment of a round and started again
        time.sleep(random.uniform(0, 1))
        before = epoch()
        stack.collector.kill()
        stack.collector.start()
        eventually(lambda before=before: epoch() > before, within_seconds=30, what="the next epoch")  # type: ignore[misc]
        assert active()[down]["state"] == "firing"
    fault("none")
    eventually(lambda: state(hot) is None, within_seconds=30)
    # Then the log tells each transition once, numbered without a gap in every epoch
    entries = [json.loads(fields[b"entry"]) for _, fields in redis.xrange(ALERT_LOG_KEY)]
    require_numbered_without_a_gap(entries)
    assert transitions(entries) == {
        None: ["started"],
        down: ["pending", "firing"],
        hot: ["pending", "firing", "resolved"] * cycles,
    }
    assert active()[down]["since"] == since
    redis.close()


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_takeover_renames_nothing_and_changes_no_status(stack: Stack, kill: bool) -> None:
    stack.start_simulator(4, "--fault", "node03=dead")
    stack.start_collector()
    replica = stack.start_replica()
    client = stack.client(replica)

    def statuses(snapshot: dict[str, list[dict[str, object]]]) -> dict[object, tuple[object, object]]:
        return {node["node"]: (node["status"], node["status_since"]) for node in snapshot["nodes"]}

    def settled() -> dict[object, tuple[object, object]]:
        latest = statuses(client.last("redis_cluster_metrics"))
        assert sorted(str(status) for status, _ in latest.values()) == ["offline", "online", "online", "online"]
        return latest

    before = eventually(settled)
    seen = len(client.all("redis_cluster_metrics"))
    _ = stack.collector.kill() if kill else stack.collector.stop()
    stack.collector.start()
    client.wait_for("redis_cluster_metrics", seen + 8, within_seconds=30)
    for snapshot in client.all("redis_cluster_metrics")[seen:]:
        assert statuses(snapshot) == before


def test_collector_refuses_to_start_when_another_cluster_lives_on_this_redis(stack: Stack) -> None:
    stack.start_simulator(1)
    stack.start_collector()
    other = stack.start("other", "collector", COLLECTOR_PORT=str(free_port()), CLUSTER_NAME="elsewhere")
    code = eventually(lambda: None if other.running else (other.wait(),), within_seconds=30)
    assert code[0] not in (0, None)
    lines = [line for line in other.log().splitlines() if "lab" in line and "elsewhere" in line]
    assert len(lines) == 1, other.log()
