"""``/api``: a page of links and routes to a browser, nothing to a program."""

import re

import pytest
from flask.testing import FlaskClient

from api.openapi import description
from api.reference import kind_of, route_descriptions
from api.tests.access.conftest import BROWSER


def test_reference_lists_every_operation_when_a_browser_asks(client: FlaskClient) -> None:
    response = client.get("/api", headers=BROWSER)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    wanted = {f"{method.upper()} {path}" for path, item in description()["paths"].items() for method in item}
    assert set(re.findall(r'data-route="([^"]+)"', response.get_data(as_text=True))) == wanted
    assert "Accept" in response.headers["Vary"]


def test_reference_shows_code_as_code_when_the_document_has_it_between_backticks(client: FlaskClient) -> None:
    page = client.get("/api", headers=BROWSER).get_data(as_text=True)
    assert "Without <code>after</code>" in page
    assert "`" not in page


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_reference_is_not_there_when_a_program_asks(client: FlaskClient, accept: str | None) -> None:
    response = client.get("/api", headers={"Accept": accept} if accept else {})
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    assert response.get_json()["detail"] == "There is nothing at '/api'."


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_reference_is_not_there_when_it_is_asked_by_another_method(client: FlaskClient, method: str) -> None:
    response = client.open("/api", method=method)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


def test_reference_is_in_the_language_of_the_browser_when_it_asks_for_one(client: FlaskClient) -> None:
    page = client.get("/api", headers=BROWSER | {"Accept-Language": "fr"}).get_data(as_text=True)
    assert '<html lang="fr">' in page
    # What the document says is English, and is read out as that
    assert 'lang="en"' in page


def test_route_leads_to_what_it_describes_when_it_can_be_asked_as_it_is() -> None:
    routes = {(route.method, route.path): route for route in route_descriptions()}
    assert routes["GET", "/api/alerts"].address == "/api/alerts"
    assert routes["GET", "/api/cluster/nodes/{node}"].address is None
    assert routes["POST", "/api/publish/{channel}"].address is None


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"enum": ["a", "b"]}, "a | b"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"type": "integer", "minimum": 1, "maximum": 9, "default": 5}, "integer, 1 to 9, 5 without it"),
    ],
)
def test_kind_says_a_type_in_words(schema: dict[str, object], kind: str) -> None:
    assert kind_of(schema) == kind
