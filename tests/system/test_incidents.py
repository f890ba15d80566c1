"""What went wrong is told as one piece, from beginning to end, whatever became of the collector meanwhile."""

from typing import Any

import requests

from tests.drivers.rest import Rest
from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually

DOWN, HOT = "node_down/node02", "temperature/node01"
RULES = """
node_down: {for_seconds: 0, master_severity: critical}
temperature: {for_seconds: 0, threshold: 70, clear: 60, severity: critical}
"""


def fault(control: Rest, node: str, name: str) -> None:
    assert requests.put(f"{control.origin}/nodes/{node}/fault", data=name, timeout=10).ok


def by_alert(api: Rest, query: str = "") -> dict[str, dict[str, Any]]:
    """Each incident by its alert; fails where an alert has two."""
    incidents = api.json(f"/api/incidents?{query}")["incidents"]
    assert len({incident["alert_id"] for incident in incidents}) == len(incidents)
    return {incident["alert_id"]: incident for incident in incidents}


def firing(api: Rest) -> dict[str, int]:
    response = api.get("/api/cluster/health")
    counts: dict[str, int] = response.json()["firing"] if response.ok else {}
    return counts


def test_incident_is_one_record_with_its_worst_value_when_the_collector_is_killed_meanwhile(stack: Stack) -> None:
    # Given a dead node and a hot one, seen by a collector that is killed
    stack.write_rules(RULES)
    control = stack.start_simulator(3, "--fault", "node02=dead", "--fault", "node01=hot")
    api = stack.start_api()
    stack.start_collector()
    eventually(lambda: firing(api) == {"critical": 1, "warning": 1, "info": 0}, within_seconds=60)
    health = api.json("/api/cluster/health")
    assert (health["overall_status"], health["worst_firing_severity"]) == ("warning", "critical")
    rules = {rule["name"]: rule for rule in api.json("/api/rules")["rules"]}
    assert (rules["temperature"]["threshold"], rules["node_down"]["severity"]) == (70, "warning")
    going_on = by_alert(api)
    assert {alert: incident["ended"] for alert, incident in going_on.items()} == {DOWN: None, HOT: None}
    stack.collector.kill()
    # When both are well again, and another collector takes over
    for node in ("node01", "node02"):
        fault(control, node, "none")
    stack.start_collector()
    eventually(lambda: firing(api) == {"critical": 0, "warning": 0, "info": 0}, within_seconds=60, what="the end")
    # Then each has one record, which begins where the first collector saw it begin and knows what that one saw
    page = api.json("/api/incidents?hours=1")
    known = by_alert(api)
    assert known.keys() == {DOWN, HOT}
    log = {entry["alert_id"]: entry for entry in api.json("/api/alerts/log")["entries"]}
    for alert, incident in known.items():
        assert incident["id"] == going_on[alert]["id"]
        assert incident["ended"] == log[alert]["timestamp"]
        assert log[alert]["transition"] == "resolved"
        assert log[alert]["peak"] == incident["peak"]
    assert known[HOT]["peak"] >= going_on[HOT]["peak"] >= 70
    assert (known[DOWN]["peak"], known[DOWN]["severity"]) == (None, "warning")
    assert page["known_since"] <= min(incident["ended"] for incident in known.values())
    assert by_alert(api, "severity=critical").keys() == {HOT}
    table = api.get("/api/incidents?format=csv").text.splitlines()
    assert sorted(row.partition("@")[0] for row in table) == sorted(["id," + table[0].partition(",")[2], DOWN, HOT])


def test_node_that_flaps_is_one_incident_when_the_collector_is_killed_meanwhile(stack: Stack) -> None:
    stack.write_rules("node_down: {for_seconds: 0}")
    control = stack.start_simulator(2)
    api = stack.start_api()
    stack.start_collector()

    def statuses() -> dict[str, str]:
        response = api.get("/api/cluster/nodes")
        return {node["node"]: node["status"] for node in response.json()} if response.ok else {}

    # Given a node that goes and comes back seven times, seen by two collectors
    for number in range(7):
        if number == 6:
            stack.collector.kill()
            stack.start_collector()
        for name, status in (("dead", "offline"), ("none", "online")):
            fault(control, "node02", name)
            eventually(lambda wanted=status: statuses().get("node02") == wanted, within_seconds=60)  # type: ignore[misc]

    # Then its alert fires though the node is well, and says so
    def active() -> list[tuple[str, int]]:
        alerts = api.json("/api/alerts")["active_alerts"]
        return [(alert["state"], alert["flapping"]) for alert in alerts if alert["id"] == DOWN]

    eventually(lambda: active() == [("firing", 7)], within_seconds=30, what="an alert that flaps")
    assert firing(api)["warning"] == 1
    # And neither the log nor the incidents have more of it than that it began
    log = [entry for entry in api.json("/api/alerts/log")["entries"] if entry["alert_id"] == DOWN]
    assert [entry["transition"] for entry in log] == ["firing", "resolved"] * 4 + ["firing"]
    incidents = [(each["flapping"], each["ended"] is None) for each in api.json("/api/incidents")["incidents"]]
    assert incidents == [(7, True)] + 4 * [(0, False)]
