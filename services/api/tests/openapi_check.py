"""Checks responses against the OpenAPI document."""

from typing import Any

from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from api.openapi import description

DOCUMENT = description()


def validate(value: object, schema: dict[str, Any]) -> None:
    """Check a value against a schema of the document. References start at the document's root."""
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def validate_response(path: str, response: TestResponse, method: str = "get") -> dict[str, Any]:
    """Check a response against the document, and return its description there."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    expected: dict[str, Any] = responses.get(str(response.status_code), responses["default"])
    if "$ref" in expected:
        expected = DOCUMENT["components"]["responses"][expected["$ref"].rpartition("/")[2]]
    if response.status_code != 304:
        body = response.get_json() if response.is_json else response.text
        validate(body, expected["content"][response.mimetype]["schema"])
    for name, header in expected.get("headers", {}).items():
        if name not in response.headers and not header.get("required"):
            continue
        value = response.headers[name]
        validate(int(value) if header["schema"]["type"] == "integer" else value, header["schema"])
    return expected
