"""The language of the pages: how it is chosen, its headers, and English for programs."""

from typing import Any

import pytest
from flask import Flask, render_template, render_template_string
from flask.testing import FlaskClient

from api.language import COOKIE, KEPT_SECONDS, LANGUAGES, gettext, language
from api.message_store import NotStored
from api.pages import PAGES
from api.tests.conftest import failing_client, set_cookies
from contract.names import CHANNELS

FRENCH = "fr-FR,fr;q=0.9,en;q=0.8"
SENTENCE = {"en": "There is nothing at &#39;/nope&#39;.", "fr": "Il n’y a rien à l’adresse &#39;/nope&#39;."}


def page_language(client: FlaskClient, path: str = "/nope", **headers: str) -> str:
    """Return the language of a page. Its text and its header must agree. A ``Cookie`` header replaces the client's."""
    if "Cookie" in headers:
        client = client.application.test_client(use_cookies=False)
    response = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    name: str = response.headers["Content-Language"]
    assert SENTENCE[name] in response.get_data(as_text=True)
    return name


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("fr", "fr"), ("FR", "fr"), (FRENCH, "fr"), ("fr-CA", "fr"), ("fr-CA, en;q=0.5", "fr"),
        ("de, fr;q=0.5", "fr"), ("en;q=0.5, fr;q=0.6", "fr"), ("en-GB, fr;q=0.9", "en"), ("fr;q=0.5, en", "en"),
        ("fr;q=0", "en"), ("de", "en"), ("*", "en"), ("frr, french", "en"), ("", "en"), (";;,=q", "en"),
    ],
)  # fmt: skip
def test_page_is_in_the_preferred_language_of_the_browser(client: FlaskClient, accepted: str, expected: str) -> None:
    assert page_language(client, Accept_Language=accepted) == expected


def test_page_is_english_by_default(client: FlaskClient) -> None:
    assert page_language(client) == "en"


def test_cookie_overrides_the_language_of_the_browser(client: FlaskClient) -> None:
    assert page_language(client, Cookie=f"{COOKIE}=en", Accept_Language=FRENCH) == "en"
    assert page_language(client, Cookie=f"{COOKIE}=fr", Accept_Language="en") == "fr"


@pytest.mark.parametrize("value", ["de", "FR", "", "fr-CA", "../fr", '"fr', "x" * 5000])
def test_cookie_is_ignored_when_its_language_is_unknown(client: FlaskClient, value: str) -> None:
    assert page_language(client, Cookie=f"{COOKIE}={value}") == "en"
    assert page_language(client, Cookie=f"{COOKIE}={value}", Accept_Language="fr") == "fr"


def test_parameter_overrides_cookie_and_browser(client: FlaskClient) -> None:
    assert page_language(client, "/nope?lang=fr", Cookie=f"{COOKIE}=en", Accept_Language="en") == "fr"


@pytest.mark.parametrize("value", ["de", "FR", "", "fr-CA", "../fr", "%00", "fr%0d%0aSet-Cookie:x=1", "x" * 5000])
def test_parameter_is_ignored_when_its_language_is_unknown(client: FlaskClient, value: str) -> None:
    response = client.get(f"/nope?lang={value}", headers={"Accept-Language": "fr"})
    assert response.headers["Content-Language"] == "fr"
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("name", LANGUAGES)
def test_parameter_sets_a_cookie_for_a_year_that_scripts_can_read(client: FlaskClient, name: str) -> None:
    cookie = set_cookies(client.get(f"/?lang={name}"))[COOKIE]
    assert cookie.value == name
    assert (cookie["path"], cookie["samesite"], cookie["max-age"]) == ("/", "Lax", str(KEPT_SECONDS))
    assert not cookie["httponly"]
    assert not cookie["domain"]


def test_parameter_sets_the_language_of_later_pages(client: FlaskClient) -> None:
    client.get("/?lang=fr")
    assert page_language(client) == "fr"
    client.get("/?lang=en")
    assert page_language(client, Accept_Language=FRENCH) == "en"


