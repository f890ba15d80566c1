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
    expect(verdict).to_have_text("All 50 nodes are healthy")
    expect(verdict).to_have_attribute("data-status", "healthy")
    expect(page.locator("[data-counts] [data-count-of]:not([hidden])")).to_have_count(0)
    expect(page).to_have_title(re.compile("^lab"))


@pytest.mark.parametrize("path", ["/", "/nodes", "/monitoring", "/alerts"])
def test_marks_are_left_out_when_the_sentence_beside_them_says_as_much(scene: Scene, page: Page, path: str) -> None:
    counts = page.locator("main [data-counts]")
    for nodes, state, sentence in ((50, "warnings", "2 warnings"), (1, "alerts", "1 node offline")):
        scene.show(nodes, state)
        page.goto(scene.origin + path)
        expect(page.locator("[data-verdict]")).to_have_text(sentence)
        expect(page.locator("#freshness[data-state=live]")).to_be_visible()
        expect(counts).to_be_hidden()
        if path in ("/nodes", "/monitoring"):
            expect(page.get_by_role("link", name=sentence)).to_have_attribute("href", "/alerts")
    # and: what is of several kinds is counted by kind
    scene.show(50, "alerts")
    expect(counts).to_be_visible()


def test_wall_counts_what_is_of_a_single_kind_too(scene: Scene, page: Page) -> None:
    scene.show(50, "warnings")
    page.goto(scene.origin + "/live")
    expect(page.locator("[data-verdict]")).to_have_text("2 warnings")
    expect(page.locator("#wall-firing [data-count-of=warning]")).to_be_visible()


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
    heights = page.locator(".tops > section").evaluate_all("(all) => all.map((each) => each.offsetHeight)")
    assert heights == [heights[0]] * 3


@pytest.mark.parametrize("width", [390, 1280])
def test_list_of_the_busiest_is_as_high_as_its_rows_when_there_are_fewer_than_it_has_room_for(
    scene: Scene, page: Page, width: int
) -> None:
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
