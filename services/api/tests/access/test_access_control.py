"""Every endpoint needs a credential, except the open ones, and scopes limit credentials."""

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from access.grant import PUBLISH, READ
from api.access.access_control import OPEN_ENDPOINTS, SCOPES
from api.tests.access.conftest import BROWSER

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
#: The open paths, listed independently of the code, so that a mistake there fails the test.
FOR_ANYBODY = {
    ("/livez", "GET"), ("/livez", "HEAD"), ("/livez", "OPTIONS"),
    ("/readyz", "GET"), ("/readyz", "HEAD"), ("/readyz", "OPTIONS"),
    ("/login", "GET"), ("/login", "HEAD"), ("/login", "OPTIONS"), ("/login", "POST"),
    ("/static/<path:filename>", "GET"), ("/static/<path:filename>", "HEAD"), ("/static/<path:filename>", "OPTIONS"),
}  # fmt: skip


def path_of(rule: Rule) -> str:
    return re.sub(r"<[^>]*>", "cluster:alerts", rule.rule)


def assert_refused(response: TestResponse, is_page: bool) -> None:
    if is_page:
        assert response.status_code == 303
        assert response.headers["Location"].startswith("/login")
    else:
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        if response.request.method != "HEAD":
            assert response.mimetype == "application/problem+json"
            assert response.get_json()["code"] == "sign_in_required"
    assert "no-store" in response.headers["Cache-Control"] or "private" in response.headers["Cache-Control"]


@pytest.mark.parametrize("accept", [{}, BROWSER], ids=["program", "browser"])
def test_every_closed_route_and_method_is_refused_without_a_credential(
    closed_app: Flask, collector: Any, accept: dict[str, str]
) -> None:
    # given
    collector.store_all()
    client = closed_app.test_client()
    asked = set()
    for rule in closed_app.url_map.iter_rules():
        for method in METHODS:
            if (rule.rule, method) in FOR_ANYBODY:
                continue
            # when
            response = client.open(path_of(rule), method=method, headers=accept)
            # then
            is_page = bool(accept) and not rule.rule.startswith("/api/") and rule.rule != "/metrics"
            assert_refused(response, is_page)
            assert b"node6" not in response.data
            asked.add(rule.rule)
    assert {"/", "/metrics", "/api/session", "/api/publish/<path:channel>", "/logout"} <= asked


def test_list_of_open_endpoints_is_unchanged(closed_app: Flask) -> None:
    rules = {rule.rule for rule in closed_app.url_map.iter_rules() if rule.endpoint in OPEN_ENDPOINTS}
    assert rules == {path for path, _ in FOR_ANYBODY}
    assert {rule.rule for rule in closed_app.url_map.iter_rules() if rule.endpoint in SCOPES} == {
        "/api/publish/<path:channel>"
    }


@pytest.mark.parametrize(
    "path",
    ["/nope", "/api", "/api/", "/api/nope", "/login/", "/login/x", "/static", "/livez/", "//livez", "/LIVEZ",
     "/static/../api/health", "/static/..%2f..%2fapi/health", "/%2e%2e/livez", "/livez%00", "/metrics/"],
)  # fmt: skip
@pytest.mark.parametrize("method", METHODS)
def test_unknown_path_is_answered_like_a_known_one(closed_app: Flask, path: str, method: str) -> None:
    response = closed_app.test_client().open(path, method=method)
    if path.startswith("/static/"):
        assert response.status_code in (401, 404, 405) or method == "OPTIONS"
        assert b"redis" not in response.data
    else:
        assert_refused(response, is_page=False)


@pytest.mark.parametrize("path", ["/static/..%2f..%2f__init__.py", "/static/../app.py", "/static/%2fetc%2fpasswd"])
def test_static_files_are_those_of_their_folder(closed_app: Flask, path: str) -> None:
    response = closed_app.test_client().get(path)
    assert response.status_code in (401, 404)
    assert b"import" not in response.data
    assert b"root:" not in response.data


def test_open_endpoints_are_answered(closed_app: Flask, redis: Any) -> None:
    client = closed_app.test_client()
    assert client.get("/livez").status_code == 200
    assert client.get("/login").status_code == 200
    with client.get("/static/dashboard.js") as static:
        assert (static.status_code, static.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(("scope", "reads", "publishes"), [(READ, True, False), (PUBLISH, False, True)])
def test_scope_limits_a_token(
    closed_app: Flask, deployment: Any, collector: Any, scope: Any, reads: bool, publishes: bool
) -> None:
    collector.store_all()
    token = deployment.add_token(scope)
    client = closed_app.test_client()
    for rule in closed_app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"OPTIONS"}
        for method in methods:
            if (rule.rule, method) in FOR_ANYBODY:
                continue
            response = client.open(path_of(rule), method=method, headers=token, json={} if method == "POST" else None)
            may = publishes if rule.endpoint in SCOPES else reads
            if not may:
                assert response.status_code == 403, rule
                assert method == "HEAD" or response.get_json()["code"] == "forbidden"
            else:
                assert response.status_code in (200, 202, 303, 404), rule


def test_token_of_both_scopes_and_people_read_everything(
    closed_app: Flask, deployment: Any, collector: Any, ada: Any
) -> None:
    collector.store_all()
    token = deployment.add_token(READ, PUBLISH)
    for path in ("/", "/nodes/node6.lan", "/api/cluster/snapshot", "/metrics", "/api/session"):
        assert ada.get(path).status_code == 200
        assert closed_app.test_client().get(path, headers=token).status_code == 200
    assert closed_app.test_client().post("/api/publish/cluster:alerts", json={}, headers=token).status_code == 202