def test_page_sets_no_cookie_without_the_parameter(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.get("/", headers={"Accept-Language": FRENCH}).headers


@pytest.mark.parametrize("path", [*sorted(PAGES), "/nope"])
def test_page_has_headers_for_its_language_and_caches(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers={"Accept-Language": FRENCH})
    assert response.headers["Content-Language"] == "fr"
    assert {"accept-language", "cookie"} <= set(response.vary.as_set())


@pytest.mark.parametrize("path", ["/api/cluster/snapshot", "/api/health", "/api/nope", "/api", "/livez", "/metrics"])
def test_json_answer_ignores_the_language(client: FlaskClient, collector: Any, path: str) -> None:
    for channel in CHANNELS:
        collector.store(channel)
    client.set_cookie(COOKIE, "fr")
    response = client.get(f"{path}?lang=fr", headers={"Accept-Language": FRENCH})
    assert not {"accept-language", "cookie"} & set(response.vary.as_set())
    assert "Content-Language" not in response.headers
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "title", "detail"),
    [
        ("GET", "/api/nope", "Not Found", "There is nothing at '/api/nope'."),
        ("POST", "/api/health", "Method Not Allowed", "'/api/health' does not accept the method POST."),
        ("GET", "/api/cluster/snapshot", "Service Unavailable", "Nothing is stored under"),
    ],
)
def test_problem_is_english_when_french_is_requested(
    client: FlaskClient, method: str, path: str, title: str, detail: str
) -> None:
    client.set_cookie(COOKIE, "fr")
    problem = client.open(f"{path}?lang=fr", method=method, headers={"Accept-Language": FRENCH}).get_json()
    assert problem["title"] == title
    assert problem["detail"].startswith(detail)


@pytest.mark.parametrize(
    ("method", "path", "status", "texts"),
    [
        ("GET", "/nope", 404, ["Page introuvable", "Il n’y a rien à l’adresse", "Aller au tableau de bord"]),
        ("GET", "/100%25%28x%29s", 404, ["Il n’y a rien à l’adresse &#39;/100%(x)s&#39;."]),
        ("POST", "/", 405, ["Méthode non autorisée", "n’accepte pas la méthode POST"]),
        ("GET", "/", 500, ["Erreur interne du serveur", "L’api n’a pas pu répondre. Son journal"]),
    ],
)
def test_error_page_is_french_when_french_is_requested(
    app: Flask, method: str, path: str, status: int, texts: list[str]
) -> None:
    response = failing_client(app, RuntimeError()).open(path, method=method, headers={"Accept-Language": FRENCH})
    assert response.status_code == status
    for text in texts:
        assert text in response.get_data(as_text=True)


def test_unavailable_page_is_french_when_french_is_requested(app: Flask) -> None:
    response = failing_client(app, NotStored("key")).get("/?lang=fr")
    assert response.status_code == 503
    assert "Service indisponible" in response.get_data(as_text=True)
    assert "Vérifiez que Redis et le collecteur fonctionnent" in response.get_data(as_text=True)


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_page_renders_in_every_language(app: Flask, name: str) -> None:
    # Included templates begin with an underscore. The pages that include them test them.
    templates = app.jinja_env.list_templates(filter_func=lambda template: not template.startswith("_"))
    assert {"error.html", "live.html", "node.html"} <= set(templates)
    for template in templates:
        with app.test_request_context(f"/?lang={name}"):
            assert render_template(template, status=404, title="title", detail="detail", page="dashboard").strip()


def test_template_gets_the_language_and_texts_with_values_and_markup(app: Flask) -> None:
    source = '{{ language }} {{ _("There is nothing at %(path)r.", path="<") }} {{ ngettext("a", "%(num)s b", 2) }}'
    with app.test_request_context("/?lang=fr"):
        assert render_template_string(source) == "fr Il n’y a rien à l’adresse &#39;&lt;&#39;. 2 b"


def test_text_is_english_when_there_is_no_request() -> None:
    assert language() == "en"
    assert gettext("There is nothing at %(path)r.", path="/x") == "There is nothing at '/x'."
