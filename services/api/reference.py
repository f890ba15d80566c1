"""``/api`` in a browser: an overview of the interfaces and all routes, generated from the OpenAPI document."""

import functools
from typing import Any, Final, NamedTuple

from flask import Blueprint, Response, abort, render_template

from api.openapi import description
from api.responses import API, wants_page

#: Browsers get a page. Every other request for this path gets 404.
_METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


class Parameter(NamedTuple):
    """A parameter of a route; ``kind`` describes its type in words."""

    name: str
    where: str
    kind: str
    text: str


class Route(NamedTuple):
    """One operation. ``address`` is a link for a browser, or ``None`` if the operation needs input first."""

    method: str
    path: str
    summary: str
    address: str | None
    parameters: tuple[Parameter, ...]
    #: Status and meaning; ``default`` stands for all other statuses, at the end.
    answers: tuple[tuple[str, str], ...]


def reference_routes() -> Blueprint:
    """Return the route."""
    routes = Blueprint("reference", __name__)

    @routes.route(API, methods=_METHODS, provide_automatic_options=False)
    def reference() -> Response:
        if not wants_page():
            abort(404)
        response = Response(render_template("api.html", page="api", routes=route_descriptions()), mimetype="text/html")
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("Accept")
        return response

    return routes


@functools.cache
def route_descriptions() -> tuple[Route, ...]:
    """Return every operation of the OpenAPI document, in its order."""
    document = description()
    return tuple(
        _route(document, method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )


def _route(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Route:
    def description_of(answer: dict[str, Any]) -> str:
        if "$ref" in answer:
            answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        text: str = answer["description"]
        return text

    parameters = operation.get("parameters", [])
    return Route(
        method=method,
        path=path,
        summary=operation["summary"],
        address=path if method == "GET" and "{" not in path else None,
        parameters=tuple(
            Parameter(each["name"], each["in"], kind_of(each["schema"]), each.get("description", ""))
            for each in parameters
        ),
        answers=tuple((status, description_of(answer)) for status, answer in sorted(operation["responses"].items())),
    )


def kind_of(schema: dict[str, Any]) -> str:
    """Return the type of a value in a few words: ``integer, 10 to 2000``, ``list of string``."""
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kind = str(schema.get("type", "value"))
    if kind == "array":
        return f"list of {kind_of(schema['items'])}"
    if "minimum" in schema and "maximum" in schema:
        kind += f", {schema['minimum']} to {schema['maximum']}"
    if "default" in schema:
        kind += f", {schema['default']} without it"
    return kind
