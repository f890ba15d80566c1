"""Rate limits keep one client from harming others."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient


def spend(client: FlaskClient, count: int, path: str = "/api/session", **headers: str) -> list[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [client.get(path, headers=named).status_code for _ in range(count)]


@pytest.mark.parametrize(("mode", "status"), [("open", 200), ("closed", 401)])
def test_address_is_refused_beyond_its_rate_and_others_are_not(
    deployment: Any, now: list[float], mode: str, status: int
) -> None:
    # given
    app = deployment.start(mode, requests_per_second=2)
    client = app.test_client()
    assert spend(client, 20, X_Forwarded_For="192.0.2.1") == [status] * 20
    # when
    response = client.get("/api/session", headers={"X-Forwarded-For": "192.0.2.1"})
    # then
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert response.get_json()["code"] == "limit_exceeded"
    assert spend(client, 1, X_Forwarded_For="192.0.2.2") == [status]
    assert spend(client, 3, "/livez", X_Forwarded_For="192.0.2.1") == [200] * 3
    page = client.get("/", headers={"X-Forwarded-For": "192.0.2.1", "Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (429, "text/html")
    now[0] += 0.5
    assert spend(client, 2, X_Forwarded_For="192.0.2.1") == [status, 429]
    assert 'api_limited_total{kind="address"} 3.0' in deployment.metrics(client.application)


def test_address_comes_from_a_trusted_proxy_and_ipv6_counts_by_network(deployment: Any, now: list[float]) -> None:
    client = deployment.start("open", requests_per_second=1).test_client()
    for number in range(10):
        assert spend(client, 1, X_Forwarded_For=f"2001:db8::{number:x}") == [200]
    assert spend(client, 1, X_Forwarded_For="2001:db8::ffff") == [429]
    assert spend(client, 1, X_Forwarded_For="2001:db8:0:1::1") == [200]
    # Without trusted proxies, the address of the connection counts.
    client = deployment.start("open", words="", requests_per_second=1).test_client()
    assert [spend(client, 1, X_Forwarded_For=f"192.0.2.{number}") for number in range(11)] == [[200]] * 10 + [[429]]


def test_identity_is_refused_beyond_its_rate_from_every_address(deployment: Any, now: list[float]) -> None:
    deployment.add_user()
    client = deployment.start(requests_per_second=1).test_client()
    token, other = deployment.add_token("read"), deployment.add_token("read", name="other")
    for number in range(10):
        assert spend(client, 1, X_Forwarded_For=f"192.0.2.{number}", **token) == [200]
    response = client.get("/api/session", headers=token | {"X-Forwarded-For": "192.0.2.11"})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert spend(client, 1, X_Forwarded_For="192.0.2.11", **other) == [200]
    assert 'api_limited_total{kind="identity"} 1.0' in deployment.metrics(client.application)


def test_credentials_are_not_read_when_the_address_is_beyond_its_rate(
    deployment: Any, closed_app: Flask, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = deployment.start(requests_per_second=1).test_client()
    spend(client, 10, X_Forwarded_For="192.0.2.1")
    monkeypatch.setattr("api.access.credentials.Credentials.require", lambda _: 1 / 0)
    assert spend(client, 1, X_Forwarded_For="192.0.2.1") == [429]
