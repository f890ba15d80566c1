"""What the operations of the OpenAPI document have in common."""

from typing import Any

from contract.rest import Problem

_AGE = {
    "description": "Seconds since Redis took the message; absent where Redis does not know.",
    "schema": {"type": "integer", "minimum": 0},
}
AGE_FROM_MEMORY = {
    "description": "Seconds since this was read; present only with Redis away.",
    "schema": {"type": "integer", "minimum": 0},
}
ETAG = {
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

FORMAT = {
    "name": "format",
    "in": "query",
    "description": "`csv` for a table with a head. A text that a spreadsheet would take for a formula begins with `'`.",
    "schema": {"enum": ["json", "csv"], "default": "json"},
}

SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "What `token add` writes, with the scope it needs."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "dispycluster-<installation>",
        "description": "What the sign-in page gives to browsers; good for everything but publishing.",
    },
}

Json = dict[str, Any]


def latest(name: str, summary: str, schema: Json, parameters: list[Json] | None = None, not_found: str = "") -> Json:
    """An operation that answers a stored message, or a part of it."""
    described = operation(name, summary, schema)
    described["parameters"] = [*(parameters or []), _IF_NONE_MATCH]
    described["responses"]["200"]["headers"] = {"Age": _AGE, "ETag": ETAG}
    described["responses"]["304"] = {
        "description": "Not changed since that ETag.",
        "headers": {"Age": _AGE, "ETag": ETAG},
    }
    if not_found:
        described["responses"]["404"] = problem(not_found)
    described["responses"]["503"] = {"$ref": "#/components/responses/Unavailable"}
    return described


def operation(name: str, summary: str, schema: Json | type, status: str = "200") -> Json:
    """An operation that answers a body of that schema, and what every operation may answer besides."""
    body = schema if isinstance(schema, dict) else schema_of(schema)
    answer = {"description": summary, "content": {"application/json": {"schema": body}}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            status: answer,
            "401": {"$ref": "#/components/responses/SignInRequired"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "429": {"$ref": "#/components/responses/LimitExceeded"},
            "default": problem("Any other error."),
        },
    }


def problem(text: str) -> Json:
    """An answer that is a problem."""
    return {"description": text, "content": {"application/problem+json": {"schema": schema_of(Problem)}}}


def shared_responses() -> Json:
    """Answers that several operations give, by the names that they refer to them by."""
    challenge = {"WWW-Authenticate": {"required": True, "schema": {"const": "Bearer", "type": "string"}}}
    retry = {"Retry-After": _RETRY_AFTER}
    unavailable = "Nothing that could be answered: nothing is stored yet, or Redis is away."
    return {
        "Unavailable": problem(unavailable) | {"headers": retry},
        "SignInRequired": problem("No valid credential; `code` is `sign_in_required`.") | {"headers": challenge},
        "Forbidden": problem("A credential without the scope; `code` is `forbidden`."),
        "LimitExceeded": problem("Too many requests; `code` is `limit_exceeded`.") | {"headers": retry},
    }


def with_table(described: Json) -> Json:
    """An operation whose answer may be had as a table, too."""
    described["responses"]["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return described


def schema_of(of: type) -> Json:
    """Refer to the schema of a type of the contract."""
    return {"$ref": f"#/components/schemas/{of.__name__}"}
