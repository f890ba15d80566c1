"""The search of the pages: nodes, monitoring, alerts and the wall."""

import csv
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect

from contract.messages import Node
from tests.browser.axe import serious_violations
from tests.browser.cluster import Cluster
from tests.browser.conftest import OpenPage, open_live
from tests.browser.scene import Scene

PHONE = {"width": 390, "height": 844}
SEARCH = "#search"
#: Opacities of the pixels of the wall, from 0 to 255.
ALPHAS = """() => {
    const canvas = document.querySelector("#heat-map-canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [...new Set(data.filter((_, index) => index % 4 === 3))];
}"""


@pytest.fixture
def racks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Fifty nodes with alerts: ten in the rack ``a``, the others in the rack ``row 7``."""
    without_labels = Cluster.nodes

    def nodes(self: Cluster, now: float) -> list[Node]:
        in_rack = {self.name(index): "a" for index in range(10)}
        return [
            msgspec.structs.replace(node, labels={"rack": in_rack.get(node.node, "row 7")})
            for node in without_labels(self, now)
        ]

    monkeypatch.setattr(Cluster, "nodes", nodes)
    scene.show(50, "alerts")
    yield scene
    monkeypatch.undo()


def search(page: Page, text: str) -> None:
    page.fill(SEARCH, text)
    page.press(SEARCH, "Enter")


def test_search_selects_nodes_by_label_and_measure_and_keeps_its_result_at_an_error(racks: Scene, page: Page) -> None:
    open_live(page, racks.origin + "/nodes")
    rows, count, error = (
        page.locator("#node-rows [role=row]"),
        page.locator("#node-count"),
        page.locator("#search-error"),
    )
    search(page, 'rack:"row 7"')
    expect(count).to_have_text("40 of 50 nodes")
    search(page, "rack:a temp>90")
    expect(rows).to_have_count(1)
    expect(rows.locator(".node-name")).to_have_text("node03")
    # A term without a number has an error at its place, and the result stays
    page.fill(SEARCH, "rack:a temp>hot")
    expect(error).to_have_text(
        "temp>hot (character 8): hot is not a number, such as 70 or 0.5. "
        "The page still shows the result of rack:a temp>90."
    )
    expect(page.locator(SEARCH)).to_have_attribute("aria-invalid", "true")
    assert page.locator(SEARCH).get_attribute("aria-describedby") == error.get_attribute("id")
    assert error.get_attribute("role") == "alert"
    expect(rows).to_have_count(1)
    # Escape clears, and the slash returns to the field
    page.press(SEARCH, "Escape")
    expect(error).to_be_hidden()
    expect(count).to_have_text("50 nodes")
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.locator(SEARCH)).to_be_focused()
    expect(page.locator(SEARCH)).to_have_value("")


def test_address_keeps_the_search_and_the_browser_goes_back_to_the_previous_search(racks: Scene, page: Page) -> None:
    open_live(page, racks.origin + "/nodes?q=rack:a&status=offline")
    count = page.locator("#node-count")
    expect(count).to_have_text("3 of 50 nodes")
    page.select_option("select[name=status]", "")
    search(page, "node1*")
    expect(count).to_have_text("10 of 50 nodes")
    page.go_back()
    expect(page.locator(SEARCH)).to_have_value("rack:a")
    # The status is as the reader left it
    expect(count).to_have_text("10 of 50 nodes")
    expect(page).to_have_url(re.compile(r"/nodes\?q=rack%3Aa$"))
    page.go_forward()
    expect(page.locator(SEARCH)).to_have_value("node1*")


def test_csv_has_the_nodes_of_the_search(racks: Scene, page: Page) -> None:
    open_live(page, racks.origin + "/nodes?q=rack:a -node0* status:online,offline")
    expect(page.locator("#node-count")).to_have_text("2 of 50 nodes")
    with page.expect_download() as download:
        page.click("#nodes-csv")
    assert download.value.suggested_filename == "nodes.csv"
    with download.value.path().open(newline="") as file:
        names = [row["node"] for row in csv.DictReader(file)]
    assert names == ["node10", "rack-12-blade-07.compute.hamburg.example.org"]


def test_search_selects_charts_and_follows_the_reader_to_other_pages(racks: Scene, page: Page) -> None:
    open_live(page, racks.origin + "/monitoring")
    search(page, "status:offline rack:a,")
    expect(page.locator("#search-error")).to_contain_text("a value is missing beside the comma")
    search(page, "rack:a status:offline")
    expect(page.locator("#node-charts > li")).to_have_count(3)
    expect(page.locator("#node-count")).to_have_text("3 of 50 nodes")
    expect(page.locator("#as-table")).to_have_attribute("href", "/nodes?q=rack%3Aa+status%3Aoffline")
    # Alerts have no status
    expect(page.locator("header nav a", has_text="Alerts")).to_have_attribute("href", "/alerts?q=rack%3Aa")
    page.click("header nav a:has-text('Live')")
    expect(page.locator(SEARCH)).to_have_value("rack:a status:offline")
    expect(page.locator("#node-count")).to_have_text("3 of 50 nodes")


def test_search_selects_alerts_incidents_and_the_log(racks: Scene, page: Page) -> None:
    open_live(page, racks.origin + "/alerts?severity=critical&q=node03&log=1")
    count = page.locator("#active-count")
    expect(count).to_have_text(re.compile("^1 active, "))
    page.select_option("#filter-severity", "")
    search(page, "node:node03 state:firing rule:temperature,memory")
    expect(count).to_have_text("2 active, 0 ended")
    # The log has the entries of earlier tests too
    expect(page.locator("#log-entries > tr", has_text="node05")).to_have_count(0)
    assert set(page.locator("#log-entries [data-field=node]").all_inner_texts()) == {"node03"}
    search(page, "severity:critical -offline")
    expect(count).to_have_text(re.compile("^2 active, "))
    search(page, "node03 temp>70")
    expect(page.locator("#search-error")).to_contain_text("alerts have no measures")
    expect(count).to_have_text(re.compile("^2 active, "))
    page.click("#clear-filters")
    expect(page.locator(SEARCH)).to_be_focused()
    expect(page.locator("#search-error")).to_be_hidden()
    expect(count).to_have_text(re.compile("^8 active, "))


def test_wall_dims_the_other_nodes_and_lists_only_the_selected_troubles(racks: Scene, page: Page) -> None:
    open_live(page, racks.origin + "/live")
    troubles = page.locator("#wall-troubles > li:visible")
    expect(troubles.first).to_be_visible()
    assert not [alpha for alpha in page.evaluate(ALPHAS) if 40 <= alpha <= 50]
    search(page, "rack:a -status:offline")
    expect(page.locator("#node-count")).to_have_text("7 of 50 nodes")
    expect(page.locator("#wall-trouble-count")).to_have_text("2 nodes in trouble")
    # Every node keeps its place
    expect(page.locator("#heat-map")).to_have_attribute("aria-label", re.compile("50 nodes"))
    page.wait_for_function(f"({ALPHAS})().some((alpha) => alpha >= 40 && alpha <= 50)")
    page.reload()
    expect(page.locator("#node-count")).to_have_text("7 of 50 nodes")


@pytest.mark.parametrize("path", ["/nodes", "/monitoring", "/alerts", "/live"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desktop"])
def test_help_and_error_are_within_the_screen_and_accessible(
    racks: Scene, open_page: OpenPage, path: str, viewport: Any
) -> None:
    page = open_page(locale="fr-FR", color_scheme="dark", viewport=viewport)
    open_live(page, f"{racks.origin}{path}?q=node01 hot>1")
    error = page.locator("#search-error")
    # An address with an error shows everything
    expect(error).to_have_text(re.compile(r"^hot>1 \(caractère 8\)\s: aucune mesure.*La page montre tout\.$"))
    for part in (error, page.locator(".search-syntax")):
        if part != error:
            page.click("#search-help summary")
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= viewport["width"]
    assert serious_violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(".search-syntax")).to_be_hidden()
