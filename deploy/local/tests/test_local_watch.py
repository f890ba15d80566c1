"""When the product counts as ready, tried on an HTTP server that answers what the test says."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deploy.local.fetch import fetch
from deploy.local.watch import FIRST_LOOK_SECONDS, Watch
from tests.drivers.ports import free_port
from tests.drivers.serving import serving

Answers = dict[str, tuple[int, dict[str, str], bytes]]


def snapshot(*statuses: str, age_seconds: int = 0) -> tuple[int, dict[str, str], bytes]:
    nodes = [{"node": f"node{number}", "status": status} for number, status in enumerate(statuses)]
    stats = {"online_nodes": statuses.count("online"), "total_nodes": len(statuses)}
    body = json.dumps({"nodes": nodes, "cluster_stats": stats}).encode()
    return 200, {"Age": str(age_seconds)}, body


class Site:
    """The answers by path, and the port that gives them."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []
        #: What requests must show; ``None``: nobody is asked.
        self.wanted: str | None = None
        self.answers: Answers = {
            "/readyz": (200, {}, b"ready\n"),
            "/": (200, {}, b"<html>"),
            "/api/cluster/snapshot": snapshot("online", "offline"),
            "/api/cluster/health": (200, {}, json.dumps({"issues": ["node1 is offline: it sleeps"]}).encode()),
            "/socket.io/": (200, {}, b'0{"sid":"abc","upgrades":[]}'),
        }
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                status, headers, body = site.answers.get(path, (404, {}, b""))
                if site.wanted not in (None, self.headers["Authorization"]) and path != "/readyz":
                    status = 401
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                site.posted.append(self.path.encode() + b" " + self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self.server.server_address[1]
        self.now = 1000.0

    def watch(self, *headers: tuple[str, str], **inner: int) -> Watch:
        inner = inner or {"api": self.port}
        watch = Watch("127.0.0.1", self.port, inner, dict(headers), monotonic=lambda: self.now)
        self.now += 5
        return watch


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with serving(site.server):
        yield site


def test_product_is_ready_when_page_round_and_push_are_there(site: Site) -> None:
    # given
    watch = site.watch()
    # then
    assert watch.is_ready(), watch.missing
    assert watch.missing == ""
    assert watch.nodes() == (1, 2)
    assert watch.issues() == ["node1 is offline: it sleeps"]


def test_session_of_the_handshake_is_closed_again(site: Site) -> None:
    # when
    assert site.watch().is_ready()
    # then
    assert site.posted == [b"/socket.io/?EIO=4&transport=polling&sid=abc 1"]


def test_product_is_ready_for_who_may_see_it(site: Site) -> None:
    # given
    site.wanted = "Bearer abc"
    # then
    stranger, guest = site.watch(), site.watch(("Authorization", "Bearer abc"))
    assert not stranger.is_ready()
    assert stranger.missing == "the page answers with status 401"
    assert guest.is_ready(), guest.missing
    assert guest.nodes() == (1, 2)


@pytest.mark.parametrize(
    ("path", "answer", "missing"),
    [
        ("/readyz", (503, {}, b"not ready: no contact with Redis yet"), "api says: not ready: no contact with Redis"),
        ("/", (502, {}, b""), "the page answers with status 502"),
        ("/api/cluster/snapshot", (503, {}, b"{}"), "the collector has not published yet"),
        ("/api/cluster/snapshot", snapshot("online", age_seconds=60), "not published yet in this run"),
        ("/api/cluster/snapshot", snapshot("online", "unknown"), "1 of 2 nodes has not been looked at yet"),
        ("/api/cluster/snapshot", (200, {"Age": "0"}, b"garbage"), "the snapshot cannot be read"),
        ("/api/cluster/snapshot", (200, {}, b"{}"), "the snapshot cannot be read"),
        ("/socket.io/", (404, {}, b""), "the push does not answer"),
        ("/socket.io/", (200, {}, b"0{}"), "the push does not answer"),
    ],
)
def test_product_is_not_ready_and_says_what_is_missing(site: Site, path: str, answer: Any, missing: str) -> None:
    # given
    watch = site.watch()
    site.answers[path] = answer
    # when
    assert not watch.is_ready()
    # then
    assert missing in watch.missing


def test_one_known_node_is_enough_once_the_first_look_takes_long(site: Site) -> None:
    # given
    watch = site.watch()
    site.answers["/api/cluster/snapshot"] = snapshot("online", "unknown")
    # when
    site.now += FIRST_LOOK_SECONDS
    # then
    assert watch.is_ready()
    # but
    site.answers["/api/cluster/snapshot"] = snapshot("unknown", "unknown")
    assert not watch.is_ready()


def test_no_targets_at_all_are_ready_too(site: Site) -> None:
    # given
    site.answers["/api/cluster/snapshot"] = snapshot()
    watch = site.watch()
    # then
    assert watch.is_ready()
    site.now += FIRST_LOOK_SECONDS
    assert watch.is_ready()


def test_service_that_does_not_listen_is_named_with_its_port(site: Site) -> None:
    # given
    port = free_port()
    watch = site.watch(collector=port)
    # when
    assert not watch.is_ready()
    # then
    assert watch.missing.startswith(f"collector does not answer on port {port}")


def test_nodes_and_issues_are_empty_when_the_api_has_gone(site: Site) -> None:
    # given
    watch = site.watch()
    site.answers.clear()
    # then
    assert watch.nodes() == (0, 0)
    assert watch.issues() == []


def test_fetch_refuses_what_is_no_http(valkey: Any) -> None:
    with pytest.raises(OSError, match="no HTTP"):
        fetch("127.0.0.1", valkey.port, "/")
