"""Every page shows the same verdict: the same sentence, severity and counts."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene

#: Pages that show the verdict of the cluster.
PAGES = ["/", "/nodes", "/monitoring", "/alerts", "/live"]


@pytest.mark.parametrize("path", PAGES)
def test_page_shows_one_sentence_about_firing_alerts(troubled: Scene, page: Page, path: str) -> None:
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
def test_page_shows_that_all_nodes_are_healthy_when_no_alert_fires(scene: Scene, page: Page, path: str) -> None:
    scene.show(50, "calm")
    page.goto(scene.origin + path)
    verdict = page.locator("[data-verdict]")
    expect(verdict).to_have_text("All 50 nodes are healthy")
    expect(verdict).to_have_attribute("data-status", "healthy")
    expect(page.locator("[data-counts] [data-count-of]:not([hidden])")).to_have_count(0)
    expect(page).to_have_title(re.compile("^lab"))


@pytest.mark.parametrize("path", ["/", "/nodes", "/monitoring", "/alerts"])
def test_counts_are_hidden_when_the_sentence_has_a_single_kind(scene: Scene, page: Page, path: str) -> None:
    counts = page.locator("main [data-counts]")
    for nodes, state, sentence in ((50, "warnings", "2 warnings"), (1, "alerts", "1 node offline")):
        scene.show(nodes, state)
        page.goto(scene.origin + path)
        expect(page.locator("[data-verdict]")).to_have_text(sentence)
        expect(page.locator("#freshness[data-state=live]")).to_be_visible()
        expect(counts).to_be_hidden()
        if path in ("/nodes", "/monitoring"):
            expect(page.get_by_role("link", name=sentence)).to_have_attribute("href", "/alerts")
    # And with several kinds, each kind has its count
    scene.show(50, "alerts")
    expect(counts).to_be_visible()


def test_wall_shows_counts_of_a_single_kind(scene: Scene, page: Page) -> None:
    scene.show(50, "warnings")
    page.goto(scene.origin + "/live")
    expect(page.locator("[data-verdict]")).to_have_text("2 warnings")
    expect(page.locator("#wall-firing [data-count-of=warning]")).to_be_visible()


def test_sentence_is_french_for_a_french_reader(scene: Scene, open_page: OpenPage) -> None:
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
    ("locale", "text"),
    [("en-GB", "No node has a temperature sensor."), ("fr-FR", "Aucun nœud n'a de capteur de température.")],
)
def test_list_of_the_hottest_nodes_has_a_message_when_no_node_has_a_sensor(
    scene: Scene, open_page: OpenPage, locale: str, text: str
) -> None:
    def remove_temperatures(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r'"temperature":[\d.]+', '"temperature":null', answer.text()))

    scene.show(20, "calm")
    page = open_page(locale=locale)
    page.route("**/socket.io/**", lambda route: route.abort())
    page.route_web_socket("**/socket.io/**", lambda socket: socket.close())
    page.route("**/api/cluster/snapshot", remove_temperatures)
    page.route(scene.origin + "/", remove_temperatures)
    page.goto(scene.origin + "/")
    expect(page.locator("#top-none-temperature")).to_have_text(text)
    expect(page.locator("#top-none-temperature")).to_be_visible()
    expect(page.locator("#top-none-cpu_usage")).to_be_hidden()
    heights = page.locator(".tops > section").evaluate_all("(all) => all.map((each) => each.offsetHeight)")
    assert heights == [heights[0]] * 3


@pytest.mark.parametrize("width", [390, 1280])
def test_list_of_the_busiest_nodes_is_as_high_as_its_rows(scene: Scene, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for nodes in (1, 50):
        scene.show(nodes, "calm")
        page.goto(scene.origin + "/")
        rows = page.locator("[data-top=cpu_usage] > li")
        expect(rows).to_have_count(min(nodes, 5))
        row = rows.first.bounding_box()
        box = page.locator("[data-top=cpu_usage]").bounding_box()
        assert row is not None
        assert box is not None
        assert box["height"] - row["height"] * min(nodes, 5) == pytest.approx(0, abs=1)
