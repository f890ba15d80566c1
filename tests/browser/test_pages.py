"""The pages in a real Chromium, against the product as ``make run`` starts it."""

import json
import os
import re
from pathlib import Path

import pytest
import redis as redis_client
from playwright.sync_api import Page, expect

from tests.browser.conftest import POLLS_SECONDS, RECONNECTS_SECONDS, STALE_SECONDS, WAIT_MS, Asked, Product, let_pass
from tests.drivers.rewriting_proxy import RewritingProxy
from tests.drivers.valkey import Valkey

LIVE = "#freshness[data-state=live]"
#: Memory taken at a time, and how often: others may give back as much meanwhile.
HELD_BYTES = 256 * 1024 * 1024
HELD_TIMES = 12


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", '[data-top="memory_usage"]'),
        ("/nodes", "#node-rows"),
        ("/monitoring?measure=memory_usage", "#node-charts"),
    ],
)
def test_page_shows_this_machine_moving_without_a_reload(product: Product, page: Page, path: str, place: str) -> None:
    page.goto(product.origin + path)
    page.evaluate("window.notReloaded = true")
    expect(page.locator(LIVE)).to_be_visible()
    expect(page).to_have_title(re.compile("lab"))
    node = page.locator(f'{place} [data-node="{os.uname().nodename}"]')
    expect(node).to_contain_text(re.compile(r"\d\s?%"))
    seen = node.inner_text()
    # Memory moves when somebody takes some; CPU may stand still at 100 %.
    held: list[bytes] = []
    while node.inner_text() == seen:
        assert len(held) < HELD_TIMES, seen
        held.append(b"x" * HELD_BYTES)
        page.wait_for_timeout(3000)
    held.clear()
    assert page.evaluate("window.notReloaded")


def test_page_gives_full_snapshots_to_a_function_that_another_page_defined(product: Product, page: Page) -> None:
    page.add_init_script("window.seen = []")
    page.goto(product.origin + "/websocket-test")
    page.evaluate("() => { window.refreshMetrics = (snapshot) => { window.seen.push(snapshot) } }")
    page.wait_for_function("() => window.seen.length >= 2", timeout=WAIT_MS)
    first, second = page.evaluate("window.seen.slice(0, 2)")
    assert second["seq"] > first["seq"]
    assert second["nodes"][0]["node"] == os.uname().nodename
    assert set(second) == set(product.rest.json("/api/cluster/snapshot"))


def test_websocket_test_page_connects_asks_and_shows_every_event(product: Product, page: Page) -> None:
    page.goto(product.origin + "/websocket-test")
    for event in ("connection_confirmed", "redis_cluster_metrics", "redis_cluster_health", "redis_cluster_alerts"):
        expect(page.locator(f'#events [data-event="{event}"]').first).to_be_attached()
    for button, event in {
        "#request-health": "health_response",
        "#request-nodes": "nodes_status_response",
        "#request-cluster": "cluster_status_response",
    }.items():
        page.click(button)
        expect(page.locator(f'#events [data-event="{event}"]').first).to_be_attached()
    # Disconnected by hand, it stays so, and nothing arrives; connected by hand, all begins again
    page.click("#disconnect")
    expect(page.locator("#connection-state[data-connected=false]")).to_be_visible()
    page.click("#clear")
    product.next_round()
    product.next_round()
    expect(page.locator("#connection-state[data-connected=false]")).to_be_visible()
    expect(page.locator('#events [data-event="redis_cluster_metrics"]')).to_have_count(0)
    page.click("#connect")
    expect(page.locator("#connection-state[data-connected=true]")).to_be_visible()
    expect(page.locator('#events [data-event="redis_cluster_metrics"]').first).to_be_attached()


