"""Error responses for all kinds of requests."""

from typing import Any

import jsonschema
import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient

from contract.rest import Problem

PROBLEM = msgspec.json.schema(Problem)

ODD_PATHS = [
    "/api",
    "/api/",
    "/api/nope",
    "/api//cluster/nodes",
    "/api/cluster/../health",
    "/api/cluster/%2e%2e/health",
    "/api/%00",
    "/api/%FF%FE",
    "/api/health/",
    "/api/\u00e9",
    "/api/alerts/log/x",
    "/api/" + "x" * 5000,
    "/api/%0d%0aSet-Cookie:x=1",
]


@pytest.mark.parametrize("path", ODD_PATHS)
def test_unknown_path_under_api_is_a_problem(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    jsonschema.validate(response.get_json(), PROBLEM)
    assert response.get_json()["status"] == 404
    assert len(response.data) < 1500
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/api/health", "/api/cluster/nodes", "/api/alerts/log"])
def test_wrong_method_under_api_is_a_problem_that_names_the_allowed_ones(
    client: FlaskClient, path: str, method: str
) -> None:
    response = client.open(path, method=method, data=b"x" * 100)
    assert response.status_code == 405
    jsonschema.validate(response.get_json(), PROBLEM)
    assert set(response.headers["Allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "OPTIONS"}


def test_options_names_the_methods_when_asked(client: FlaskClient) -> None:
    response = client.options("/api/health")
    assert response.status_code == 200
    assert "GET" in response.headers["Allow"]


def test_failure_hides_internal_details_and_is_logged_when_a_view_raises(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    app.view_functions["openapi.openapi"] = fail
    response = app.test_client().get("/api/openapi.json")
    assert response.status_code == 500
    jsonschema.validate(response.get_json(), PROBLEM)
    assert b"secret" not in response.data
    assert b"RuntimeError" not in response.data
    assert "secret detail" in caplog.text


def test_failure_is_a_problem_when_something_fails_after_the_view(app: Flask) -> None:
    app.after_request(lambda response: 1 / 0)  # type: ignore[arg-type, return-value]
    response = app.test_client().get("/api/openapi.json")
    assert response.status_code == 500
    jsonschema.validate(response.get_json(), PROBLEM)


@pytest.mark.parametrize("path", ["/api/health", "/livez", "/", "/login", "/nope", "/static/dashboard.js"])
def test_answers_have_security_headers(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        headers = response.headers
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "same-origin")
        assert headers["X-Frame-Options"] == "DENY"
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert policy.endswith("frame-ancestors 'none'")
        # Responses that are not pages run no scripts.
        assert ("script-src" in policy) == (response.mimetype == "text/html")


def test_requests_are_counted_with_few_labels_when_clients_invent_paths_and_methods(client: FlaskClient) -> None:
    for n in range(20):
        client.open(f"/api/{n}", method=f"M{n}")
    text: Any = client.get("/metrics").get_data(as_text=True)
    assert 'api_requests_total{method="other",route="none",status="404"} 20.0' in text
