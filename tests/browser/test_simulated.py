"""Every page shows a notice while some of its nodes are simulated."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Fleet, OpenPage
from tests.drivers.waiting import eventually

PATHS = ("/", "/nodes", "/nodes/node05", "/monitoring", "/alerts", "/live", "/websocket-test")
TEXTS = {"en-GB": "Some of these nodes are simulated", "fr-FR": "Certains de ces nœuds sont simulés"}


@pytest.fixture
def demo(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet as a demo."""
    mark_simulated(fleet, True)
    yield fleet
    mark_simulated(fleet, False)


def mark_simulated(fleet: Fleet, simulated: bool) -> None:
    text = fleet.targets.read_text().replace("simulated: true\n", "")
    fleet.targets.write_text(("simulated: true\n" if simulated else "") + text)
    eventually(lambda: fleet.product.rest.json("/api/cluster/snapshot")["simulated"] == simulated)


@pytest.mark.parametrize("locale", TEXTS)
def test_every_page_shows_that_nodes_are_simulated(demo: Fleet, open_page: OpenPage, locale: str) -> None:
    page = open_page(locale=locale, viewport={"width": 1440, "height": 900})
    for path in PATHS:
        page.goto(demo.product.origin + path)
        notice = page.locator("#simulated")
        expect(notice).to_contain_text(TEXTS[locale])
        expect(notice).to_be_in_viewport(ratio=1)
        # And the notice stays after the page has drawn the data
        expect(page.locator("#freshness")).to_have_attribute("data-state", re.compile("live|polling"))
        expect(notice).to_be_visible()


def test_page_shows_and_hides_the_notice_when_the_nodes_change(fleet: Fleet, page: Page) -> None:
    for path in ("/nodes", "/alerts", "/live"):
        page.goto(fleet.product.origin + path)
        expect(page.locator("#freshness")).to_have_attribute("data-state", "live")
        expect(page.locator("#simulated")).to_be_hidden()
        mark_simulated(fleet, True)
        expect(page.locator("#simulated")).to_be_visible()
        mark_simulated(fleet, False)
        expect(page.locator("#simulated")).to_be_hidden()


def test_wall_shows_the_notice_in_full_screen(demo: Fleet, page: Page) -> None:
    page.goto(f"{demo.product.origin}/live")
    page.locator("#full-screen").click()
    expect(page.locator("#full-screen")).to_have_text("Leave full screen")
    assert page.evaluate("document.fullscreenElement.contains(document.getElementById('simulated'))")
    expect(page.locator("#simulated")).to_be_visible()
