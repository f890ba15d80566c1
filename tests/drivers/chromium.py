"""A real Chromium."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from playwright.sync_api import Browser, Error, Page, Request, sync_playwright

from tests.drivers.waiting import eventually
from tests.prepare import find_browser

#: How often a page is opened that the machine's network disturbs.
VISITS = 10
#: The browser's time zone. Its clock shows about noon whenever the tests run, since pages add the date to times of
#: another day.
HOURS_AHEAD_OF_UTC: Final = 12 - datetime.now(UTC).hour

_DISTURBED = "ERR_NETWORK_CHANGED"
#: Where Chromium goes, a little later, when it has dropped a page.
_ERROR_PAGE = "chrome-error:"


def visit(page: Page, url: str) -> None:
    """Open a page beside other containers: Chromium drops what it loads when a network interface comes or goes.

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
                if _DISTURBED not in str(error) and _ERROR_PAGE not in str(error):
                    raise
                continue
            if not dropped:
                return
    raise AssertionError(f"{url}: the network changed during each of {VISITS} visits")


def wait_for(page: Page, selector: str, url: str, within_seconds: float) -> None:
    """Wait until a page that goes to ``url`` by itself shows ``selector``; open it anew if it was disturbed on the way.

    Raises:
        AssertionError: it does not.
    """

    def is_there() -> bool:
        page.wait_for_timeout(100)
        if dropped:
            visit(page, url)
            dropped.clear()
        try:
            return page.locator(selector).is_visible()
        except Error:  # it is between two pages
            return False

    with _dropped(page) as dropped:
        eventually(is_there, within_seconds=within_seconds, what=selector)


@contextmanager
def _dropped(page: Page) -> Iterator[list[str]]:
    """What a network interface that came or went has Chromium drop."""
    dropped: list[str] = []

    def note(request: Request) -> None:
        if _DISTURBED in (request.failure or ""):
            dropped.append(request.url)

    page.on("requestfailed", note)
    try:
        yield dropped
    finally:
        page.remove_listener("requestfailed", note)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine, without anything that it does of its own."""
    binary = find_browser()
    assert binary is not None, "run `make test`, which gets a browser"
    arguments = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        zone = f"Etc/GMT{-HOURS_AHEAD_OF_UTC:+d}"  # its sign is turned round: Etc/GMT-2 is two hours ahead
        browser = playwright.chromium.launch(
            executable_path=str(binary), args=arguments, env={**os.environ, "TZ": zone}
        )
        yield browser
        browser.close()
