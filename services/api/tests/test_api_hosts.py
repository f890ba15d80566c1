"""A request for a foreign host name gets a sentence, and no data."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from access.hosts import AllowedHosts
from api.app import create_app
from api.app_resources import resources_of
from api.config import Config
from api.tests.conftest import Api, Collector
from tests.drivers.raw_http import ask, exchange, request
from tests.drivers.valkey import Valkey

EVIL = {"Host": "evil.example:8085"}


def test_every_route_refuses_an_unknown_host_and_names_the_setting(
    app: Flask, client: FlaskClient, collector: Collector
) -> None:
    collector.store_all()
    paths = {rule.rule.replace("<path:", "<").replace("<", "x").replace(">", "") for rule in app.url_map.iter_rules()}
    assert len(paths) > 15

    for path in (*paths, "/nowhere"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = client.open(path, method=method, headers={**EVIL, "Accept": "text/html"})
            assert answer.status_code == 421, path
            problem = json.loads(answer.data)
            assert "PUBLIC_URL" in problem.pop("detail")
            assert problem == {"type": "about:blank", "title": "Misdirected Request", "status": 421}
    assert client.get("/api/health").status_code == 200


def test_page_is_shown_to_any_host_when_names_are_not_checked(valkey: Valkey) -> None:
    app = create_app(Config(redis_url=valkey.url, hosts=AllowedHosts(None)))

    assert app.test_client().get("/login", headers=EVIL).status_code == 303
    resources_of(app).connection.close()


@pytest.fixture
def process(start_api: Callable[..., Api]) -> Api:
    return start_api(PUBLIC_URL="http://cluster.example", TRUSTED_PROXIES="peer").ready()


def test_host_is_recognized_in_every_spelling(process: Api) -> None:
    def status(target: str, *headers: str, host: str = "localhost") -> int:
        return ask(process.port, request("GET", target, *headers, host=host)).status

    assert status("/api/health") == 200
    assert status("/api/health", host="cluster.example") == 200
    assert status("http://localhost/api/health", host="localhost") == 200
    assert status("/api/health", host="evil.example") == 421
    assert status("http://evil.example/api/health", host="localhost") == 421
    for first, second in (("localhost", "evil.example"), ("evil.example", "localhost")):
        assert status("/api/health", f"Host: {first}", f"Host: {second}") in (400, 421)
    # The gateway forwards the addresses of all its clients.
    assert status("/api/health", "X-Forwarded-For: 10.0.0.1", host="evil.example") == 421


def test_request_without_a_host_is_accepted_from_probes(process: Api) -> None:
    def status(path: str) -> int:
        (answer,) = exchange(process.port, f"GET {path} HTTP/1.0\r\n\r\n".encode())
        return answer.status

    assert [status(path) for path in ("/livez", "/readyz", "/metrics", "/api/health")] == [200, 200, 421, 421]


def test_refused_host_is_counted_and_logged(process: Api) -> None:
    for _ in range(3):
        exchange(process.port, request("GET", "/", host="evil.example"))

    assert process.log.count("evil.example") == 1
    assert "PUBLIC_URL" in process.log
    assert 'api_refusals_total{reason="host"} 3.0' in process.get("/metrics").text
