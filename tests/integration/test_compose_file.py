"""The gateway's own page while the services behind it do not answer."""

from playwright.sync_api import Page, expect

from tests.drivers.chromium import visit, wait_for
from tests.drivers.deployment import Deployment

LIVE = "#freshness[data-state=live]"


def test_gateway_shows_its_own_page_while_the_api_is_stopped(deployment: Deployment, page: Page) -> None:
    deployment.compose("stop", "api")
    try:
        visit(page, deployment.origin + "/")
        expect(page.locator("body")).to_contain_text("docker compose logs api")
        answer = deployment.rest.get("/api/health")
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        # The product's page comes by itself as soon as the api answers.
        deployment.compose("start", "api")
        wait_for(page, LIVE, deployment.origin + "/", within_seconds=60)
    finally:
        deployment.compose("start", "api")
