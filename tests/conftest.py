"""A real Chromium, for whoever looks at pages."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.prepare import find_browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    binary = find_browser()
    assert binary is not None, "run `make test`, which gets a browser"
    arguments = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(binary), args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page; an error in its script or console fails the test."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" and "CSP" in line.text else None)
    yield page
    context.close()
    assert errors == []
