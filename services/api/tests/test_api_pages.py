"""The web pages and the static files, rendered from the real templates."""

import gzip
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.pages import PAGES
from api.tests.conftest import failing_client, golden_message
from contract import VERSION
from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL
from tests.drivers.valkey import Valkey


class Page(HTMLParser):
    """The parts of a page that a browser uses: initial data, title, and linked addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.page = ""
        self._in = ""
        self._texts: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        self.addresses += [named[name] for name in ("src", "href") if name in named]
        self.inline += [name for name in named if name.startswith("on") or name == "style"]
        self.page = named.get("data-page", self.page)
        if tag == "style" or (tag == "script" and "src" not in named and named.get("type") != "application/json"):
            self.inline.append(tag)
        self._in = named.get("id", "") if tag == "script" else tag

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        self._texts[self._in] = self._texts.get(self._in, "") + data

    @property
    def initial(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self._texts["initial"])
        return result

    @property
    def title(self) -> str:
        return self._texts["title"]


#: Page by requested path; ``node6.lan`` is in the golden snapshot.
ADDRESSES = {path.replace("<path:node>", "node6.lan"): page for path, page in PAGES.items()}


def get(client: FlaskClient, path: str) -> Page:
    response = client.get(path)
    assert response.status_code == 200
    return Page(response.get_data(as_text=True))


@pytest.mark.parametrize("path", sorted(ADDRESSES))
def test_page_contains_the_stored_messages(client: FlaskClient, collector: Any, path: str) -> None:
    collector.store_all()
    collector.store(METRICS_CHANNEL, age_seconds=7)
    page = get(client, path)
    assert page.page == ADDRESSES[path]
    assert page.initial.keys() == {
        "snapshot", "health", "alerts", "age_seconds", "redis_down_since", "version", "cluster_name",
    }  # fmt: skip
    snapshot = golden_message("metrics")
    shown = {"/alerts": [], "/compare": [], "/nodes/node6.lan": ["node6.lan"]}.get(path)
    if shown is not None:
        snapshot["nodes"] = [node for node in snapshot["nodes"] if node["node"] in shown]
        assert len(snapshot["nodes"]) == len(shown)
    assert page.initial["snapshot"] == snapshot
    assert page.initial["health"] == golden_message("health")
    assert page.initial["alerts"] == golden_message("alerts")
    assert 7 <= page.initial["age_seconds"] < 67
    assert page.initial["redis_down_since"] is None
    assert (page.initial["version"], page.initial["cluster_name"]) == (VERSION, "lab")
    assert "lab" in page.title


def test_comparison_contains_the_compared_nodes(client: FlaskClient, collector: Any) -> None:
    collector.store_all()
    page = get(client, "/compare?node=node6.lan&node=nobody&node=head.lan")
    assert [node["node"] for node in page.initial["snapshot"]["nodes"]] == ["head.lan", "node6.lan"]
    left_out = "&".join(f"node=n{number}" for number in range(12))
    assert get(client, f"/compare?{left_out}&node=node6.lan").initial["snapshot"]["nodes"] == []


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("path", [*sorted(ADDRESSES), "/nobody"])
def test_page_marks_simulated_nodes_when_the_snapshot_does(
    client: FlaskClient, collector: Any, path: str, language: str
) -> None:
    snapshot = golden_message("metrics")

    def simulated_note() -> tuple[str, str]:
        html = client.get(path, headers={"Accept-Language": language}).get_data(as_text=True)
        found = re.search(r'<p id="simulated"([^>]*)>(.*?)</p>', html, re.DOTALL)
        assert found
        return found[1].partition('role="note"')[2].strip(), re.sub(r"<[^>]+>|\s+", " ", found[2]).strip()

    for simulated, hidden in ((False, "hidden"), (True, "")):
        collector.store(METRICS_CHANNEL, json.dumps(snapshot | {"simulated": simulated}).encode())
        client.get("/")  # an error page uses remembered data and reads none
        state, text = simulated_note()
        assert (state, {"en": "nodes are simulated", "fr": "nœuds sont simulés"}[language] in text) == (hidden, True)


@pytest.mark.parametrize("path", sorted(ADDRESSES))
def test_page_loads_and_reports_the_outage_when_redis_is_away(
    client: FlaskClient, valkey: Valkey, collector: Any, path: str
) -> None:
    collector.store(METRICS_CHANNEL)
    get(client, path)
    valkey.stop()
    page = get(client, path)
    assert page.initial["snapshot"] is not None
    assert page.initial["redis_down_since"] is not None
    assert page.initial["health"] is None


def test_node_page_is_404_only_when_the_snapshot_lacks_the_node(
    client: FlaskClient, valkey: Valkey, collector: Any
) -> None:
    assert client.get("/nodes/nobody").status_code == 200
    collector.store(METRICS_CHANNEL)
    assert client.get("/nodes/node6.lan").status_code == 200
    response = client.get("/nodes/no%2Fbody")
    assert response.status_code == 404
    assert Page(response.get_data(as_text=True)).page == "node"
    assert "no/body" in response.get_data(as_text=True)


def test_page_shows_the_configured_cluster_name_when_redis_never_answered(client: FlaskClient, valkey: Valkey) -> None:
    valkey.stop()
    page = get(client, "/")
    assert (page.initial["snapshot"], page.initial["age_seconds"]) == (None, None)
    assert page.initial["redis_down_since"] is not None
    assert page.initial["cluster_name"] == "nameless"
    assert "nameless" in page.title


def test_page_omits_a_message_that_is_garbage(client: FlaskClient, collector: Any) -> None:
    collector.store(METRICS_CHANNEL, b'{"x":</script>')
    collector.store(HEALTH_CHANNEL)
    page = get(client, "/")
    assert page.initial["snapshot"] is None
    assert page.initial["health"]["overall_status"] == "warning"


NASTY = "</script><script>alert(1)</script><!-- &amp; \u2028\u2029 \\ \" '"


def test_page_escapes_names_with_markup(client: FlaskClient, collector: Any) -> None:
    snapshot = golden_message("metrics")
    snapshot["cluster"] = snapshot["nodes"][0]["node"] = NASTY
    collector.store(METRICS_CHANNEL, json.dumps(snapshot, ensure_ascii=False).encode())
    response = client.get("/")
    html = response.get_data(as_text=True)
    assert "<script>" not in html
    assert "\u2028" not in html.partition('id="initial"')[2]
    page = Page(html)
    assert page.initial["snapshot"] == snapshot
    assert NASTY in page.title


@pytest.mark.parametrize("path", [*sorted(ADDRESSES), "/nope"])
def test_page_obeys_its_own_content_security_policy(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for directive in ("default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"):
        assert directive in policy
    page = Page(response.get_data(as_text=True))
    assert page.inline == []
    assert [address for address in page.addresses if not re.match(r"[/#?](?!/)", address)] == []


@pytest.mark.parametrize("path", sorted(ADDRESSES))
def test_page_links_only_existing_and_cacheable_files(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.headers["Cache-Control"] == "no-store"
    static = [address for address in Page(response.get_data(as_text=True)).addresses if "/static/" in address]
    assert static
    for address in static:
        assert re.search(r"\?v=[0-9a-f]{12}$", address), address
        file = client.get(address, buffered=True)
        assert file.status_code == 200
        assert "immutable" in file.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["/nope", "/nodes/", "/%00", "/static/nope.js", "/static/../app.py", "/static/%2e%2e/app.py", "/%FF"]
)
def test_unknown_page_is_an_error_page(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "404" in response.get_data(as_text=True)
    assert "no-store" in response.headers["Cache-Control"]


def test_error_page_escapes_when_the_path_holds_markup(client: FlaskClient) -> None:
    assert "<img" not in client.get("/<img src=x onerror=alert(1)>").get_data(as_text=True)


def test_failing_page_is_an_error_page_when_its_view_raises(app: Flask) -> None:
    response = failing_client(app, RuntimeError("secret")).get("/")
    assert (response.status_code, response.mimetype) == (500, "text/html")
    assert b"secret" not in response.data


def test_wrong_method_is_an_error_page_when_a_page_is_posted_to(client: FlaskClient) -> None:
    response = client.post("/", data=b"x")
    assert (response.status_code, response.mimetype) == (405, "text/html")
    assert "GET" in response.headers["Allow"]


def test_static_file_is_revalidated_when_its_url_has_no_current_hash(client: FlaskClient) -> None:
    for query in ("", "?v=000000000000", "?v="):
        response = client.get("/static/dashboard.js" + query, buffered=True)
        assert response.headers["Cache-Control"] == "no-cache"
        tag = response.headers["ETag"]
        again = client.get("/static/dashboard.js" + query, headers={"If-None-Match": tag}, buffered=True)
        assert (again.status_code, again.data) == (304, b"")


def test_script_is_small_enough_for_a_slow_network(client: FlaskClient) -> None:
    packed = client.get("/static/dashboard.js", headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert len(packed.data) < 120_000


def test_static_file_is_compressed_when_the_client_accepts_it(client: FlaskClient) -> None:
    plain = client.get("/static/dashboard.js", buffered=True)
    packed = client.get("/static/dashboard.js", headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    again = client.get(
        "/static/dashboard.js",
        headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]},
        buffered=True,
    )
    assert again.status_code == 304
