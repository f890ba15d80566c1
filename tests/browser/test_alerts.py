"""An alert appears and resolves on every page that shows alerts, and is announced once."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LIVE, Fleet, open_live

NODE = "node05"


@pytest.fixture
def faulty_fleet(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet. The fault of the node is cleared afterwards."""
    yield fleet
    fleet.fault(NODE, "none")


def test_alert_appears_is_announced_once_and_resolves(faulty_fleet: Fleet, page: Page) -> None:
    open_live(page, faulty_fleet.product.origin + "/")
    expect(page.locator("#alerts .when-none")).to_be_visible()
    # When a node fails
    faulty_fleet.fault(NODE, "dead")
    alert = page.locator(f'#active-alerts [data-alert="node_down/{NODE}"][data-state=firing]')
    expect(alert).to_contain_text(f"{NODE} is offline")
    toast = page.locator(".toast")
    expect(toast).to_contain_text(f"{NODE} is offline")
    expect(page).to_have_title(re.compile(r"^\(☒ 1\) "))
    assert "warning" in str(page.locator("link[rel=icon]").get_attribute("href"))
    expect(page.locator("#node-map")).to_have_attribute("aria-label", re.compile("1 offline"))
    # Then another page of the tab shows the alert without announcing it again
    page.goto(faulty_fleet.product.origin + "/alerts")
    row = page.locator(f'#active [data-alert="node_down/{NODE}"]')
    expect(row.locator("[data-field=message]")).to_have_text(re.compile("^offline: "))
    expect(row.locator("[data-field=node]")).to_have_text(NODE)
    expect(page.locator(LIVE)).to_be_visible()
    faulty_fleet.product.next_round()
    expect(toast).to_have_count(0)
    # When the node is back, the alert is resolved and in the log
    faulty_fleet.fault(NODE, "none")
    entry = page.locator("#log-entries > tr", has_text=NODE).first
    expect(entry.locator("[data-field=message]")).to_have_text("online again")
    expect(page).to_have_title(re.compile(r"^lab"))
    page.goto(faulty_fleet.product.origin + "/")
    expect(page.locator("#alerts .when-none")).to_be_visible()


def test_page_of_a_node_shows_only_its_own_alerts(faulty_fleet: Fleet, page: Page) -> None:
    faulty_fleet.fault(NODE, "dead")
    page.goto(f"{faulty_fleet.product.origin}/nodes/{NODE}")
    expect(page.locator("#active-alerts")).to_contain_text(f"{NODE} is offline")
    expect(page.locator("#node .trouble").first).to_contain_text("connection refused")
    page.goto(f"{faulty_fleet.product.origin}/nodes/node06")
    expect(page.locator("#alerts .when-none")).to_be_visible()


def test_full_cpu_is_not_shown_as_trouble(faulty_fleet: Fleet, page: Page) -> None:
    faulty_fleet.fault(NODE, "busy")
    page.goto(faulty_fleet.product.origin + "/")
    expect(page.locator('[data-top="cpu_usage"] li').first).to_contain_text(NODE)
    expect(page.locator("#alerts .when-none")).to_be_visible()
    expect(page.locator("#health [data-verdict][data-status=healthy]")).to_be_visible()
    assert page.evaluate("document.body.dataset.tone") == "well"
