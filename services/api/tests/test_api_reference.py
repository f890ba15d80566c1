"""``/api``: a page of links and routes for browsers, and 404 for programs."""

import re

import pytest
from flask.testing import FlaskClient

from api.openapi import description
from api.reference import kind_of, route_descriptions
from api.tests.access.conftest import BROWSER


def test_reference_page_lists_every_operation(client: FlaskClient) -> None:
    response = client.get("/api", headers=BROWSER)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    expected = {f"{method.upper()} {path}" for path, item in description()["paths"].items() for method in item}
    assert set(re.findall(r'data-route="([^"]+)"', response.get_data(as_text=True))) == expected
    assert "Accept" in response.headers["Vary"]


def test_reference_page_marks_code_between_backticks(client: FlaskClient) -> None:
    page = client.get("/api", headers=BROWSER).get_data(as_text=True)
    assert "Without <code>after</code>" in page
    assert "`" not in page


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_reference_page_is_404_for_a_program(client: FlaskClient, accept: str | None) -> None:
    response = client.get("/api", headers={"Accept": accept} if accept else {})
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    assert response.get_json()["detail"] == "There is nothing at '/api'."


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_reference_page_is_404_for_another_method(client: FlaskClient, method: str) -> None:
    response = client.open("/api", method=method)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


def test_reference_page_is_in_the_language_of_the_browser(client: FlaskClient) -> None:
    page = client.get("/api", headers=BROWSER | {"Accept-Language": "fr"}).get_data(as_text=True)
    assert '<html lang="fr">' in page
    # The document's texts are English and marked as English
    assert 'lang="en"' in page


def test_route_links_to_itself_when_it_needs_no_input() -> None:
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
def test_kind_of_describes_a_type_in_words(schema: dict[str, object], kind: str) -> None:
    assert kind_of(schema) == kind
