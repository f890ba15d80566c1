"""Every page shows the name of a node as text, even if the name contains HTML."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LIVE
from tests.drivers.local_product import LocalProduct, local_product

NAME = "<img src=x onerror=window.hacked=1>/\"'&amp;{{7*7}}"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProduct]:
    """A cluster of one offline node with this name."""
    folder: Path = tmp_path_factory.mktemp("product")
    rules, targets = folder / "alerts.yaml", folder / "nodes.yaml"
    rules.write_text("node_down: {for_seconds: 1}\n")
    quoted = NAME.replace("'", "''")
    targets.write_text(f"workers:\n  - {{host: '127.0.0.1:9', name: '{quoted}'}}\n")
    with local_product(folder / "data", TARGETS=str(targets), COLLECTOR_RULES=str(rules)) as product:
        yield product


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "#active-alerts"),
        ("/nodes", "#node-rows"),
        ("/nodes?view=grid", "#node-cards"),
        ("/nodes/" + quote(NAME, safe=""), "#node h1"),
        ("/monitoring", "#node-charts"),
        ("/alerts", "main"),
        ("/live", "#wall-troubles"),
    ],
)
def test_name_is_shown_as_text(product: LocalProduct, page: Page, path: str, place: str) -> None:
    response = page.goto(product.origin + path)
    assert response is not None
    assert response.status == 200
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator(place)).to_contain_text(NAME)
    assert page.locator("main img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_link_to_a_node_opens_its_page(product: LocalProduct, page: Page) -> None:
    page.goto(product.origin + "/nodes")
    page.locator("#node-rows a").click()
    expect(page.locator("#node h1")).to_have_text(NAME)
    expect(page.locator("#node-gone")).to_be_hidden()
