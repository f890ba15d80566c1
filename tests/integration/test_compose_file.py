"""The page that the gateway has while nothing behind it answers."""

from playwright.sync_api import Page, expect

from tests.drivers.chromium import visit, wait_for
from tests.drivers.deployment import Deployment

LIVE = "#freshness[data-state=live]"


def test_page_says_what_is_wrong_while_the_api_is_away(deployment: Deployment, page: Page) -> None:
    deployment.compose("stop", "api")
    try:
        visit(page, deployment.origin + "/")
        expect(page.locator("body")).to_contain_text("docker compose logs api")
        answer = deployment.rest.get("/api/health")
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        # The page comes by itself as soon as the api is there
        deployment.compose("start", "api")
        wait_for(page, LIVE, deployment.origin + "/", within_seconds=60)
    finally:
        deployment.compose("start", "api")
