"""With a thousand nodes, only the visible nodes have elements."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import WebSocketFrames
from tests.browser.scene import Scene
from tests.drivers.waiting import eventually

NODES = 1000
#: Rows of a screen, including the rows beyond its edges.
MAX_ROWS = 60


@pytest.fixture
def large(scene: Scene) -> Scene:
    scene.show(NODES, "calm")
    return scene


@pytest.mark.parametrize("view", ["table", "grid"])
def test_page_has_and_subscribes_to_the_visible_nodes_only(large: Scene, page: Page, view: str) -> None:
    frames = WebSocketFrames(page)

    def subscribed() -> list[str]:
        page.evaluate("0")  # Playwright delivers the events of the page meanwhile
        return frames.subscribed()

    page.goto(f"{large.origin}/nodes?view={view}")
    expect(page.locator("#node-count")).to_have_text(f"{NODES} nodes")
    items = page.locator("#node-rows [role=row], #node-cards li")
    assert 5 < items.count() < MAX_ROWS
    eventually(lambda: 5 < len(subscribed()) < MAX_ROWS, what="a subscription to the visible nodes")
    assert "node0001" in subscribed()
    # At the end of the list, the last node has an element, a subscription and updates
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    last = page.locator('[data-node="node1000"]')
    expect(last).to_be_visible()
    eventually(lambda: "node1000" in subscribed() and "node0001" not in subscribed(), what="another subscription")
    seen = last.inner_text()
    expect(last).not_to_have_text(seen)
    assert items.count() < MAX_ROWS


def test_search_finds_one_of_a_thousand(large: Scene, page: Page) -> None:
    page.goto(large.origin + "/nodes")
    page.fill("input[name=q]", "node0777")
    expect(page.locator("#node-rows [role=row]")).to_have_count(1)
    expect(page.locator("#node-count")).to_have_text(f"1 of {NODES} nodes")


def test_wall_shows_all_nodes(large: Scene, page: Page) -> None:
    page.goto(large.origin + "/live")
    expect(page.locator("#heat-map")).to_have_attribute("aria-label", re.compile(f"^{NODES} nodes"))
