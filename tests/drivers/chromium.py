"""A real Chromium."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.prepare import find_browser


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine, without anything that it does of its own."""
    binary = find_browser()
    assert binary is not None, "run `make test`, which gets a browser"
    arguments = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(binary), args=arguments)
        yield browser
        browser.close()
