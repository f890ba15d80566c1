"""Compression of responses."""

import gzip
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from contract.names import METRICS_CHANNEL

SNAPSHOT = "/api/cluster/snapshot"


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("GZIP", True), ("identity", False),
        ("gzip;q=0", False), ("gzip;q=0, *;q=1", False), ("", False), ("gzip;q=x", False), (None, False),
    ],
)  # fmt: skip
def test_answer_is_compressed_when_the_client_accepts_it(
    client: FlaskClient, collector: Any, accepted: str | None, compressed: bool
) -> None:
    raw = collector.store(METRICS_CHANNEL)
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    response = client.get(SNAPSHOT, headers=headers)
    assert (response.headers.get("Content-Encoding") == "gzip") is compressed
    assert (gzip.decompress(response.data) if compressed else response.data) == raw
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert "Accept-Encoding" in response.headers["Vary"]
    assert response.headers["ETag"].startswith("W/")


def test_answer_is_not_compressed_when_it_is_small(client: FlaskClient) -> None:
    response = client.get("/api/health", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in response.headers
    assert "Accept-Encoding" in response.headers["Vary"]


def test_304_is_not_compressed_when_the_client_accepts_gzip(client: FlaskClient, collector: Any) -> None:
    collector.store(METRICS_CHANNEL)
    tag = client.get(SNAPSHOT).headers["ETag"]
    response = client.get(SNAPSHOT, headers={"If-None-Match": tag, "Accept-Encoding": "gzip"})
    assert (response.status_code, response.data) == (304, b"")
    assert "Content-Encoding" not in response.headers
    assert "Accept-Encoding" in response.headers["Vary"]


@pytest.mark.parametrize("mimetype", ["image/png", "application/gzip", "font/woff2"])
def test_answer_is_not_compressed_when_its_type_is_not_compressible(app: Flask, mimetype: str) -> None:
    app.view_functions["openapi.openapi"] = lambda: Response(b"x" * 5000, mimetype=mimetype)
    response = app.test_client().get("/api/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert response.data == b"x" * 5000
    assert "Vary" not in response.headers


def test_static_file_is_not_compressed_again_for_a_request(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    plain = client.get("/static/dashboard.js", buffered=True).data
    monkeypatch.setattr(gzip, "compress", None)
    # when
    response = client.get("/static/dashboard.js", headers={"Accept-Encoding": "gzip"}, buffered=True)
    # then
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.data) == plain
