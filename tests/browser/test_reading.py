"""Dense lists, the most severe first, consistent values, and no layout shifts."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious_violations
from tests.browser.cluster import LONG_NAME
from tests.browser.conftest import LIVE, OpenPage, open_live
from tests.browser.scene import Scene

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
#: Largest accepted layout shift. Source: https://web.dev/articles/cls calls 0.1 good
MAX_SHIFT = 0.01
#: Adds up the layout shifts of the page.
RECORD_SHIFT = """window.shift = 0;
new PerformanceObserver((list) => { for (const { value } of list.getEntries()) window.shift += value })
  .observe({ type: "layout-shift", buffered: true })"""


def open_page_live(page: Page, scene: Scene, path: str, viewport: Any = DESKTOP) -> Page:
    """Open ``path`` with ``viewport`` and wait until the page is live."""
    page.set_viewport_size(viewport)
    open_live(page, scene.origin + path)
    return page


# -- charts


def test_nothing_moves_when_the_pointer_is_over_a_chart(troubled: Scene, page: Page) -> None:
    page.add_init_script(RECORD_SHIFT)
    open_page_live(page, troubled, "/monitoring?range=7d")
    name = page.locator("#node-charts .node-name", has_text="node01")
    chart = page.locator("#cluster-charts .chart").first
    expect(chart).to_have_attribute("aria-label", re.compile(r"from \d+"))
    page.wait_for_load_state("networkidle")
    before, places = page.evaluate("window.shift"), [name.bounding_box(), chart.bounding_box()]
    for x in (80, 160, 240):
        chart.hover(position={"x": x, "y": 60})
        expect(chart.locator(".chart-tip")).to_have_text(
            re.compile(r"^[A-Z][a-z]{2} \d{1,2} \d\d:\d\d · (mean|average) \d")
        )
    assert [name.bounding_box(), chart.bounding_box()] == places
    expect(name).to_have_text("node01")
    troubled.next_round()
    assert page.evaluate("window.shift") - before <= MAX_SHIFT
    # The tooltip is hidden without the pointer
    page.mouse.move(1, 1)
    expect(chart.locator(".chart-tip")).to_be_hidden()


def test_current_value_is_the_same_everywhere_on_a_page(troubled: Scene, page: Page) -> None:
    open_page_live(page, troubled, "/nodes/node02")
    same = """() => ["cpu_usage", "memory_usage", "temperature", "load1"].every((measure) =>
        document.querySelector(`#facts [data-field=${measure}]`).textContent ===
        document.querySelector(`[data-measure=${measure}] .readout`).textContent)"""
    for _ in range(2):
        troubled.next_round()
        page.wait_for_function(same)


# -- severities


def test_table_shows_the_most_severe_alert_first_and_marks_its_figure(troubled: Scene, page: Page) -> None:
    open_page_live(page, troubled, "/nodes")
    row = page.locator('#node-rows [data-node="node03"]')
    alerts = row.locator("[data-field=alerts]")
    expect(alerts).to_have_text(re.compile(r"^temperature is 91.5\s°C · memory is 97.2\s% in use · the clock"))
    expect(alerts).to_have_attribute("data-severity", "critical")
    expect(row.locator("[data-field=temperature]")).to_have_attribute("data-offends", "critical")
    expect(row.locator("[data-field=memory_usage]")).to_have_attribute("data-offends", "warning")
    expect(row.locator("[data-field=cpu_usage]")).not_to_have_attribute("data-offends", re.compile("."))
    red = page.evaluate("""() => {
        const bad = Object.assign(document.createElement("i"), { style: "color: var(--bad)" });
        bad.style.color = "var(--bad)";
        document.body.append(bad);
        return getComputedStyle(bad).color;
    }""")
    assert alerts.evaluate("each => getComputedStyle(each).color") == red


# -- long lists


def test_table_shows_twenty_rows_a_screen_and_keeps_its_header_visible(troubled: Scene, page: Page) -> None:
    open_page_live(page, troubled, "/nodes")
    whole = """() => [...document.querySelectorAll("#node-rows [role=row]")]
        .map((row) => row.getBoundingClientRect())
        .filter(({ top, bottom }) => top >= document.querySelector(".node-head").getBoundingClientRect().bottom - 1
            && bottom <= innerHeight).length"""
    assert page.evaluate(whole) >= 20
    page.mouse.move(700, 600)
    page.mouse.wheel(0, 500)
    page.wait_for_function("scrollY > 100")
    head = page.locator(".node-head")
    expect(head).to_be_in_viewport(ratio=1)
    expect(page.locator(LIVE)).to_be_in_viewport(ratio=1)
    top = page.locator("header.top").bounding_box()
    box = head.bounding_box()
    assert top is not None
    assert box is not None
    assert box["y"] >= top["y"] + top["height"] - 1


def test_status_of_a_healthy_node_is_not_bold(troubled: Scene, page: Page) -> None:
    open_page_live(page, troubled, "/nodes")
    weight = "each => getComputedStyle(each).fontWeight"
    assert page.locator('#node-rows [data-node="node01"] .status').evaluate(weight) == "400"
    assert int(page.locator('#node-rows [data-node="node05"] .status').evaluate(weight)) >= 600


#: Width and height of a screen, and the maximum height of the page of a thousand nodes, in screens.
HEIGHTS = [(390, 844, 8), (768, 1024, 5), (1024, 768, 4), (1440, 900, 3)]


@pytest.mark.parametrize(("width", "height", "screens"), HEIGHTS, ids=lambda value: str(value))
def test_monitoring_page_of_a_thousand_nodes_is_a_few_screens_high_and_scrolls_as_a_whole(
    scene: Scene, page: Page, width: int, height: int, screens: int
) -> None:
    scene.show(1000, "alerts")
    open_page_live(page, scene, "/monitoring", {"width": width, "height": height})
    # On a phone, the list begins below the first screen.
    page.locator("#node-charts").scroll_into_view_if_needed()
    charts = page.locator("#node-charts > li")
    expect(charts.first).to_be_visible()
    measured = page.evaluate(
        """() => ({
            screens: document.scrollingElement.scrollHeight / innerHeight,
            elements: document.querySelectorAll("*").length,
            traps: [...document.querySelectorAll("main *")].filter((each) =>
                each.scrollHeight > each.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(each).overflowY)
            ).length,
        })"""
    )
    assert measured["screens"] <= screens
    assert measured["elements"] < 2000
    assert measured["traps"] == 0
    # The last chart can be reached, and the page shows how many are left out and links to all nodes
    page.evaluate("scrollTo(0, document.scrollingElement.scrollHeight)")
    expect(charts.last).to_have_attribute("aria-posinset", "60")
    expect(page.locator("#charts-shown")).to_have_text("60 of 1000 charts")
    page.click("#as-table")
    expect(page.locator("#node-count")).to_have_text("1000 nodes")


def test_charts_begin_with_nodes_in_trouble_and_follow_the_chosen_order(scene: Scene, page: Page) -> None:
    scene.show(1000, "alerts")
    open_page_live(page, scene, "/monitoring")
    names = page.locator("#node-charts .node-name")
    expect(names.nth(5)).to_have_text("node0001")
    assert names.all_inner_texts()[:5] == ["node0003", LONG_NAME, "node0005", "node0006", "node0007"]
    page.select_option("select[name=order]", "node")
    expect(names.nth(2)).to_have_text("node0003")
    assert names.all_inner_texts()[:3] == ["node0001", "node0002", "node0003"]
    page.select_option("select[name=order]", "value")
    expect(page).to_have_url(re.compile(r"\?order=value$"))
    page.select_option("select[name=measure]", "temperature")
    expect(names.first).to_have_text("node0003")
    page.reload()
    expect(names.first).to_have_text("node0003")


def test_show_more_adds_charts_and_moves_the_focus_to_them(scene: Scene, page: Page) -> None:
    scene.show(1000, "calm")
    open_page_live(page, scene, "/monitoring")
    more = page.locator("#show-more")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#charts-shown")).to_have_text("120 of 1000 charts")
    # The eighth node is the last by name
    expect(page.locator("#node-charts .node-name:focus")).to_have_text("node0062")
    # Another search shows the first charts, without the button if all fit
    page.fill("input[name=q]", "node05")
    expect(page.locator("#charts-shown")).to_have_text("60 of 100 charts")
    expect(page.locator("#as-table")).to_have_attribute("href", "/nodes?q=node05")
    page.fill("input[name=q]", "node055")
    expect(more).to_be_hidden()
    expect(page.locator("#node-charts > li")).to_have_count(10)


# -- a phone


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_phone_shows_the_names_of_all_pages_without_scrolling(
    troubled: Scene, open_page: OpenPage, locale: str
) -> None:
    page = open_page_live(open_page(locale=locale, has_touch=True, viewport=PHONE), troubled, "/nodes", PHONE)
    boxes = [link.bounding_box() for link in page.locator("header nav a").all()]
    search = page.locator("input[name=q]").bounding_box()
    assert len(boxes) == 5
    for box in boxes:
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE["width"]
        assert box["height"] >= 44
    # The search has the whole width within the margins
    assert search is not None
    assert search["width"] >= PHONE["width"] - 40


# -- from page to page


def test_range_is_kept_from_page_to_page(troubled: Scene, page: Page) -> None:
    open_page_live(page, troubled, "/monitoring?range=7d")
    page.locator("#node-charts .node-name", has_text="node01").click()
    expect(page).to_have_url(re.compile(r"/nodes/node01\?range=7d$"))
    expect(page.locator("[data-range='7d']")).to_have_attribute("aria-pressed", "true")
    page.click("header nav a[href='/nodes']")
    page.click("header nav a[href='/monitoring']")
    expect(page).to_have_url(re.compile(r"/monitoring\?range=7d$"))
    # Another choice is kept too
    page.click("[data-range='1h']")
    page.click("header nav a[href='/']")
    page.click("header nav a[href='/monitoring']")
    expect(page.locator("[data-range='1h']")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"/monitoring\?range=1h$"))


@pytest.mark.parametrize(("path", "node"), [("/monitoring", ""), ("/nodes/node02", "node02")])
def test_csv_of_history_has_the_range_of_the_page(
    troubled: Scene, page: Page, path: str, node: str,
) -> None:  # fmt: skip
    open_page_live(page, troubled, path)
    page.click("[data-range='6h']")
    with page.expect_download() as download:
        page.click("#history-csv")
    head, *rows = download.value.path().read_text().splitlines()
    assert head.startswith("start,node,cpu_usage_min,")
    assert {row.split(",")[1] for row in rows} == {node}
    first, last = (datetime.fromisoformat(row.split(",")[0]) for row in (rows[0], rows[-1]))
    assert last - first > timedelta(hours=5)


def test_times_have_24_hours_and_the_zone_is_shown(troubled: Scene, open_page: OpenPage) -> None:
    page = open_page_live(open_page(locale="en-US", timezone_id="America/New_York"), troubled, "/alerts")
    expect(page.locator("#log-entries time").first).to_have_text(re.compile(r"(^|\s)\d\d:\d\d:\d\d$"))
    expect(page.locator("footer")).to_contain_text(re.compile(r"America/New_York, UTC−0[45]:00"))


def test_footer_links_to_the_interfaces_for_programs(troubled: Scene, page: Page) -> None:
    open_page_live(page, troubled, "/")
    expect(page.locator("header nav a")).to_have_count(5)
    page.click("footer a[href='/websocket-test']")
    expect(page.locator("h1")).to_have_text("WebSocket test")
    page.click("footer a[href='/api']")
    expect(page.locator("h1")).to_have_text("API")
    routes = page.locator("[data-route]")
    document = troubled.rest.json("/api/openapi.json")
    assert routes.count() == sum(len(operations) for operations in document["paths"].values())
    page.click('[data-route="GET /api/cluster/overview"] a')
    expect(page.locator("body")).to_contain_text("online_nodes")


# -- accessibility


@pytest.mark.parametrize(
    "path",
    ["/", "/nodes", "/nodes?view=grid", "/nodes/node03", "/monitoring", "/alerts", "/live", "/websocket-test", "/api"],
)
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_axe_finds_nothing_serious_while_alerts_fire(
    troubled: Scene, open_page: OpenPage, path: str, viewport: Any, scheme: Any
) -> None:
    page = open_page(locale="fr-FR", color_scheme=scheme, viewport=viewport)
    page.goto(troubled.origin + path)
    if path == "/alerts":
        expect(page.locator("#ended-incidents > tr").first).to_be_visible()
    assert serious_violations(page) == []


# -- layout shifts


@pytest.mark.parametrize(
    "path", ["/", "/nodes", "/nodes?view=grid", "/nodes/node03", "/monitoring", "/alerts", "/live"]
)
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_as_data_arrives(troubled: Scene, page: Page, path: str, viewport: Any) -> None:
    page.add_init_script(RECORD_SHIFT)
    open_page_live(page, troubled, path, viewport)
    for _ in range(3):
        troubled.next_round()
        page.wait_for_timeout(200)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shift") <= MAX_SHIFT