@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "Authorization", "bearer"])
def test_token_in_a_url_is_ignored(closed_app: Flask, deployment: Any, name: str) -> None:
    token = deployment.add_token(READ)["Authorization"]
    for value in (token, token.removeprefix("Bearer ")):
        assert_refused(closed_app.test_client().get("/api/health", query_string={name: value}), is_page=False)


def test_token_overrides_a_session(closed_app: Flask, deployment: Any, ada: Any) -> None:
    assert ada.get("/api/session").get_json()["by"] == "session"
    assert ada.get("/api/session", Authorization="Bearer dcl_none").status_code == 401
    token = deployment.add_token(PUBLISH)
    assert ada.get("/api/session", **token).status_code == 403
    # Another scheme is for a proxy in between.
    assert ada.get("/api/session", Authorization="Basic YTpi").get_json()["by"] == "session"


def test_readyz_shows_strangers_only_its_status(closed_app: Flask, deployment: Any, ada: Any, valkey: Any) -> None:
    stranger = closed_app.test_client()
    assert stranger.get("/readyz").text == "ready\n"
    assert stranger.get("/readyz", headers=deployment.add_token(PUBLISH, name="other")).text == "ready\n"
    assert ada.get("/readyz").text == "ready\nredis: up\n"
    token = deployment.add_token(READ)
    assert stranger.get("/readyz", headers=token).text == "ready\nredis: up\n"
    fresh = deployment.start()
    valkey.stop()
    assert (fresh.test_client().get("/readyz").status_code, fresh.test_client().get("/readyz").text) == (
        503, "not ready\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "/login?next=%2F"),
        ("/nodes/a%20b", "/login?next=%2Fnodes%2Fa%2520b"),
        ("/live?y=fr&x=%0D%0ASet-Cookie:y", "/login?next=%2Flive%3Fy%3Dfr%26x%3D%250D%250ASet-Cookie%3Ay"),
        ("/%0d%0aSet-Cookie:x=1", "/login?next=%2F%250D%250ASet-Cookie%253Ax%253D1"),
        ("/\\evil.example", "/login?next=%2F%255Cevil.example"),
        ("/" + "x" * 3000, "/login?next=%2F"),
    ],
)
def test_page_redirects_to_the_sign_in_page_and_back(closed_app: Flask, path: str, location: str) -> None:
    response = closed_app.test_client().get(path, headers=BROWSER)
    assert response.status_code == 303
    assert response.headers["Location"] == location
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("path", ["//evil.example/x", "/\x00", "/a\x7fb"])
def test_redirect_stays_on_this_site_when_the_path_is_foreign(closed_app: Flask, path: str) -> None:
    response = closed_app.test_client().get("/", headers=BROWSER, environ_overrides={"PATH_INFO": path})
    ours = ("%2Fevil.example%2Fx", "%2F%2500", "%2Fa%257Fb")
    assert response.headers["Location"].removeprefix("/login?next=") in ours


def test_answers_are_excluded_from_shared_caches(closed_app: Flask, collector: Any, ada: Any, deployment: Any) -> None:
    collector.store_all()
    tag = ada.get("/api/cluster/snapshot").headers["ETag"]
    for path in ("/", "/api/cluster/snapshot", "/metrics", "/api/openapi.json", "/nope", "/readyz", "/login"):
        response = ada.get(path)
        assert re.search("private|no-store", response.headers["Cache-Control"]), path
        assert "Cookie" in response.headers["Vary"], path
    unchanged = ada.get("/api/cluster/snapshot", **{"If-None-Match": tag})
    assert unchanged.status_code == 304
    assert "private" in unchanged.headers["Cache-Control"]
    # The ETag gives a stranger no information.
    stranger = closed_app.test_client().get("/api/cluster/snapshot", headers={"If-None-Match": tag})
    assert stranger.status_code == 401


def test_no_credential_is_needed_where_access_is_open(deployment: Any, collector: Any) -> None:
    collector.store_all()
    client = deployment.start("open").test_client()
    for path in ("/", "/api/cluster/snapshot", "/metrics"):
        assert client.get(path, headers=BROWSER).status_code == 200
    assert client.get("/readyz").text == "ready\nredis: up\n"
    assert client.get("/api/cluster/snapshot").headers["Cache-Control"] == "no-cache"
    assert client.get("/api/session").get_json() == {
        "user": None, "by": None, "scopes": ["read"], "expires": None, "access": "open",
    }  # fmt: skip
    assert (client.get("/login").status_code, client.get("/login").headers["Location"]) == (303, "/")
    assert client.post("/logout").headers["Location"] == "/"
    assert_refused(client.post("/api/publish/cluster:alerts", json={}), is_page=False)


def test_refusals_are_counted_by_reason(closed_app: Flask, deployment: Any) -> None:
    client, token = closed_app.test_client(), deployment.add_token(READ)
    client.get("/api/health")
    client.post("/api/publish/cluster:alerts", headers=token)
    text = deployment.metrics(closed_app)
    assert 'api_refusals_total{reason="sign_in_required"} 1.0' in text
    assert 'api_refusals_total{reason="forbidden"} 1.0' in text
