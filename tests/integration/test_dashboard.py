"""An open page names each stopped service and recovers by itself."""

import pytest
from playwright.sync_api import Page, expect

from tests.drivers.chromium import visit
from tests.drivers.deployment import Deployment

LIVE = "#freshness[data-state=live]"
#: The page reacts within ten seconds; the rest is for the engine, which stops the container, on a busy machine.
SAYS_WITHIN_MS = 60_000
LIVE_WITHIN_MS = 120_000


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        ("redis", "Redis has been unavailable since"),
        ("collector", "The collector is not running"),
        ("ws", "the ws service does not answer"),
    ],
)
def test_page_names_the_problem_while_a_service_is_stopped(
    deployment: Deployment, page: Page, service: str, sentence: str
) -> None:
    visit(page, deployment.origin + "/")
    page.evaluate("window.notReloaded = true")
    expect(page.locator(LIVE)).to_be_visible(timeout=LIVE_WITHIN_MS)
    expect(page.locator("#banner")).to_be_hidden()
    deployment.compose("stop", service)
    try:
        expect(page.locator("#banner")).to_contain_text(sentence, timeout=SAYS_WITHIN_MS)
        expect(page.locator(LIVE)).to_have_count(0)
    finally:
        deployment.compose("start", service)
    expect(page.locator(LIVE)).to_be_visible(timeout=LIVE_WITHIN_MS)
    expect(page.locator("#banner")).to_be_hidden(timeout=LIVE_WITHIN_MS)
    assert page.evaluate("window.notReloaded")


def test_history_survives_a_restart_of_the_collector(deployment: Deployment) -> None:
    def known() -> int:
        [series] = deployment.rest.json("/api/history?range_seconds=900&measure=cpu_usage")["series"]
        return sum(1 for value in series["measures"]["cpu_usage"]["avg"] if value is not None)

    deployment.compose("restart", "collector")
    deployment.next_round()
    assert known() >= 1
