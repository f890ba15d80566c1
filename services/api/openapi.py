"""``/api/openapi.json``: an OpenAPI 3.1 description of the REST interface, with schemas from the contract's types."""

import functools
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from flask import Blueprint, Response

from api import cluster, history_marks, history_top, incidents
from api.alerts import DEFAULT_LIMIT, LARGEST_LIMIT
from api.history import DEFAULT_POINTS, POINTS_LIMITS
from api.history_range import DEFAULT_RANGE_SECONDS, NODES_LIMIT, RANGE_LIMITS_SECONDS
from api.responses import tagged_answer
from contract import VERSION
from contract.codec import encode
from contract.history import MEASURES
from contract.messages import Alerts, Health, Node, RulesInForce, Severity, Snapshot, Timestamp
from contract.names import CHANNELS
from contract.rest import (
    AlertLogPage,
    HealthReport,
    History,
    HistoryMarks,
    HistoryMoment,
    HistoryTop,
    IncidentsPage,
    Overview,
    Problem,
    Published,
    SessionReport,
)

_TYPES: Final = (
    Snapshot, Node, Health, Alerts, AlertLogPage, IncidentsPage, RulesInForce, History, HistoryTop, HistoryMoment,
    HistoryMarks, HealthReport, Overview, Problem, Published, SessionReport,
)  # fmt: skip

Json = dict[str, Any]

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_POSITION: Final = {"type": "string", "pattern": "^[0-9]{1,15}-[0-9]{1,15}$"}

_AGE: Final = {
    "description": "Seconds since the message was written; absent if Redis does not know the age.",
    "schema": {"type": "integer", "minimum": 0},
}
_AGE_FROM_MEMORY: Final = {
    "description": "Seconds since the api read the data; present only while Redis is away.",
    "schema": {"type": "integer", "minimum": 0},
}
_AGE_OF_RANKING: Final = {
    "description": "Seconds since the ranking was computed; absent if this request computed the ranking.",
    "schema": {"type": "integer", "minimum": 0},
}
_ETAG: Final = {
    "required": True,
    "description": "Changes with the collector's epoch or round.",
    "schema": {"type": "string", "examples": ['W/"1795426867-4211"']},
}
_RETRY_AFTER: Final = {
    "required": True,
    "description": "Seconds after which a retry may succeed.",
    "schema": {"type": "integer", "minimum": 1},
}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of an earlier answer.",
    "schema": _TEXT,
}
_UNAVAILABLE: Final = {"503": {"$ref": "#/components/responses/Unavailable"}}
_SECURITY: Final = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token that `token add` printed, with the scope of the operation.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "dispycluster-<installation>",
        "description": "The session cookie of the sign-in page; allows everything except publishing.",
    },
}


def openapi_routes() -> Blueprint:
    """Return the route."""
    routes = Blueprint("openapi", __name__, url_prefix="/api")

    @routes.get("/openapi.json")
    def openapi() -> Response:
        """The OpenAPI document."""
        body, tag = _encoded()
        return tagged_answer(body, tag)

    return routes