def test_page_polls_while_push_is_away_and_stops_when_it_is_back(product: Product, page: Page) -> None:
    # Given a network that lets no push through
    away = True
    polled: list[str] = []
    page.on("request", lambda request: polled.append(request.url) if "/api/" in request.url else None)
    page.route("**/socket.io/**", lambda route: route.abort() if away else route.continue_())
    page.route_web_socket("**/socket.io/**", lambda socket: socket.close() if away else socket.connect_to_server())
    page.clock.install()
    page.goto(product.origin + "/")
    let_pass(page, *POLLS_SECONDS)
    # Then the page polls, and never by the route that makes a publication
    expect(page.locator("#freshness[data-state=polling]")).to_be_visible()
    assert any("/api/cluster/snapshot" in url for url in polled)
    assert not any(url.endswith("/api/cluster/nodes") for url in polled)
    # When push is back, it is live and polls no more
    away = False
    let_pass(page, *RECONNECTS_SECONDS)
    expect(page.locator(LIVE)).to_be_visible()
    polled.clear()
    product.next_round()
    product.next_round()
    expect(page.locator(LIVE)).to_be_visible()
    # The charts read once what they missed, whenever the machine gets to it.
    assert [url for url in polled if "/api/history" not in url] == []


def test_refused_origin_is_named_on_the_page_with_the_setting_that_allows_it(product: Product, page: Page) -> None:
    proxy = RewritingProxy(product.port, "localhost:8085")
    page.goto(proxy.origin + "/")
    banner = page.locator("#banner")
    expect(banner).to_contain_text(proxy.origin)
    expect(banner).to_contain_text("WS_ALLOWED_ORIGINS")
    proxy.close()
    refusals = [line for line in product.process.log().splitlines() if proxy.origin in line]
    assert len(refusals) == 1
    assert "WS_ALLOWED_ORIGINS" in refusals[0]


def test_page_opened_while_redis_is_away_says_that_its_data_is_old(product: Product, page: Page, store: Valkey) -> None:
    page.clock.install()
    store.stop()
    try:
        page.goto(product.origin + "/")
        let_pass(page, *STALE_SECONDS)
        expect(page.locator("#freshness[data-state=stale]")).to_be_visible()
        expect(page.locator("#banner")).to_contain_text("Redis")
    finally:
        store.start()
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()


def test_node_name_is_text_and_never_html(product: Product, page: Page) -> None:
    page.goto(product.origin + "/nodes")
    expect(page.locator(LIVE)).to_be_visible()
    name = "<img src=x onerror=window.hacked=1>"
    snapshot = product.rest.json("/api/cluster/snapshot")
    snapshot["nodes"] = [{**snapshot["nodes"][0], "node": name}]
    # The next round takes the name away again, so the page itself says whether it showed it
    page.evaluate(
        """([snapshot, name]) => {
            const look = () => { window.wasShown ||= document.body.textContent.includes(name) };
            new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true });
            window.refreshMetrics(snapshot);
            look();
        }""",
        [snapshot, name],
    )
    page.wait_for_function("window.wasShown")
    assert page.evaluate("window.hacked") is None


def test_page_without_targets_names_the_file_and_the_line_that_installs_the_exporter(
    page: Page, tmp_path: Path
) -> None:
    targets = tmp_path / "mine.yaml"
    targets.write_text("workers: []\n")
    product = Product(str(tmp_path / "data"), TARGETS=str(targets))
    product.start()
    try:
        page.goto(product.origin + "/")
        expect(page.locator("body")).to_contain_text(str(targets))
        assert str(targets) in product.process.log()
        targets.write_text("workers: ['127.0.0.1:9']\n")
        expect(page.locator("body")).to_contain_text("apt-get install -y prometheus-node-exporter")
    finally:
        product.stop()


def test_message_published_by_hand_is_shown_on_the_test_page(product: Product, page: Page, store: Valkey) -> None:
    page.goto(product.origin + "/websocket-test")
    expect(page.locator('#events [data-event="redis_cluster_alerts"]').first).to_be_attached()
    client: redis_client.Redis = store.client()
    client.publish("cluster:alerts", json.dumps({"by hand": "<b>é</b>"}))
    client.close()
    expect(page.locator("#events")).to_contain_text("<b>é</b>")


def test_page_of_a_product_that_asks_nobody_to_sign_in_is_as_it_was(product: Product, page: Page) -> None:
    page.clock.install()
    asked = Asked(page)
    page.goto(product.origin + "/")
    expect(page.locator(LIVE)).to_be_visible()
    assert page.locator("body[data-signed-in], .person, #sign-out").count() == 0
    page.clock.fast_forward(400_000)
    expect(page.locator(LIVE)).to_be_visible()
    assert asked.of("/api/session") == []
