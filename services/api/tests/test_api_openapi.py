"""The OpenAPI document is valid, complete and correct."""

import json
import re
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from api.tests.conftest import golden
from api.tests.openapi_check import DOCUMENT, validate, validate_response
from contract.names import (
    ALERT_LOG_FIELD,
    ALERT_LOG_KEY,
    HISTORY_FIELD,
    INCIDENTS_FIELD,
    INCIDENTS_KEY,
    NODE_EVENTS_FIELD,
    NODE_EVENTS_KEY,
    distribution_key,
    history_key,
)
from tests.drivers.valkey import Valkey

#: A successful request to each operation, with all data stored.
REQUESTS = {path: path for path, item in DOCUMENT["paths"].items() if "get" in item} | {
    "/api/cluster/nodes/{node}": "/api/cluster/nodes/node6.lan",
    "/api/incidents": (
        "/api/incidents?hours=1&node=node6.lan&rule=memory&severity=warning&transition=firing&q=node&limit=5"
    ),
    "/api/history": "/api/history?node=node6.lan&range_seconds=900&points=10",
    "/api/history/top": "/api/history/top?measure=temperature&by=max&range_seconds=900&limit=3",
    "/api/history/moment": "/api/history/moment?at=2026-11-23T09:40:55Z",
    "/api/history/marks": "/api/history/marks?node=node6.lan&range_seconds=90000",
}
#: Operations without GET. test_access_publish tests them.
OTHERS = {"/api/publish/{channel}"}
#: Operations with a CSV table.
TABLES = ("/api/cluster/nodes", "/api/history", "/api/history/top", "/api/incidents")
CONDITIONAL = sorted(path for path in REQUESTS if "304" in DOCUMENT["paths"][path]["get"]["responses"])


@pytest.fixture
def all_left(collector: Any, redis: Any) -> None:
    collector.store_all()
    redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: golden("messages/log_started")}, id="1795426867-1")
    redis.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: golden("messages/log_entry")}, id="1795426867-7")
    redis.xadd(INCIDENTS_KEY, {INCIDENTS_FIELD: golden("messages/incident")}, id="1795426867-7")
    redis.xadd(history_key(10, "node6.lan"), {HISTORY_FIELD: b"[5,[1.5,2,2.5],7]"}, id="1795426850000-1795426867")
    redis.xadd(NODE_EVENTS_KEY, {NODE_EVENTS_FIELD: golden("messages/node_event")}, id="1795426867-1")
    spread = b'[5,[1.5,2,2.5,7,"node6.lan"]]'
    redis.xadd(distribution_key(10), {HISTORY_FIELD: spread}, id="1795426850000-1795426867")


def test_document_describes_the_routes_that_exist_and_no_others(app: Flask) -> None:
    routes = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
    }
    assert set(DOCUMENT["paths"]) == routes == set(REQUESTS) | OTHERS


