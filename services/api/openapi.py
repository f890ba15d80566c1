"""``/api/openapi.json``: the REST interface described in OpenAPI 3.1, its schemas made of the contract's types."""

import functools
import hashlib
from typing import Any, Final

import msgspec
from flask import Blueprint, Response

from api.alerts import DEFAULT_LIMIT, LARGEST_LIMIT
from api.answers import tagged_answer
from api.history_query import DEFAULT_POINTS, DEFAULT_RANGE_SECONDS, NODES_LIMIT, POINTS_LIMITS, RANGE_LIMITS_SECONDS
from contract import VERSION
from contract.codec import encode
from contract.history import MEASURES
from contract.messages import Alerts, Health, Node, Snapshot, Timestamp
from contract.rest import AlertLogPage, HealthReport, History, Overview, Problem

_TYPES: Final = (Snapshot, Node, Health, Alerts, AlertLogPage, History, HealthReport, Overview, Problem)

_AGE = {
    "description": "Seconds since Redis took the message; absent where Redis does not know.",
    "schema": {"type": "integer", "minimum": 0},
}
_AGE_FROM_MEMORY = {
    "description": "Seconds since this was read; present only with Redis away.",
    "schema": {"type": "integer", "minimum": 0},
}
_ETAG = {
    "required": True,
    "description": "Changes with the collector's epoch or round.",
    "schema": {"type": "string", "examples": ['W/"1795426867-4211"']},
}
_RETRY_AFTER = {
    "required": True,
    "description": "Seconds after which asking again may help.",
    "schema": {"type": "integer", "minimum": 1},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of an earlier answer.",
    "schema": {"type": "string"},
}

Json = dict[str, Any]


def openapi_routes() -> Blueprint:
    """Make the route."""
    routes = Blueprint("openapi", __name__, url_prefix="/api")

    @routes.get("/openapi.json")
    def openapi() -> Response:
        """The description."""
        body, tag = _encoded()
        return tagged_answer(body, tag)

    return routes


def description() -> Json:
    """The OpenAPI document."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "DispyCluster Live",
            "version": VERSION,
            "description": "See a compute cluster live. Changes are pushed by Socket.IO; this is for the rest.",
        },
        "servers": [{"url": "/"}],
        "paths": _paths(),
        "components": {"schemas": schemas, "responses": _shared_responses()},
    }


@functools.cache
def _encoded() -> tuple[bytes, str]:
    body = encode(description())
    return body, hashlib.sha256(body).hexdigest()[:16]


def _paths() -> Json:
    nodes = {"type": "array", "items": _schema(Node)}
    return {
        "/api/health": {
            "get": _operation("health", "Whether the product works; 200 also when degraded.", HealthReport)
        },
        "/api/cluster/nodes": {
            "get": _latest("nodes", "All nodes. Has the snapshot pushed again to all Socket.IO clients.", nodes)
        },
        "/api/cluster/nodes/{node}": {
            "get": _latest("node", "One node.", _schema(Node), parameters=[_NODE], not_found="No node has that name.")
        },
        "/api/cluster/snapshot": {"get": _latest("snapshot", "The collector's last snapshot.", _schema(Snapshot))},
        "/api/cluster/overview": {"get": _latest("overview", "The cluster in figures.", _schema(Overview))},
        "/api/cluster/health": {"get": _latest("clusterHealth", "The cluster's health.", _schema(Health))},
        "/api/alerts": {"get": _latest("alerts", "The active alerts.", _schema(Alerts))},
        "/api/alerts/log": {"get": _log()},
        "/api/history": {"get": _history()},
        "/api/openapi.json": {"get": _operation("openapi", "This description.", {"type": "object"})},
    }


_NODE = {
    "name": "node",
    "in": "path",
    "required": True,
    "description": "The node's name, percent-encoded.",
    "schema": {"type": "string"},
}


def _log() -> Json:
    position = {"type": "string", "pattern": "^[0-9]{1,15}-[0-9]{1,15}$"}
    limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
    operation = _operation(
        "alertLog", "Transitions of alerts, oldest first; the newest ones without `after`.", AlertLogPage
    )
    operation["parameters"] = [
        {"name": "after", "in": "query", "description": "Id of the entry before the first wanted.", "schema": position},
        {"name": "limit", "in": "query", "description": "Entries at most.", "schema": limit},
    ]
    operation["responses"]["200"]["headers"] = {"Age": _AGE_FROM_MEMORY}
    operation["responses"]["400"] = _problem("A parameter is not valid; the detail names it.")
    operation["responses"]["503"] = {"$ref": "#/components/responses/Unavailable"}
    return operation


def _history() -> Json:
    def parameter(name: str, text: str, schema: Json) -> Json:
        return {"name": name, "in": "query", "description": text, "schema": schema}

    def number(limits: tuple[int, int], default: int) -> Json:
        return {"type": "integer", "minimum": limits[0], "maximum": limits[1], "default": default}

    nodes = {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": NODES_LIMIT}
    measures = {"type": "array", "items": {"enum": list(MEASURES)}}
    time = msgspec.json.schema(Timestamp)
    operation = _operation(
        "history", "Minimum, average and maximum of each measure and step; null where nothing is known.", History
    )
    operation["parameters"] = [
        parameter("node", "Nodes' names, repeated; without it the cluster's averages.", nodes),
        parameter("measure", "Measures, repeated; all without it.", measures),
        parameter("range_seconds", "Length, if not `start`.", number(RANGE_LIMITS_SECONDS, DEFAULT_RANGE_SECONDS)),
        parameter("start", "Where it begins, instead of `range_seconds`.", time),
        parameter("end", "Where it ends; the newest snapshot's time without it.", time),
        parameter("points", "Steps at most.", number(POINTS_LIMITS, DEFAULT_POINTS)),
    ]
    operation["responses"]["400"] = _problem("A parameter is not valid; the detail names it.")
    operation["responses"]["503"] = {"$ref": "#/components/responses/Unavailable"}
    return operation


def _latest(name: str, summary: str, schema: Json, parameters: list[Json] | None = None, not_found: str = "") -> Json:
    """An operation that answers a stored message, or a part of it."""
    operation = _operation(name, summary, schema)
    operation["parameters"] = [*(parameters or []), _IF_NONE_MATCH]
    operation["responses"]["200"]["headers"] = {"Age": _AGE, "ETag": _ETAG}
    operation["responses"]["304"] = {
        "description": "Not changed since that ETag.",
        "headers": {"Age": _AGE, "ETag": _ETAG},
    }
    if not_found:
        operation["responses"]["404"] = _problem(not_found)
    operation["responses"]["503"] = {"$ref": "#/components/responses/Unavailable"}
    return operation


def _operation(name: str, summary: str, schema: Json | type) -> Json:
    body = schema if isinstance(schema, dict) else _schema(schema)
    answer = {"description": summary, "content": {"application/json": {"schema": body}}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": answer, "default": _problem("Any other error.")},
    }


def _problem(text: str) -> Json:
    return {"description": text, "content": {"application/problem+json": {"schema": _schema(Problem)}}}


def _shared_responses() -> Json:
    unavailable = _problem("Nothing that could be answered: nothing is stored yet, or Redis is away.")
    return {"Unavailable": unavailable | {"headers": {"Retry-After": _RETRY_AFTER}}}


def _schema(of: type) -> Json:
    return {"$ref": f"#/components/schemas/{of.__name__}"}
