"""The pages in a real Chromium, against the product as ``make run`` starts it."""

import json
import os
from pathlib import Path

import redis as redis_client
from playwright.sync_api import Page, expect

from tests.browser.conftest import LIVE, WAIT_MS, RequestLog, open_live
from tests.drivers.local_product import LocalProduct, local_product
from tests.drivers.rewriting_proxy import RewritingProxy
from tests.drivers.valkey import Valkey


def test_page_calls_a_foreign_refresh_function_with_full_snapshots(product: LocalProduct, page: Page) -> None:
    page.add_init_script("window.seen = []")
    page.goto(product.origin + "/websocket-test")
    page.evaluate("() => { window.refreshMetrics = (snapshot) => { window.seen.push(snapshot) } }")
    page.wait_for_function("() => window.seen.length >= 2", timeout=WAIT_MS)
    first, second = page.evaluate("window.seen.slice(0, 2)")
    assert second["seq"] > first["seq"]
    assert second["nodes"][0]["node"] == os.uname().nodename
    assert set(second) == set(product.rest.json("/api/cluster/snapshot"))


def test_websocket_test_page_connects_sends_requests_and_shows_every_event(product: LocalProduct, page: Page) -> None:
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
    # After a disconnect by hand no event arrives; after a connect by hand all events arrive again
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


def test_page_names_a_refused_origin_and_the_setting_that_allows_it(product: LocalProduct, page: Page) -> None:
    proxy = RewritingProxy(product.port, "localhost:8085")
    page.goto(proxy.origin + "/")
    banner = page.locator("#banner")
    expect(banner).to_contain_text(proxy.origin)
    expect(banner).to_contain_text("WS_ALLOWED_ORIGINS")
    proxy.close()
    refusals = [line for line in product.process.log().splitlines() if proxy.origin in line]
    assert len(refusals) == 1
    assert "WS_ALLOWED_ORIGINS" in refusals[0]


def test_page_without_targets_names_the_file_and_the_command_that_installs_the_exporter(
    page: Page, tmp_path: Path
) -> None:
    targets = tmp_path / "mine.yaml"
    targets.write_text("workers: []\n")
    with local_product(tmp_path / "data", TARGETS=str(targets)) as product:
        page.goto(product.origin + "/")
        expect(page.locator("body")).to_contain_text(str(targets))
        assert str(targets) in product.process.log()
        targets.write_text("workers: ['127.0.0.1:9']\n")
        expect(page.locator("body")).to_contain_text("apt-get install -y prometheus-node-exporter")


def test_message_published_by_hand_is_shown_on_the_test_page(product: LocalProduct, page: Page, store: Valkey) -> None:
    page.goto(product.origin + "/websocket-test")
    expect(page.locator('#events [data-event="redis_cluster_alerts"]').first).to_be_attached()
    client: redis_client.Redis = store.client()
    client.publish("cluster:alerts", json.dumps({"by hand": "<b>é</b>"}))
    client.close()
    expect(page.locator("#events")).to_contain_text("<b>é</b>")


def test_page_has_no_account_parts_when_sign_in_is_not_required(product: LocalProduct, page: Page) -> None:
    page.clock.install()
    request_log = RequestLog(page)
    open_live(page, product.origin + "/")
    assert page.locator("body[data-signed-in], .person, #sign-out").count() == 0
    page.clock.fast_forward(400_000)
    expect(page.locator(LIVE)).to_be_visible()
    assert request_log.of("/api/session") == []
