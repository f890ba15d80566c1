"""A thousand nodes: the list is as long, the page is not."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Frames
from tests.browser.scene import Scene
from tests.drivers.waiting import eventually

NODES = 1000
#: Rows that fill a screen, with those beyond its edges.
ROWS_AT_MOST = 60


@pytest.fixture
def large(scene: Scene) -> Scene:
    scene.show(NODES, "calm")
    return scene


@pytest.mark.parametrize("view", ["table", "grid"])
def test_only_what_is_on_the_screen_is_on_the_page_and_subscribed_to(large: Scene, page: Page, view: str) -> None:
    frames = Frames(page)

    def subscribed() -> list[str]:
        page.evaluate("0")  # events of the page arrive while it is talked to
        return frames.subscribed()

    page.goto(f"{large.origin}/nodes?view={view}")
    expect(page.locator("#node-count")).to_have_text(f"{NODES} nodes")
    items = page.locator("#node-rows [role=row], #node-cards li")
    assert 5 < items.count() < ROWS_AT_MOST
    eventually(lambda: 5 < len(subscribed()) < ROWS_AT_MOST, what="a subscription to what is seen")
    assert "node0001" in subscribed()
    # At the end of the list the last node is there, is subscribed to, and moves
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    last = page.locator('[data-node="node1000"]')
    expect(last).to_be_visible()
    eventually(lambda: "node1000" in subscribed() and "node0001" not in subscribed(), what="another subscription")
    seen = last.inner_text()
    expect(last).not_to_have_text(seen)
    assert items.count() < ROWS_AT_MOST


def test_search_finds_one_of_a_thousand(large: Scene, page: Page) -> None:
    page.goto(large.origin + "/nodes")
    page.fill("input[name=q]", "node0777")
    expect(page.locator("#node-rows [role=row]")).to_have_count(1)
    expect(page.locator("#node-count")).to_have_text(f"1 of {NODES} nodes")


def test_wall_has_room_for_all(large: Scene, page: Page) -> None:
    page.goto(large.origin + "/live")
    expect(page.locator("#heat-map")).to_have_attribute("aria-label", re.compile(f"^{NODES} nodes"))
