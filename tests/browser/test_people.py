"""For people: languages, themes, sizes, assistive technology, and a page that keeps to itself."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Fleet

LIVE = "#freshness[data-state=live]"
PAGES = ["/", "/nodes", "/nodes?view=grid", "/nodes/node03", "/monitoring", "/alerts", "/live", "/websocket-test"]


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page of a phone's width."""
    context = browser.new_context(locale="en-GB", viewport={"width": 380, "height": 780}, has_touch=True)
    yield context.new_page()
    context.close()


def _open(browser: Browser, origin: str, path: str, **options: Any) -> Page:
    page = browser.new_context(**options).new_page()
    page.goto(origin + path)
    expect(page.locator(LIVE)).to_be_visible()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(fleet: Fleet, browser: Browser, path: str, scheme: Any) -> None:
    page = _open(browser, fleet.product.origin, path, color_scheme=scheme)
    found = serious(page)
    page.context.close()
    assert found == []


@pytest.mark.parametrize("path", PAGES)
def test_phone_has_no_horizontal_scrolling(fleet: Fleet, phone: Page, path: str) -> None:
    phone.goto(fleet.product.origin + path)
    expect(phone.locator(LIVE)).to_be_visible()
    assert phone.evaluate("document.scrollingElement.scrollWidth") <= 380


# The test page is a list that grows at its top: there, moving is what it is for.
@pytest.mark.parametrize("path", [path for path in PAGES if path != "/websocket-test"])
def test_nothing_moves_as_data_arrives(fleet: Fleet, page: Page, path: str) -> None:
    page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift += entry.value })
            .observe({ type: "layout-shift", buffered: true })"""
    )
    page.goto(fleet.product.origin + path)
    expect(page.locator(LIVE)).to_be_visible()
    for _ in range(2):
        fleet.product.next_round()
    assert page.evaluate("window.shift") <= 0.01


@pytest.mark.parametrize("path", PAGES)
def test_page_asks_nobody_else_and_breaks_no_rule_of_its_policy(fleet: Fleet, page: Page, path: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(
        "window.broken = [];"
        "addEventListener('securitypolicyviolation', (event) => window.broken.push(event.blockedURI))"
    )
    response = page.goto(fleet.product.origin + path)
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    expect(page.locator(LIVE)).to_be_visible()
    fleet.product.next_round()
    origins = tuple(fleet.product.origin.replace("http", scheme, 1) for scheme in ("http", "ws"))
    assert [url for url in asked if not url.startswith((*origins, "data:"))] == []
    assert page.evaluate("window.broken") == []


def test_browser_that_wants_french_gets_it_and_the_switch_is_remembered(fleet: Fleet, browser: Browser) -> None:
    page = _open(browser, fleet.product.origin, "/nodes?q=node1", locale="fr-CA")
    assert page.evaluate("document.documentElement.lang") == "fr"
    expect(page.locator("h1")).to_have_text("Nœuds")
    expect(page.locator("#freshness")).to_contain_text("En direct")
    expect(page.locator("#node-rows .status").first).to_have_text("En ligne")
    expect(page.locator("#node-rows .number").first).to_have_text(re.compile(r"\d,\d\s%"))
    # The switch keeps the state of the page, and counts for the next one
    page.click("a[data-language=en]")
    expect(page.locator("h1")).to_have_text("Nodes")
    assert page.url.endswith("/nodes?q=node1")
    page.goto(fleet.product.origin + "/alerts")
    expect(page.locator("h1")).to_have_text("Alerts")
    page.context.close()


def test_alert_reads_in_french(fleet: Fleet, browser: Browser) -> None:
    try:
        fleet.fault("node07", "dead")
        page = _open(browser, fleet.product.origin, "/", locale="fr-FR")
        expect(page.locator("#active-alerts")).to_contain_text("node07 est hors ligne\u00a0: connexion refusée")
        page.context.close()
    finally:
        fleet.fault("node07", "none")


def test_theme_is_the_systems_until_one_is_chosen_which_is_remembered(fleet: Fleet, browser: Browser) -> None:
    page = _open(browser, fleet.product.origin, "/", color_scheme="dark")
    lightness = "Number(getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/)[0])"
    assert page.evaluate(lightness) < 60
    page.click("#theme")
    assert page.evaluate(lightness) > 200
    page.goto(fleet.product.origin + "/monitoring")
    assert page.evaluate(lightness) > 200
    page.context.close()


def test_keyboard_alone_comes_to_a_node(fleet: Fleet, page: Page) -> None:
    page.goto(fleet.product.origin + "/nodes")
    expect(page.locator("#node-rows [role=row]")).to_have_count(12)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    page.locator("input[name=q]").press_sequentially("node09")
    expect(page.locator("#node-rows [role=row]")).to_have_count(1)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.link === 'node'"):
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/nodes/node09$"))


def test_name_of_the_cluster_and_version_are_on_every_page(fleet: Fleet, page: Page) -> None:
    version = fleet.product.rest.json("/api/health")["version"]
    for path in PAGES:
        page.goto(fleet.product.origin + path)
        expect(page.locator("header .cluster")).to_have_text("lab")
        expect(page.locator("footer")).to_contain_text(version)
        expect(page).to_have_title(re.compile("lab · "))
