"""``/api/openapi.json``: the REST interface described in OpenAPI 3.1, its schemas made of the contract's types."""

import functools
import hashlib
from typing import Final

import msgspec
from flask import Blueprint, Response

from api import cluster, incidents
from api.alerts import DEFAULT_LIMIT, LARGEST_LIMIT
from api.answers import tagged_answer
from api.history_query import DEFAULT_POINTS, DEFAULT_RANGE_SECONDS, NODES_LIMIT, POINTS_LIMITS, RANGE_LIMITS_SECONDS
from api.openapi_parts import (
    AGE_FROM_MEMORY,
    ETAG,
    FORMAT,
    SECURITY,
    Json,
    latest,
    operation,
    problem,
    schema_of,
    shared_responses,
    with_table,
)
from contract import VERSION
from contract.codec import encode
from contract.history import MEASURES
from contract.messages import Alerts, Health, Node, RulesInForce, Severity, Snapshot, Timestamp
from contract.names import CHANNELS
from contract.rest import (
    AlertLogPage,
    HealthReport,
    History,
    IncidentsPage,
    Overview,
    Problem,
    Published,
    SessionReport,
)

_TYPES: Final = (
    Snapshot, Node, Health, Alerts, AlertLogPage, IncidentsPage, RulesInForce, History, HealthReport, Overview, Problem,
    Published, SessionReport,
)  # fmt: skip


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
        # One of them; none where access is open.
        "security": [{"token": []}, {"session": []}, {}],
        "paths": _paths(),
        "components": {"schemas": schemas, "responses": shared_responses(), "securitySchemes": SECURITY},
    }


@functools.cache
def _encoded() -> tuple[bytes, str]:
    body = encode(description())
    return body, hashlib.sha256(body).hexdigest()[:16]


def _paths() -> Json:
    nodes = {"type": "array", "items": schema_of(Node)}
    return {
        "/api/health": {"get": operation("health", "Whether the product works; 200 also when degraded.", HealthReport)},
        "/api/cluster/nodes": {"get": _nodes(nodes)},
        "/api/cluster/nodes/{node}": {
            "get": latest("node", "One node.", schema_of(Node), parameters=[_NODE], not_found="No node has that name.")
        },
        "/api/cluster/snapshot": {"get": latest("snapshot", "The collector's last snapshot.", schema_of(Snapshot))},
        "/api/cluster/overview": {"get": latest("overview", "The cluster in figures.", schema_of(Overview))},
        "/api/cluster/health": {"get": latest("clusterHealth", "The cluster's health.", schema_of(Health))},
        "/api/alerts": {"get": latest("alerts", "The active alerts.", schema_of(Alerts))},
        "/api/alerts/log": {"get": _log()},
        "/api/incidents": {"get": _incidents()},
        "/api/rules": {"get": latest("rules", "The alert rules in force.", schema_of(RulesInForce))},
        "/api/history": {"get": _history()},
        "/api/publish/{channel}": {"post": _publish()},
        "/api/session": {"get": operation("session", "As whom the request was let in.", SessionReport)},
        "/api/openapi.json": {"get": operation("openapi", "This description.", {"type": "object"})},
    }


def _nodes(nodes: Json) -> Json:
    described = latest(
        "nodes",
        "All nodes, or some. All as JSON: has the snapshot pushed again to all Socket.IO clients.",
        nodes,
        [
            FORMAT,
            _parameter("q", "A part of the name or of the address, whatever its case.", {"type": "string"}),
            _parameter(
                "status",
                "`trouble`: those that are offline and those for which an alert fires.",
                {"enum": list(cluster.STATUSES)},
            ),
        ],
    )
    described["responses"]["400"] = problem("A parameter is not valid; the detail names it.")
    described["responses"]["200"]["headers"]["ETag"] = ETAG | {"required": False}
    return with_table(described)


_CHANNEL = {
    "name": "channel",
    "in": "path",
    "required": True,
    "description": "Where the message goes.",
    "schema": {"enum": list(CHANNELS)},
}
_NODE = {
    "name": "node",
    "in": "path",
    "required": True,
    "description": "The node's name, percent-encoded.",
    "schema": {"type": "string"},
}