def description() -> Json:
    """Return the OpenAPI document."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "DispyCluster Live",
            "version": VERSION,
            "description": "See a compute cluster live. Socket.IO pushes changes; this interface has the rest.",
        },
        "servers": [{"url": "/"}],
        # A request needs one of these credentials, or no credential where access is open.
        "security": [{"token": []}, {"session": []}, {}],
        "paths": _paths(),
        "components": {"schemas": schemas, "responses": _shared_responses(), "securitySchemes": _SECURITY},
    }


@functools.cache
def _encoded() -> tuple[bytes, str]:
    body = encode(description())
    return body, hashlib.sha256(body).hexdigest()[:16]


def _paths() -> Json:
    node = _path_parameter("node", "The node's name, percent-encoded.", _TEXT)
    unknown = {"404": _problem("No node has that name.")}
    return {
        "/api/health": {
            "get": _operation("health", "Whether the product works; 200 even if degraded.", _ref(HealthReport))
        },
        "/api/cluster/nodes": {"get": _nodes()},
        "/api/cluster/nodes/{node}": {"get": _latest("node", "One node.", _ref(Node), [node], unknown)},
        "/api/cluster/snapshot": {"get": _latest("snapshot", "The collector's last snapshot.", _ref(Snapshot))},
        "/api/cluster/overview": {"get": _latest("overview", "The cluster in figures.", _ref(Overview))},
        "/api/cluster/health": {"get": _latest("clusterHealth", "The cluster's health.", _ref(Health))},
        "/api/alerts": {"get": _latest("alerts", "The active alerts.", _ref(Alerts))},
        "/api/alerts/log": {"get": _log()},
        "/api/incidents": {"get": _incidents()},
        "/api/rules": {"get": _latest("rules", "The alert rules in force.", _ref(RulesInForce))},
        "/api/history": {"get": _history()},
        "/api/history/top": {"get": _history_top()},
        "/api/history/moment": {"get": _history_moment()},
        "/api/history/marks": {"get": _history_marks()},
        "/api/publish/{channel}": {"post": _publish()},
        "/api/session": {
            "get": _operation("session", "User, scopes and expiry of the request's credential.", _ref(SessionReport))
        },
        "/api/openapi.json": {"get": _operation("openapi", "This description.", {"type": "object"})},
    }


def _nodes() -> Json:
    trouble = "`trouble`: nodes that are offline or have a firing alert."
    described = _latest(
        "nodes",
        "All nodes, or some of them. A request for all nodes as JSON also pushes the snapshot to Socket.IO clients.",
        {"type": "array", "items": _ref(Node)},
        _table_parameters(
            _parameter("q", "A part of the name or of the address. Case is ignored.", _TEXT),
            _parameter("status", trouble, {"enum": list(cluster.STATUSES)}),
        ),
    )
    described["responses"] |= _parameters_refused()
    described["responses"]["200"]["headers"]["ETag"] = _ETAG | {"required": False}
    return _with_table(described)


def _publish() -> Json:
    channel = _path_parameter("channel", "Channel of the message.", {"enum": list(CHANNELS)})
    described = _operation(
        "publish",
        "Publish a JSON object on a channel, its bytes unchanged. Needs a token in every access mode.",
        _ref(Published),
        [channel],
        {
            "400": _problem("The body is not a JSON object."),
            "404": _problem("No channel has that name; the detail lists the channels."),
            "413": _problem("The body is too long."),
            "415": _problem("The Content-Type is not JSON."),
            **_UNAVAILABLE,
        },
        status="202",
    )
    message = {"schema": {"type": "object"}}
    return described | {
        "security": [{"token": []}],
        "requestBody": {"required": True, "content": {"application/json": message}},
    }


def _log() -> Json:
    return _operation(
        "alertLog",
        "Transitions of alerts, oldest first. Without `after`: the newest ones.",
        _ref(AlertLogPage),
        [
            _parameter("after", "Id of the entry before the first entry of the answer.", _POSITION),
            _parameter("limit", "Largest number of entries.", _number((1, LARGEST_LIMIT), DEFAULT_LIMIT)),
        ],
        _parameters_refused() | _UNAVAILABLE,
        headers={"Age": _AGE_FROM_MEMORY},
    )


def _incidents() -> Json:
    severities = {"type": "array", "items": msgspec.json.schema(Severity)}
    transitions = {"type": "array", "items": {"enum": list(incidents.TRANSITIONS)}}
    hours = {"type": "integer", "minimum": 1, "maximum": incidents.LARGEST_HOURS}
    firing = "`firing`: ongoing incidents; `resolved`: ended incidents. No incident is `pending`."
    limit = _number((1, incidents.LARGEST_LIMIT), incidents.DEFAULT_LIMIT)
    described = _operation(
        "incidents",
        "Alerts that fired, newest first. The first page begins with the ongoing ones.",
        _ref(IncidentsPage),
        _table_parameters(
            _parameter(
                "hours",
                "Ongoing incidents, and incidents that ended in this many hours before now. Default: all.",
                hours,
            ),
            _parameter("node", "Node name, repeatable. Default: all nodes.", _TEXTS),
            _parameter("rule", "Rule name, repeatable. Default: all rules.", _TEXTS),
            _parameter("severity", "Severity, repeatable. Default: all severities.", severities),
            _parameter("transition", firing, transitions),
            _parameter("q", "A part of the node's name or of the message. Case is ignored.", _TEXT),
            _parameter(
                "limit", "Largest number of ended incidents. A page may have fewer even if another page follows.", limit
            ),
            _parameter("after", "`next` of the previous page.", _POSITION),
        ),
        _parameters_refused() | _UNAVAILABLE,
        headers={"Age": _AGE_FROM_MEMORY},
    )
    return _with_table(described)


def _history() -> Json:
    measures = {"type": "array", "items": {"enum": list(MEASURES)}}
    described = _operation(
        "history",
        "Minimum, average and maximum of each measure and step; null for a step without data.",
        _ref(History),
        _table_parameters(
            _nodes_parameter("the cluster's averages"),
            _parameter("measure", "Measure, repeatable. Default: all measures.", measures),
            *_range_parameters(DEFAULT_RANGE_SECONDS),
            _parameter("points", "Largest number of steps.", _number(POINTS_LIMITS, DEFAULT_POINTS)),
        ),
        _parameters_refused() | _UNAVAILABLE | _nodes_unknown(),
    )
    return _with_table(described)


def _history_top() -> Json:
    measure = {"enum": list(MEASURES), "default": history_top.DEFAULT_MEASURE}
    limit = {"type": "integer", "minimum": 1, "maximum": history_top.LARGEST_LIMIT}
    described = _operation(
        "historyTop",
        "The nodes in the order of a measure's average or maximum, highest first. A ranking is kept for 30 s.",
        _ref(HistoryTop),
        _table_parameters(
            _parameter("measure", "Measure.", measure),
            _parameter("by", "The value that counts.", {"enum": list(history_top.BY), "default": history_top.BY[0]}),
            *_range_parameters(history_top.DEFAULT_RANGE_SECONDS),
            _parameter("limit", "Largest number of nodes. Default: all nodes.", limit),
        ),
        _parameters_refused() | _UNAVAILABLE,
        headers={"Age": _AGE_OF_RANKING},
    )
    return _with_table(described)


def _history_moment() -> Json:
    time = msgspec.json.schema(Timestamp)
    return _operation(
        "historyMoment",
        "The averages of each node in the step around a past moment, from the finest history of that time.",
        _ref(HistoryMoment),
        [_parameter("at", "The moment. Default: the newest complete step.", time)],
        _parameters_refused() | _UNAVAILABLE,
    )


def _history_marks() -> Json:
    return _operation(
        "historyMarks",
        f"Alerts that began or ended, and nodes that went offline, came online or booted: the newest "
        f"{history_marks.MARKS_LIMIT}, oldest first.",
        _ref(HistoryMarks),
        [_nodes_parameter("all nodes"), *_range_parameters(history_marks.DEFAULT_RANGE_SECONDS)],
        _parameters_refused() | _UNAVAILABLE | _nodes_unknown(),
    )


def _nodes_parameter(default: str) -> Json:
    nodes = {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": NODES_LIMIT}
    return _parameter("node", f"Node name, repeatable. Default: {default}.", nodes)


def _range_parameters(default_seconds: int) -> list[Json]:
    time = msgspec.json.schema(Timestamp)
    range_seconds = _number(RANGE_LIMITS_SECONDS, default_seconds)
    return [
        _parameter("range_seconds", "Length of the range. Excludes `start`.", range_seconds),
        _parameter("start", "Start of the range. Excludes `range_seconds`.", time),
        _parameter("end", "End of the range. Default: the newest snapshot's time.", time),
    ]


def _nodes_unknown() -> Json:
    return {"404": _problem("None of the nodes is in the snapshot or in history.")}


def _latest(
    name: str, summary: str, schema: Json, parameters: Sequence[Json] = (), responses: Json | None = None
) -> Json:
    """Return an operation that answers a stored message or a part of one."""
    headers = {"Age": _AGE, "ETag": _ETAG}
    unchanged = {"description": "Not changed since the ETag of `If-None-Match`.", "headers": dict(headers)}
    return _operation(
        name,
        summary,
        schema,
        [*parameters, _IF_NONE_MATCH],
        {"304": unchanged} | (responses or {}) | _UNAVAILABLE,
        headers=headers,
    )


def _operation(
    name: str,
    summary: str,
    schema: Json,
    parameters: Sequence[Json] = (),
    responses: Json | None = None,
    *,
    status: str = "200",
    headers: Json | None = None,
) -> Json:
    """Return an operation that answers a body of ``schema`` with ``headers``.

    ``responses`` are added to the responses that all operations have.
    """
    answer = {"description": summary, "content": {"application/json": {"schema": schema}}}
    described = {
        "operationId": name,
        "summary": summary,
        "responses": {
            status: answer | ({"headers": headers} if headers else {}),
            "401": {"$ref": "#/components/responses/SignInRequired"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "429": {"$ref": "#/components/responses/LimitExceeded"},
            "default": _problem("Any other error."),
            **(responses or {}),
        },
    }
    return described | ({"parameters": list(parameters)} if parameters else {})


def _with_table(described: Json) -> Json:
    """Add a CSV table to the responses of an operation."""
    described["responses"]["200"]["content"]["text/csv"] = {"schema": _TEXT}
    return described


def _table_parameters(*parameters: Json) -> list[Json]:
    """Return the parameters of an operation with a CSV table."""
    text = "`csv` for a table with a header. The api puts `'` before a text that a spreadsheet would run as a formula."
    return [_parameter("format", text, {"enum": ["json", "csv"], "default": "json"}), *parameters]


def _parameter(name: str, text: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _path_parameter(name: str, text: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _number(limits: tuple[int, int], default: int) -> Json:
    return {"type": "integer", "minimum": limits[0], "maximum": limits[1], "default": default}


def _parameters_refused() -> Json:
    return {"400": _problem("A parameter is not valid; the detail names it.")}


def _problem(text: str) -> Json:
    return {"description": text, "content": {"application/problem+json": {"schema": _ref(Problem)}}}


def _shared_responses() -> Json:
    """Return the responses that several operations share, by name."""
    challenge = {"WWW-Authenticate": {"required": True, "schema": {"const": "Bearer", "type": "string"}}}
    retry = {"Retry-After": _RETRY_AFTER}
    unavailable = "There is no data to answer with: the collector has stored none yet, or Redis is away."
    return {
        "Unavailable": _problem(unavailable) | {"headers": retry},
        "SignInRequired": _problem("The request has no valid credential; `code` is `sign_in_required`.")
        | {"headers": challenge},
        "Forbidden": _problem("The credential lacks the scope; `code` is `forbidden`."),
        "LimitExceeded": _problem("Too many requests; `code` is `limit_exceeded`.") | {"headers": retry},
    }


def _ref(of: type) -> Json:
    """Return a reference to the schema of a type of the contract."""
    return {"$ref": f"#/components/schemas/{of.__name__}"}
