"""A real Chromium, for whoever looks at pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.drivers.chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for one file: while Playwright runs, nothing else in this process may run an asyncio loop."""
    with chromium() as browser:
        yield browser


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