def _publish() -> Json:
    described = operation(
        "publish", "Put a JSON object on a channel, its bytes unchanged; needs a token in every mode.", Published, "202"
    )
    message = {"schema": {"type": "object"}}
    described["security"] = [{"token": []}]
    described["parameters"] = [_CHANNEL]
    described["requestBody"] = {"required": True, "content": {"application/json": message}}
    described["responses"] |= {
        "400": problem("The body is no JSON object."),
        "404": problem("No channel has that name; the detail names them."),
        "413": problem("The body is too long."),
        "415": problem("The body is said to be something else."),
        "503": {"$ref": "#/components/responses/Unavailable"},
    }
    return described


def _log() -> Json:
    position = {"type": "string", "pattern": "^[0-9]{1,15}-[0-9]{1,15}$"}
    limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
    described = operation(
        "alertLog", "Transitions of alerts, oldest first; the newest ones without `after`.", AlertLogPage
    )
    described["parameters"] = [
        {"name": "after", "in": "query", "description": "Id of the entry before the first wanted.", "schema": position},
        {"name": "limit", "in": "query", "description": "Entries at most.", "schema": limit},
    ]
    described["responses"]["200"]["headers"] = {"Age": AGE_FROM_MEMORY}
    described["responses"]["400"] = problem("A parameter is not valid; the detail names it.")
    described["responses"]["503"] = {"$ref": "#/components/responses/Unavailable"}
    return described


def _incidents() -> Json:
    position = {"type": "string", "pattern": "^[0-9]{1,15}-[0-9]{1,15}$"}
    texts = {"type": "array", "items": {"type": "string"}}
    severities = {"type": "array", "items": msgspec.json.schema(Severity)}
    transitions = {"type": "array", "items": {"enum": list(incidents.TRANSITIONS)}}
    hours = {"type": "integer", "minimum": 1, "maximum": incidents.LARGEST_HOURS}
    described = operation(
        "incidents", "Alerts that fired, newest first; on the first page those that still do come first.", IncidentsPage
    )
    described["parameters"] = [
        FORMAT,
        _parameter("hours", "Those that ended in so many hours before now; all without it.", hours),
        _parameter("node", "Nodes' names, repeated; all without it.", texts),
        _parameter("rule", "Rules' names, repeated; all without it.", texts),
        _parameter("severity", "Severities, repeated; all without it.", severities),
        _parameter(
            "transition",
            "`firing`: those that go on; `resolved`: those that have ended; none is `pending`.",
            transitions,
        ),
        _parameter("q", "A part of the node's name or of the message, whatever its case.", {"type": "string"}),
        _parameter(
            "limit",
            "Ended ones at most; a page may have fewer though more follow.",
            _number((1, incidents.LARGEST_LIMIT), incidents.DEFAULT_LIMIT),
        ),
        _parameter("after", "What the page before said as `next`.", position),
    ]
    described["responses"]["200"]["headers"] = {"Age": AGE_FROM_MEMORY}
    described["responses"]["400"] = problem("A parameter is not valid; the detail names it.")
    described["responses"]["503"] = {"$ref": "#/components/responses/Unavailable"}
    return with_table(described)


def _parameter(name: str, text: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _number(limits: tuple[int, int], default: int) -> Json:
    return {"type": "integer", "minimum": limits[0], "maximum": limits[1], "default": default}


def _history() -> Json:
    nodes = {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": NODES_LIMIT}
    measures = {"type": "array", "items": {"enum": list(MEASURES)}}
    time = msgspec.json.schema(Timestamp)
    described = operation(
        "history", "Minimum, average and maximum of each measure and step; null where nothing is known.", History
    )
    described["parameters"] = [
        FORMAT,
        _parameter("node", "Nodes' names, repeated; without it the cluster's averages.", nodes),
        _parameter("measure", "Measures, repeated; all without it.", measures),
        _parameter("range_seconds", "Length, if not `start`.", _number(RANGE_LIMITS_SECONDS, DEFAULT_RANGE_SECONDS)),
        _parameter("start", "Where it begins, instead of `range_seconds`.", time),
        _parameter("end", "Where it ends; the newest snapshot's time without it.", time),
        _parameter("points", "Steps at most.", _number(POINTS_LIMITS, DEFAULT_POINTS)),
    ]
    described["responses"]["400"] = problem("A parameter is not valid; the detail names it.")
    described["responses"]["503"] = {"$ref": "#/components/responses/Unavailable"}
    described["responses"]["404"] = problem("None of the nodes is in the snapshot or in history.")
    return with_table(described)
