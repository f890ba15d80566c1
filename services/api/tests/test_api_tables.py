"""CSV responses."""

import csv
import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from api.incidents import RECORDS_PER_PAGE
from api.responses import csv_answer
from api.tests.conftest import golden_message
from contract.history import CLUSTER_NODE, MEASURES, TEN_SECONDS, HistoryEntry, encode_entry
from contract.messages import Node
from contract.names import (
    ALERTS_CHANNEL,
    HISTORY_FIELD,
    INCIDENTS_FIELD,
    INCIDENTS_KEY,
    METRICS_CHANNEL,
    distribution_key,
    history_key,
)
from tests.drivers.valkey import Valkey

#: A step of ten seconds before the golden snapshot.
START = 1_795_426_850


def table(response: TestResponse) -> list[dict[str, str]]:
    """Return the rows by the names in the header. Fails if a row has another length."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    head, *rows = csv.reader(io.StringIO(response.text))
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+2", "'=1+2"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"), ("\r=1", "'\r'=1"), ("\n=1", "'\n'=1"), ("＝1", "'＝1"), ("-", "'-"), ("+é", "'+é"),
        ("-5", "-5"), ("+1.5e3", "+1.5e3"), (-5.25, "-5.25"), (-3, "-3"), ("a=b", "a=b"), ("'=1", "'=1"),
        ('say "hi", all', 'say "hi", all'), ("two\r\nlines", "two\r\nlines"), ("", ""), (None, ""), (True, "true"),
        ("a;=1", "a;'=1"), ("a;+1;-2", "a;'+1;'-2"), ("a\t@b", "a\t'@b"), ("a\n=1", "a\n'=1"), ('a;"=1"', 'a;\'"=1"'),
        ("a;b-c", "a;b-c"), ("a,-1", "a,-1"), ("a;b;", "a;b;"), ("\tx", "'\tx"),
        (False, "false"), (0, "0"), (1e-05, "1e-05"),
        ({}, ""), ({"rack": "07", "zone": "north"}, "rack=07; zone=north"), ({"a": "b;=1"}, "a=b;'=1"),
    ],
)  # fmt: skip
def test_cell_is_never_a_formula_in_a_spreadsheet(cell: Any, written: str) -> None:
    text = csv_answer("x", ["a", "b"], [[cell, 1]]).get_data(as_text=True)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], [written, "1"]]


def test_nodes_table_has_a_row_for_each_node_and_is_not_republished(
    client: FlaskClient, collector: Any, redis: Redis
) -> None:
    snapshot = golden_message("metrics")
    snapshot["nodes"][0] |= {"error": "=HYPERLINK(1)", "temperature": -3.5, "rack": {"a": 1}}
    collector.store(METRICS_CHANNEL, snapshot, age_seconds=9)
    response = client.get("/api/cluster/nodes?format=csv")
    rows = table(response)
    assert [row["node"] for row in rows] == [node["node"] for node in snapshot["nodes"]]
    assert (rows[0]["error"], rows[0]["temperature"]) == ("'=HYPERLINK(1)", "-3.5")
    assert rows[0].keys() <= set(Node.__struct_fields__)
    assert rows[0].keys() >= {"node", "address", "role", "status", "is_healthy", "cpu_usage", "pressure_memory"}
    assert {row["is_healthy"] for row in rows} == {"true", "false"}
    assert {row["node"]: row["labels"] for row in rows}["node6.lan"] == "rack=a; zone=north"
    assert int(response.headers["Age"]) >= 9
    assert redis.keys("cluster:api:published:*") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=", ["a", "b", "c", "d"]),
        ("q=%20NODE-b", []), ("q=%20B%20", ["b"]), ("q=10.0.0.3", ["c"]),
        ("status=offline", ["b"]), ("status=unknown", ["c"]), ("status=online&q=9100", ["a", "d"]),
        # An alert is firing for d, and an alert is pending for a
        ("status=trouble", ["b", "d"]), ("status=trouble&q=d", ["d"]),
    ],
)  # fmt: skip
def test_filtered_nodes_are_answered_and_not_republished(
    client: FlaskClient, collector: Any, redis: Redis, query: str, expected: list[str]
) -> None:
    snapshot = golden_message("metrics")
    example = snapshot["nodes"][0]
    statuses = {"a": "online", "b": "offline", "c": "unknown", "d": "online"}
    snapshot["nodes"] = [
        example | {"node": name, "address": f"10.0.0.{number}:9100", "status": status, "more": [1.0]}
        for number, (name, status) in enumerate(statuses.items(), 1)
    ]
    alerts = golden_message("alerts")
    alert = alerts["active_alerts"][0]
    alerts["active_alerts"] = [alert | {"node": "d", "state": "firing"}, alert | {"node": "a", "state": "pending"}]
    collector.store(METRICS_CHANNEL, snapshot)
    collector.store(ALERTS_CHANNEL, alerts)
    assert [row["node"] for row in table(client.get(f"/api/cluster/nodes?format=csv&{query}"))] == expected
    stored = [node for node in snapshot["nodes"] if node["node"] in expected]
    assert client.get(f"/api/cluster/nodes?{query}").get_json() == stored
    assert (redis.keys("cluster:api:published:*") == []) == (query != "q=")


def test_nodes_in_trouble_are_the_offline_ones_without_alert_data(client: FlaskClient, collector: Any) -> None:
    collector.store(METRICS_CHANNEL)
    assert {row["status"] for row in table(client.get("/api/cluster/nodes?format=csv&status=trouble"))} == {"offline"}


def test_history_table_has_a_row_for_each_step_of_each_node(client: FlaskClient, collector: Any, redis: Redis) -> None:
    collector.store(METRICS_CHANNEL)
    for node, cpu in (("node6.lan", (1.0, 2.5, 4.0)), ("=x", 7.0), (CLUSTER_NODE, 9.0)):
        entry = encode_entry(HistoryEntry(5, tuple({"cpu_usage": cpu, "load1": -0.0}.get(name) for name in MEASURES)))  # type: ignore[call-overload]
        redis.xadd(history_key(TEN_SECONDS.seconds, node), {HISTORY_FIELD: entry}, id=f"{START}000-1")
    query = "format=csv&range_seconds=60&measure=cpu_usage&measure=temperature"
    rows = table(client.get(f"/api/history?{query}&node=node6.lan&node=%3Dx"))
    assert len(rows) == 2 * 7
    assert list(rows[0]) == ["start", "node", *(f"{name}_{kind}" for name in ("cpu_usage", "temperature")
                                                for kind in ("min", "avg", "max"))]  # fmt: skip
    known = [row for row in rows if row["cpu_usage_avg"]]
    assert [tuple(row.values()) for row in known] == [
        ("2026-11-23T09:40:50.000Z", "node6.lan", "1.0", "2.5", "4.0", "", "", ""),
        ("2026-11-23T09:40:50.000Z", "'=x", "7.0", "7.0", "7.0", "", "", ""),
    ]
    spread = b'[5,[1.5,2,2.5,7,"@n"]]'
    redis.xadd(distribution_key(TEN_SECONDS.seconds), {HISTORY_FIELD: spread}, id=f"{START}000-1")
    whole = table(client.get(f"/api/history?{query}"))
    columns = ("node", "cpu_usage_max", "cpu_usage_nodes_p90", "cpu_usage_nodes_max_node", "temperature_nodes_p90")
    known = [tuple(row[column] for column in columns) for row in whole if row["cpu_usage_max"]]
    assert known == [("", "9.0", "2.5", "'@n", "")]


@pytest.fixture
def recorded(collector: Any, redis: Redis) -> int:
    """Write more incidents than one page reads, and an ongoing one. Return their number."""
    collector.store(ALERTS_CHANNEL)
    example = golden_message("incident")
    pipeline = redis.pipeline()
    for number in range(1, RECORDS_PER_PAGE + 501):
        raw = json.dumps(
            example | {"id": f"x@{number}", "message": "@all", "severity": "info" if number % 2 else "warning"}
        )
        pipeline.xadd(INCIDENTS_KEY, {INCIDENTS_FIELD: raw}, id=f"1-{number}")
    pipeline.execute()
    return RECORDS_PER_PAGE + 501


def test_incidents_table_has_more_incidents_than_a_page(client: FlaskClient, recorded: int) -> None:
    rows = table(client.get("/api/incidents?format=csv"))
    assert len({row["id"] for row in rows}) == len(rows) == recorded
    assert (rows[0]["ended"], rows[1]["id"], rows[-1]["id"]) == ("", f"x@{recorded - 1}", "x@1")
    assert rows[1]["message"] == "'@all"
    assert len(table(client.get("/api/incidents?format=csv&limit=7&severity=info"))) == 7


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("transition=firing", ["node9"]), ("transition=resolved", ["node8", "node7"]), ("transition=pending", []),
        ("transition=resolved&transition=firing&severity=critical", ["node9", "node7"]),
        ("q=%20NODE9", ["node9"]), ("q=97%20%25%20full", ["node7"]), ("q=97%C2%A0%25%20FULL", ["node7"]), ("q=x@", []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["json", "csv"])
def test_incidents_table_has_only_filtered_incidents(
    client: FlaskClient, collector: Any, redis: Redis, form: str, query: str, expected: list[str]
) -> None:
    alerts = golden_message("alerts")
    alerts["active_alerts"] = [
        alerts["active_alerts"][0] | {"node": "node9", "state": "firing", "severity": "critical", "message": "hot"}
    ]
    collector.store(ALERTS_CHANNEL, alerts)
    example = golden_message("incident")
    for number, severity, message in ((7, "critical", "memory is 97\N{NO-BREAK SPACE}% full"), (8, "info", "clock")):
        incident = example | {"id": f"x@{number}", "node": f"node{number}", "severity": severity, "message": message}
        redis.xadd(INCIDENTS_KEY, {INCIDENTS_FIELD: json.dumps(incident)}, id=f"1-{number}")
    response = client.get(f"/api/incidents?format={form}&{query}")
    rows = response.get_json()["incidents"] if form == "json" else table(response)
    assert [row["node"] for row in rows] == expected


@pytest.mark.usefixtures("recorded")
def test_incidents_table_is_refused_when_memory_has_only_a_part(client: FlaskClient, valkey: Valkey) -> None:
    client.get("/api/incidents")
    valkey.stop()
    assert client.get("/api/incidents?format=csv").status_code == 503
