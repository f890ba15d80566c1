"""One severity for one situation: the same sentence, and the same figures in its marks, on every page."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene

#: Pages of the whole cluster, with what they have room for.
PAGES = ["/", "/nodes", "/monitoring", "/alerts", "/live"]


@pytest.mark.parametrize("path", PAGES)
def test_page_says_what_is_wrong_in_one_sentence_when_alerts_fire(troubled: Scene, page: Page, path: str) -> None:
    page.goto(troubled.origin + path)
    verdict = page.locator("[data-verdict]")
    expect(verdict).to_have_text("3 nodes offline, 2 critical alerts, 1 warning, 1 info alert")
    expect(verdict).to_have_attribute("data-status", "critical")
    counts = page.locator("[data-counts]")
    expect(counts).to_have_attribute("aria-label", "3 nodes offline, 2 critical alerts, 1 warning, 1 info alert")
    shown = counts.locator("[data-count-of]:not([hidden])")
    assert shown.evaluate_all("all => all.map(each => [each.dataset.countOf, each.innerText.trim()])") == [
        ["offline", "3"], ["critical", "2"], ["warning", "1"], ["info", "1"],
    ]  # fmt: skip
    shapes = shown.evaluate_all("all => all.map(each => getComputedStyle(each.firstChild, '::before').clipPath)")
    assert len({*shapes[1:]}) == 3
    expect(page).to_have_title(re.compile("^\\(☒ 3 ✖ 2 ▲ 1 ■ 1\\) lab"))
    assert "critical" in str(page.locator("link[rel=icon]").get_attribute("href"))


@pytest.mark.parametrize("path", PAGES)
def test_page_says_that_all_is_well_when_nothing_fires(scene: Scene, page: Page, path: str) -> None:
    scene.show(50, "calm")
    page.goto(scene.origin + path)
    verdict = page.locator("[data-verdict]")
    expect(verdict).to_have_text("All 50 nodes are well")
    expect(verdict).to_have_attribute("data-status", "healthy")
    expect(page.locator("[data-counts] [data-count-of]:not([hidden])")).to_have_count(0)
    expect(page).to_have_title(re.compile("^lab"))


def test_sentence_is_in_the_readers_language_when_it_is_french(scene: Scene, open_page: OpenPage) -> None:
    page = open_page(locale="fr-FR")
    scene.show(1, "alerts")
    page.goto(scene.origin + "/")
    expect(page.locator("[data-verdict]")).to_have_text("1 nœud hors ligne")
    scene.show(1, "calm")
    expect(page.locator("[data-verdict]")).to_have_text("Le nœud va bien")
    scene.show(50, "alerts")
    expect(page.locator("[data-verdict]")).to_have_text(
        "3 nœuds hors ligne, 2 alertes critiques, 1 avertissement, 1 alerte info"
    )


@pytest.mark.parametrize(
    ("locale", "told"),
    [("en-GB", "No node has a temperature sensor."), ("fr-FR", "Aucun nœud n'a de capteur de température.")],
)
def test_list_of_the_hottest_says_so_when_no_node_has_a_sensor(
    scene: Scene, open_page: OpenPage, locale: str, told: str
) -> None:
    def without(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r'"temperature":[\d.]+', '"temperature":null', answer.text()))

    scene.show(20, "calm")
    page = open_page(locale=locale)
    page.route("**/socket.io/**", lambda route: route.abort())
    page.route_web_socket("**/socket.io/**", lambda socket: socket.close())
    page.route("**/api/cluster/snapshot", without)
    page.route(scene.origin + "/", without)
    page.goto(scene.origin + "/")
    expect(page.locator("#top-none-temperature")).to_have_text(told)
    expect(page.locator("#top-none-temperature")).to_be_visible()
    expect(page.locator("#top-none-cpu_usage")).to_be_hidden()
