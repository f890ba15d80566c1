"""What the OpenAPI document says of an answer."""

from typing import Any

from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from api.openapi import description

DOCUMENT = description()


def validate(value: object, schema: dict[str, Any]) -> None:
    """Check against a schema of the document, whose references start at its root."""
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def validate_response(path: str, response: TestResponse, method: str = "get") -> dict[str, Any]:
    """What the document says of this answer; fails if it says nothing or the answer differs."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    said: dict[str, Any] = responses.get(str(response.status_code), responses["default"])
    if "$ref" in said:
        said = DOCUMENT["components"]["responses"][said["$ref"].rpartition("/")[2]]
    if response.status_code != 304:
        body = response.get_json() if response.is_json else response.text
        validate(body, said["content"][response.mimetype]["schema"])
    for name, header in said.get("headers", {}).items():
        if name not in response.headers and not header.get("required"):
            continue
        value = response.headers[name]
        validate(int(value) if header["schema"]["type"] == "integer" else value, header["schema"])
    return said
