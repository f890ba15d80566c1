"""Chromium, for tests of the pages."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from playwright.sync_api import Browser, Error, Page, Request, sync_playwright

from tests.drivers.waiting import eventually
from tests.prepare import find_browser

#: Attempts to open a page when changes of the network interrupt the visits.
VISITS = 10
#: The browser's time zone. Its clock shows about noon whenever the tests run, because pages add the date to times of
#: another day.
HOURS_AHEAD_OF_UTC: Final = 12 - datetime.now(UTC).hour

_NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
#: The URL to which Chromium goes, a little later, after an interrupted visit.
_ERROR_PAGE = "chrome-error:"


def visit(page: Page, url: str) -> None:
    """Open a page while other containers run: Chromium aborts requests when a network interface appears or disappears.

    Raises:
        Error: the page cannot be opened.
        AssertionError: each of ``VISITS`` visits was disturbed.
    """
    with _dropped(page) as dropped:
        for _ in range(VISITS):
            dropped.clear()
            try:
                page.goto(url)
            except Error as error:
                if _NETWORK_CHANGED not in str(error) and _ERROR_PAGE not in str(error):
                    raise
                continue
            if not dropped:
                return
    raise AssertionError(f"{url}: the network changed during each of {VISITS} visits")


def wait_for(page: Page, selector: str, url: str, within_seconds: float) -> None:
    """Wait until a page that navigates to ``url`` shows ``selector``; open it again after an interrupted visit.

    Raises:
        AssertionError: the page does not show it in time.
    """

    def is_visible() -> bool:
        page.wait_for_timeout(100)
        if dropped:
            visit(page, url)
            dropped.clear()
        try:
            return page.locator(selector).is_visible()
        except Error:  # the page is navigating
            return False

    with _dropped(page) as dropped:
        eventually(is_visible, within_seconds=within_seconds, what=selector)


@contextmanager
def _dropped(page: Page) -> Iterator[list[str]]:
    """Collect the URLs of requests that Chromium aborts because of a changed network."""
    dropped: list[str] = []

    def note(request: Request) -> None:
        if _NETWORK_CHANGED in (request.failure or ""):
            dropped.append(request.url)

    page.on("requestfailed", note)
    try:
        yield dropped
    finally:
        page.remove_listener("requestfailed", note)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser of this machine, without its background activity."""
    binary = find_browser()
    assert binary is not None, "run `make test`, which gets a browser"
    arguments = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        zone = f"Etc/GMT{-HOURS_AHEAD_OF_UTC:+d}"  # the sign is inverted: Etc/GMT-2 is two hours ahead
        browser = playwright.chromium.launch(
            executable_path=str(binary), args=arguments, env={**os.environ, "TZ": zone}
        )
        yield browser
        browser.close()
