"""Languages, themes, the keyboard, and the content security policy."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LIVE, Fleet, OpenPage, open_live

PAGES = [
    "/",
    "/nodes",
    "/nodes?view=grid",
    "/nodes/node03",
    "/compare?node=node03",
    "/monitoring",
    "/alerts",
    "/live",
    "/websocket-test",
]


@pytest.mark.parametrize("path", PAGES)
def test_page_sends_requests_only_to_its_origin_and_obeys_its_policy(fleet: Fleet, page: Page, path: str) -> None:
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


def test_page_is_french_for_a_french_browser_and_the_language_switch_is_remembered(
    fleet: Fleet, open_page: OpenPage
) -> None:
    page = open_live(open_page(locale="fr-CA"), fleet.product.origin + "/nodes?q=node1")
    assert page.evaluate("document.documentElement.lang") == "fr"
    expect(page.locator("h1")).to_have_text("Nœuds")
    expect(page.locator("#freshness")).to_contain_text("En direct")
    expect(page.locator("#node-rows .status").first).to_have_text("En ligne")
    expect(page.locator("#node-rows .number").first).to_have_text(re.compile(r"\d,\d\s%"))
    # The switch keeps the state of the page and applies to the next page
    page.click("a[data-language=en]")
    expect(page.locator("h1")).to_have_text("Nodes")
    assert page.url.endswith("/nodes?q=node1")
    page.goto(fleet.product.origin + "/alerts")
    expect(page.locator("h1")).to_have_text("Alerts")


def test_alert_reads_in_french(fleet: Fleet, open_page: OpenPage) -> None:
    try:
        fleet.fault("node07", "dead")
        page = open_live(open_page(locale="fr-FR"), fleet.product.origin + "/")
        expect(page.locator("#active-alerts")).to_contain_text("node07 est hors ligne\u00a0: connexion refusée")
    finally:
        fleet.fault("node07", "none")


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-GB", "its 12 previous targets stay in use: workers, entry 2: '256.1.1.1' is not an IPv4 address"),
        (
            "fr-FR",
            "12 cibles précédentes restent utilisées\u00a0: workers, entrée 2\u00a0: "
            "'256.1.1.1' n'est pas une adresse IPv4",
        ),
    ],
)
def test_error_in_a_file_is_shown_in_the_language_of_the_page(
    fleet: Fleet, open_page: OpenPage, locale: str, text: str
) -> None:
    with fleet.with_targets("workers:\n  - node01\n  - 256.1.1.1\n"):
        page = open_live(open_page(locale=locale), fleet.product.origin + "/")
        expect(page.locator("[data-issues] >> visible=true").first).to_contain_text(text)


def test_theme_follows_the_system_until_a_theme_is_chosen_and_remembered(fleet: Fleet, open_page: OpenPage) -> None:
    page = open_live(open_page(color_scheme="dark"), fleet.product.origin + "/")
    lightness = "Number(getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/)[0])"
    assert page.evaluate(lightness) < 60
    page.click("#theme")
    assert page.evaluate(lightness) > 200
    page.goto(fleet.product.origin + "/monitoring")
    assert page.evaluate(lightness) > 200


def test_keyboard_alone_opens_a_node(fleet: Fleet, page: Page) -> None:
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