def test_document_describes_the_methods_and_parameters_of_each_route(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        if not path.startswith("/api/"):
            continue
        item = DOCUMENT["paths"][path]
        assert {method.upper() for method in item} == (rule.methods or set()) - {"HEAD", "OPTIONS"}
        for operation in item.values():
            named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
            assert named == rule.arguments


def test_document_has_the_structure_of_openapi() -> None:
    assert re.fullmatch(r"3\.1\.\d", DOCUMENT["openapi"])
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    operations = [operation for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["responses"]
        for parameter in operation.get("parameters", []):
            assert {"name", "in", "schema"} <= parameter.keys()
            assert parameter["in"] in ("path", "query", "header")
            assert parameter.get("required", False) == (parameter["in"] == "path")
        for response in operation["responses"].values():
            assert "$ref" in response or response["description"]


def test_document_has_only_valid_schemas_and_resolvable_references() -> None:
    def walk(value: Any, under_schema: bool) -> None:
        if isinstance(value, list):
            for item in value:
                walk(item, under_schema)
        elif isinstance(value, dict):
            if under_schema:
                Draft202012Validator.check_schema(value)
            if "$ref" in value:
                found: Any = DOCUMENT
                for step in value["$ref"].removeprefix("#/").split("/"):
                    found = found[step]
            for key, item in value.items():
                walk(item, key == "schema")

    walk(DOCUMENT, False)
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.usefixtures("all_left")
@pytest.mark.parametrize(
    ("path", "request_path"), [*sorted(REQUESTS.items()), *((path, f"{path}?format=csv") for path in TABLES)]
)
def test_answer_matches_the_document_when_all_data_are_stored(
    client: FlaskClient, path: str, request_path: str
) -> None:
    response = client.get(request_path)
    assert (response.status_code, response.is_json) == (200, "csv" not in request_path)
    validate_response(path, response)


@pytest.mark.usefixtures("all_left")
def test_cluster_history_with_a_distribution_matches_the_document(client: FlaskClient) -> None:
    response = client.get("/api/history?range_seconds=60")
    assert response.get_json()["distribution"] is not None
    validate_response("/api/history", response)


@pytest.mark.usefixtures("all_left")
@pytest.mark.parametrize("path", CONDITIONAL)
def test_answer_matches_the_document_when_nothing_changed(client: FlaskClient, path: str) -> None:
    tag = client.get(REQUESTS[path]).headers["ETag"]
    response = client.get(REQUESTS[path], headers={"If-None-Match": tag})
    assert response.status_code == 304
    validate_response(path, response)


@pytest.mark.parametrize("path", sorted(REQUESTS))
def test_answer_matches_the_document_when_redis_is_away(client: FlaskClient, valkey: Valkey, path: str) -> None:
    valkey.stop()
    response = client.get(REQUESTS[path])
    is_answered = path in ("/api/health", "/api/openapi.json", "/api/session")
    assert response.status_code == (200 if is_answered else 503)
    assert is_answered or "Redis does not answer since 20" in response.get_json()["detail"]
    validate_response(path, response)


@pytest.mark.usefixtures("all_left")
@pytest.mark.parametrize(
    ("path", "request_path", "status"),
    [
        ("/api/cluster/nodes/{node}", "/api/cluster/nodes/nobody", "404"),
        ("/api/alerts/log", "/api/alerts/log?limit=x", "400"),
        ("/api/alerts/log", "/api/alerts/log?after=x", "400"),
        ("/api/incidents", "/api/incidents?hours=0", "400"),
        ("/api/incidents", "/api/incidents?transition=ended", "400"),
        ("/api/cluster/nodes", "/api/cluster/nodes?status=bad", "400"),
        ("/api/history", "/api/history?points=1", "400"),
        ("/api/history", "/api/history?node=nobody", "404"),
        *((path, f"{path}?format=xml", "400") for path in TABLES),
    ],
)
def test_answer_matches_the_document_when_the_request_is_bad(
    client: FlaskClient, path: str, request_path: str, status: str
) -> None:
    response = client.get(request_path)
    assert str(response.status_code) == status
    assert validate_response(path, response) is DOCUMENT["paths"][path]["get"]["responses"][status]


@pytest.mark.parametrize(
    ("example", "name"),
    [
        ("messages/metrics", "Snapshot"), ("messages/health", "Health"), ("messages/alerts", "Alerts"),
        ("messages/rules", "RulesInForce"), ("messages/log_entry", "LogEntry"), ("messages/log_started", "LogEntry"),
        ("rest/health_report", "HealthReport"), ("rest/health_report_redis_down", "HealthReport"),
        ("rest/overview", "Overview"), ("rest/node", "Node"), ("rest/alert_log_page", "AlertLogPage"),
        ("messages/incident", "Incident"), ("rest/incidents_page", "IncidentsPage"), ("rest/history", "History"),
        ("rest/history_top", "HistoryTop"), ("rest/history_moment", "HistoryMoment"),
        ("rest/history_marks", "HistoryMarks"),
        ("rest/problem", "Problem"), ("rest/problem_limit_exceeded", "Problem"), ("rest/published", "Published"),
        ("rest/session", "SessionReport"), ("rest/session_open", "SessionReport"),
    ],
)  # fmt: skip
def test_golden_example_matches_the_schema_of_its_name(example: str, name: str) -> None:
    value = json.loads(golden(example))
    validate(value, {"$ref": f"#/components/schemas/{name}"})
    value.popitem()
    with pytest.raises(jsonschema.ValidationError):
        validate(dict.fromkeys(value), {"$ref": f"#/components/schemas/{name}"})


def test_document_is_answered_with_304_when_the_client_has_it(client: FlaskClient) -> None:
    tag = client.get("/api/openapi.json").headers["ETag"]
    assert client.get("/api/openapi.json", headers={"If-None-Match": tag}).status_code == 304
