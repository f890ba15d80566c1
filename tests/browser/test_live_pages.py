"""Each page updates without a reload and requests only the data that it shows."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LIVE, Fleet, OpenPage, WebSocketFrames, open_live
from tests.drivers.waiting import eventually

#: An element of each page that the next rounds change.
CHANGING_ELEMENTS = {
    "/": '[data-top="cpu_usage"]',
    "/nodes": "#node-rows",
    "/nodes?view=grid": "#node-cards",
    "/nodes/node03": "#node .facts",
    "/monitoring": "#cluster-charts",
    "/live": ".wall-band",
    "/websocket-test": "#counters",
}


@pytest.mark.parametrize("path", CHANGING_ELEMENTS)
def test_page_updates_without_a_reload(fleet: Fleet, page: Page, path: str) -> None:
    page.goto(fleet.product.origin + path)
    page.evaluate("window.notReloaded = true")
    expect(page.locator(LIVE)).to_be_visible()
    seen = page.locator(CHANGING_ELEMENTS[path]).inner_text()
    assert seen
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).innerText !== before",
        arg=[CHANGING_ELEMENTS[path], seen],
        timeout=30_000,
    )
    assert page.evaluate("window.notReloaded")


@pytest.mark.parametrize("path", ["/", "/nodes", "/nodes/node03", "/monitoring", "/live", "/alerts"])
def test_page_receives_deltas_after_the_first_snapshot(fleet: Fleet, page: Page, path: str) -> None:
    frames = WebSocketFrames(page)
    open_live(page, fleet.product.origin + path)

    def deltas() -> list[str]:
        page.wait_for_timeout(0)  # Playwright delivers the events of the browser meanwhile
        return frames.events("cluster_metrics_delta")

    eventually(lambda: len(deltas()) >= 2, within_seconds=30, what="two deltas")
    handshake = next(frame for frame in frames.sent if '"subscribe"' in frame)
    assert '"mode":"delta"' in handshake


def test_page_of_a_node_subscribes_to_this_node_only(fleet: Fleet, page: Page) -> None:
    frames = WebSocketFrames(page)
    open_live(page, fleet.product.origin + "/nodes/node03")
    expect(page.locator("#node [data-field=cpu_usage]")).to_have_text(re.compile(r"\d"))
    [snapshot] = [json.loads(frame[frame.index("[") :])[1] for frame in frames.events("cluster_metrics")][:1]
    assert [node["node"] for node in snapshot["nodes"]] == ["node03"]


def test_address_keeps_search_filter_sort_and_view(fleet: Fleet, page: Page) -> None:
    page.goto(fleet.product.origin + "/nodes")
    rows = page.locator("#node-rows [role=row]")
    expect(rows).to_have_count(12)
    page.fill("input[name=q]", "node1")
    expect(rows).to_have_count(3)
    page.click("[data-sort=cpu_usage]")
    page.click("[data-view=grid]")
    assert page.url.endswith("/nodes?q=node1&sort=-cpu_usage&view=grid")
    # A link with this address shows the same
    page.reload()
    expect(page.locator("#node-cards li")).to_have_count(3)
    expect(page.locator("input[name=q]")).to_have_value("node1")
    page.fill("input[name=q]", "no such node")
    expect(page.locator("#no-match")).to_be_visible()
    page.click("#clear-filters")
    expect(page.locator("#node-cards li")).to_have_count(12)


@pytest.mark.parametrize("path", ["/nodes/node03", "/monitoring"])
def test_charts_show_the_chosen_range(fleet: Fleet, page: Page, path: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/history" in request.url else None)
    page.goto(fleet.product.origin + path)
    chart = page.locator('[data-measure="cpu_usage"] .chart').first
    expect(chart).to_have_attribute("aria-label", re.compile(r"from \d+\s% to \d+\s%, now (average )?\d+\s%"))
    page.click("[data-range='6h']")
    expect(chart).to_have_attribute("aria-label", re.compile(r"from \d+\s% to \d+\s%, now (average )?\d+\s%"))
    assert page.url.endswith("?range=6h")
    assert any("range_seconds=3600" in url for url in asked)
    assert any("range_seconds=21600" in url for url in asked)
    # The canvas has a second colour, that of the line
    assert page.evaluate(
        """() => {
            const canvas = document.querySelector('[data-measure="cpu_usage"] canvas');
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const colors = new Set();
            for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 0) colors.add(data.slice(at, at + 3).join());
            return colors.size > 1;
        }"""
    )


def test_page_draws_values_from_before_it_was_opened(fleet: Fleet, page: Page) -> None:
    # Given rounds before the page is opened
    def recorded() -> list[float]:
        history = fleet.product.rest.json("/api/history?measure=cpu_usage&node=node01&range_seconds=600")
        return [value for value in history["series"][0]["measures"]["cpu_usage"]["avg"] if value is not None]

    eventually(lambda: len(recorded()) >= 2, within_seconds=60, what="twenty seconds of history")
    # Then the line of the page has more than the rounds since it opened
    page.goto(fleet.product.origin + "/nodes?sort=node")
    line = page.locator('#node-rows [data-node="node01"] path')
    expect(line).to_have_attribute("d", re.compile("L"))


def test_wall_shows_every_node_and_opens_its_page(fleet: Fleet, page: Page) -> None:
    open_live(page, fleet.product.origin + "/live?measure=temperature")
    expect(page.locator("#heat-map")).to_have_attribute("aria-label", re.compile("12 nodes"))
    page.locator("#heat-map").press("ArrowRight")
    page.locator("#heat-map").press("Enter")
    expect(page).to_have_url(re.compile(r"/nodes/node0\d"))


def field_text(page: Page, name: str) -> str:
    return (page.locator(f"#facts [data-field={name}]").text_content() or "").replace("\u00a0", " ")


@pytest.mark.parametrize(("locale", "percent"), [("en-GB", r"^\d+\.\d %$"), ("fr-FR", r"^\d+,\d %$")])
def test_page_of_a_node_shows_swap_io_wait_and_pressure(
    fleet: Fleet, open_page: OpenPage, locale: str, percent: str
) -> None:
    page = open_page(locale=locale)
    page.goto(f"{fleet.product.origin}/nodes/node05")
    expect(page.locator("#facts [data-field=iowait]")).to_have_text(re.compile(percent.replace(" ", "\u00a0")))
    assert re.match(percent, field_text(page, "swap_usage"))
    assert (field_text(page, "pressure_io"), field_text(page, "pressure_memory")) == ("0 %", "0 %")
    for name in ("swap_usage", "iowait", "pressure_io", "pressure_memory"):
        expect(page.locator(f"[data-measure={name}] .readout")).to_have_text(re.compile(r"\d"))
