"""The compose file as a user has it, from nothing to the page and back."""

import os
import re

from playwright.sync_api import Page, expect

from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import engine

LIVE = "#freshness[data-state=live]"
WAIT_MS = 30_000


def test_up_ends_with_the_page_live_and_down_with_nothing_but_the_data(page: Page) -> None:
    deployment = Deployment(replicas=2)
    try:
        deployment.compose("up", "-d", "--wait")
        page.goto(deployment.origin + "/")
        expect(page.locator(LIVE)).to_be_visible(timeout=WAIT_MS)
        node = page.locator(f'[data-node="{os.uname().nodename}"]').first
        expect(node).to_be_visible(timeout=WAIT_MS)
        before = node.inner_text()
        page.wait_for_function(
            "([name, before]) => document.querySelector(`[data-node='${name}']`).innerText !== before",
            arg=[os.uname().nodename, before],
            timeout=WAIT_MS,
        )
        expect(page).to_have_title(re.compile("lab"))
        deployment.down()
        project = {"label": f"com.docker.compose.project={deployment.name}"}
        assert engine().containers.list(all=True, filters=project) == []
        assert engine().networks.list(filters=project) == []
        kept = {volume.name.removeprefix(f"{deployment.name}_") for volume in engine().volumes.list(filters=project)}
        assert {"data", "secrets-redis", "secrets-api"} <= kept
    finally:
        deployment.close()


def test_page_says_what_is_wrong_while_the_api_is_away(deployment: Deployment, page: Page) -> None:
    deployment.compose("stop", "api")
    try:
        page.goto(deployment.origin + "/")
        expect(page.locator("body")).to_contain_text("docker compose logs api")
        answer = deployment.rest.get("/api/health")
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        # The page comes by itself as soon as the api is there
        deployment.compose("start", "api")
        expect(page.locator(LIVE)).to_be_visible(timeout=WAIT_MS)
    finally:
        deployment.compose("start", "api")
