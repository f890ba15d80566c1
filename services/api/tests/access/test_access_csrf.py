"""Forms are accepted only from their own page and their own person."""

from typing import Any

import pytest
from flask import Flask

from access.web_origin import WebOrigin
from api.pages import PAGES


@pytest.fixture
def forms_by_page(closed_app: Flask, ada: Any, browser: Any) -> list[tuple[Any, str, dict[str, str]]]:
    """Return each form of each page: its user, its action and its fields."""
    found = []
    stranger = browser(closed_app)
    for who, path in [(ada, path.replace("<path:node>", "x")) for path in [*PAGES, "/nope"]] + [(stranger, "/login")]:
        forms = who.forms(path)
        assert forms, path
        found += [(who, form["action"], form["fields"]) for form in forms]
    return found


FILLED = {"user": "ada", "password": "correct horse"}


def test_every_form_of_every_page_needs_its_token(closed_app: Flask, forms_by_page: Any) -> None:
    actions = set()
    for who, action, fields in forms_by_page:
        actions.add(action)
        for token in ("", "x", fields["csrf"][:-1], fields["csrf"] + "x", fields["csrf"].swapcase(), "é"):
            assert who.post(action, fields | FILLED | {"csrf": token}).status_code == 403
        without = {name: value for name, value in (fields | FILLED).items() if name != "csrf"}
        assert who.post(action, without).status_code == 403
    assert actions == {"/login", "/logout"}
    who, action, fields = forms_by_page[0]
    assert who.get("/api/session").status_code == 200
    assert who.post(action, fields).status_code == 303


def test_form_token_belongs_to_one_person_and_one_use(
    closed_app: Flask, deployment: Any, ada: Any, browser: Any
) -> None:
    # given
    deployment.add_user("bob")
    bob, stranger = browser(closed_app), browser(closed_app)
    bob.sign_in("bob")
    # when, then
    assert ada.post("/logout", bob.fields("/live", "/logout")).status_code == 403
    assert ada.post("/logout", stranger.fields("/login", "/login")).status_code == 403
    stranger.get("/login")
    assert stranger.post("/login", FILLED | ada.fields("/live", "/logout")).status_code == 403
    # A visitor's form token is invalid for another visitor
    other = browser(closed_app)
    assert other.post("/login", FILLED | stranger.fields("/login", "/login")).status_code == 403
    # A form token of the previous session is invalid after the next sign-in
    previous = ada.fields("/live", "/logout")
    ada.sign_in()
    assert ada.post("/logout", previous).status_code == 403


def test_form_token_stays_valid_when_the_page_is_opened_twice(closed_app: Flask, browser: Any) -> None:
    visitor = browser(closed_app)
    first = visitor.fields("/login", "/login")
    visitor.get("/login")
    assert visitor.post("/login", first | FILLED).status_code == 303


HOSTILE = [
    *({"Origin": origin} for origin in (
        "https://evil.example", "http://localhost.evil.example", "http://localhost:8080", "null", "",
        "http://localhost@evil.example",
    )),
    *({"Referer": page} for page in ("https://evil.example/http://localhost/", "about:blank")),
    *({"Sec-Fetch-Site": site} for site in ("cross-site", "same-site")),
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
]  # fmt: skip


@pytest.mark.parametrize("headers", HOSTILE, ids=str)
def test_form_is_refused_when_a_foreign_page_sent_it(closed_app: Flask, ada: Any, browser: Any, headers: Any) -> None:
    visitor = browser(closed_app)
    assert visitor.post("/login", visitor.fields("/login", "/login") | FILLED, **headers).status_code == 403
    assert ada.post("/logout", ada.fields("/live", "/logout"), **headers).status_code == 403
    assert ada.get("/api/session").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Origin": "http://localhost"}, {"Origin": "https://localhost"}, {"Origin": "https://localhost:443"},
        {"Origin": "https://cluster.example"}, {"Referer": "http://localhost/login?next=/live"},
        {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)  # fmt: skip
def test_form_is_accepted_when_our_own_page_sent_it(deployment: Any, browser: Any, headers: Any) -> None:
    deployment.add_user()
    visitor = browser(deployment.start(public_url=WebOrigin("https", "cluster.example", 443)))
    assert visitor.post("/login", visitor.fields("/login", "/login") | FILLED, **headers).status_code == 303


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/nope", "/api/health", "/logout"])
def test_every_unsafe_method_with_a_cookie_needs_a_form_token(ada: Any, method: str, path: str) -> None:
    assert ada.client.open(path, method=method, headers=ada.headers).status_code == 403


def test_proxy_user_needs_a_form_token_and_a_program_does_not(deployment: Any, browser: Any) -> None:
    app = deployment.start(words="peer 10.0.0.5", user_header="Remote-User")
    bob = browser(app, "192.0.2.1, 10.0.0.5")
    bob.headers |= {"Remote-User": "bob"}
    assert bob.post("/logout", {}).status_code == 403
    assert bob.get("/live").status_code == 200
    token = deployment.add_token("read")
    answer = app.test_client().post("/logout", headers=token | {"Origin": "https://evil.example"})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"CONTENT_LENGTH": "16385"}, 413), ({"CONTENT_LENGTH": "99999999999"}, 413),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 400), ({"HTTP_EXPECT": "100-continue"}, 400),
        ({"CONTENT_TYPE": "multipart/form-data; boundary=x"}, 400), ({"CONTENT_TYPE": "application/json"}, 400),
    ],
    ids=str,
)  # fmt: skip
def test_form_is_refused_unread_when_browsers_would_not_send_it(
    closed_app: Flask, browser: Any, headers: Any, status: int
) -> None:
    class Unreadable:
        def read(self, *_: object) -> bytes:
            raise AssertionError("it was read")

        readline = read

    visitor = browser(closed_app)
    visitor.get("/login")
    sent = {"CONTENT_LENGTH": "100", "CONTENT_TYPE": "application/x-www-form-urlencoded"} | headers
    response = visitor.client.post(
        "/login", headers=visitor.headers, environ_overrides=sent | {"wsgi.input": Unreadable()}
    )
    assert response.status_code == status


def test_refused_forms_are_counted_and_shown_as_a_page(closed_app: Flask, deployment: Any, browser: Any) -> None:
    response = browser(closed_app).post("/login", FILLED)
    assert response.status_code == 403
    assert "too old, or another site sent it" in response.get_data(as_text=True)
    assert 'api_refusals_total{reason="form"} 1.0' in deployment.metrics(closed_app)
