"""A flapping node is one alert and one incident, even when the collector is killed meanwhile."""

import requests

from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually

DOWN = "node_down/node02"


def test_node_that_flaps_is_one_incident_when_the_collector_is_killed_meanwhile(stack: Stack) -> None:
    stack.write_rules("node_down: {for_seconds: 0}")
    control = stack.start_simulator(2)
    api = stack.start_api()
    stack.start_collector()

    def statuses() -> dict[str, str]:
        response = api.get("/api/cluster/nodes")
        return {node["node"]: node["status"] for node in response.json()} if response.ok else {}

    # Given a node that goes offline and comes back seven times, seen by two collectors
    for number in range(7):
        if number == 6:
            stack.collector.kill()
            stack.start_collector()
        for name, status in (("dead", "offline"), ("none", "online")):
            assert requests.put(f"{control.origin}/nodes/node02/fault", data=name, timeout=10).ok
            eventually(lambda wanted=status: statuses().get("node02") == wanted, within_seconds=60)  # type: ignore[misc]

    # Then its alert still fires although the node is online, and has the flapping
    def active() -> list[tuple[str, int]]:
        alerts = api.json("/api/alerts")["active_alerts"]
        return [(alert["state"], alert["flapping"]) for alert in alerts if alert["id"] == DOWN]

    eventually(lambda: active() == [("firing", 7)], within_seconds=30, what="an alert that flaps")
    assert api.json("/api/cluster/health")["firing"]["warning"] == 1
    # And the log and the incidents have only its beginning
    log = [entry for entry in api.json("/api/alerts/log")["entries"] if entry["alert_id"] == DOWN]
    assert [entry["transition"] for entry in log] == ["firing", "resolved"] * 4 + ["firing"]
    incidents = [(each["flapping"], each["ended"] is None) for each in api.json("/api/incidents")["incidents"]]
    assert incidents == [(7, True)] + 4 * [(0, False)]
